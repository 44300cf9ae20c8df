import { randomBytes } from "node:crypto";
import type { App } from "../app.ts";
import type { AppRole } from "../auth/apps.ts";
import { partnerPages } from "../services/hall/pages.ts";
import { type Arguments, runCommand, UsageError } from "./command.ts";

const roles: readonly string[] = ["service", "operator", "device", "partner"] satisfies AppRole[];
const usualQuota = "2000";

const usage = `npm run app -- create --role service|operator|device|partner [--appid NAME] [--quota TOKENS_A_DAY] [--pages URL,URL]
       npm run app -- disable NAME
       npm run app -- pages NAME list | add URL | remove URL`;

/** Creates machine identities and takes them out of use; says which pages the hall's visitors may come back to. */
await runCommand({ usage, options: ["role", "appid", "quota", "pages"] }, async (app, args) => {
  const { verb, name, rest } = args;
  if (verb === "create" && !name) await create(app, args);
  else if (verb === "disable" && name) await disable(app, name);
  else if (verb === "pages" && name) await changePages(app, name, rest);
  else throw new UsageError();
});

async function create(app: App, { options }: Arguments): Promise<void> {
  const { role = "", appid = `${role}-${randomBytes(4).toString("hex")}`, quota = usualQuota } = options;
  if (!roles.includes(role) || !/^[1-9]\d{0,8}$/.test(quota)) throw new UsageError();
  const urls = (options.pages ?? "").split(",").flatMap((url) => url.trim() || []);
  if (urls.length > 0 && role !== "partner") throw new UsageError();
  const pages = partnerPages(app);
  for (const url of urls) pages.check(url);
  const { secret } = await app.auth.apps.create({ appid, role: role as AppRole, quotaPerDay: Number(quota) });
  console.log(`appid   ${appid}\nsecret  ${secret}\nThe secret is not shown again.`);
  for (const url of urls) await pages.add(appid, url);
}

async function disable({ auth }: App, name: string): Promise<void> {
  console.log((await auth.apps.disable(name)) ? `${name} is out of use` : `there is no ${name} in use`);
}

async function changePages(app: App, name: string, [what, url]: readonly string[]): Promise<void> {
  const pages = partnerPages(app);
  if (what === "list" && url === undefined) for (const page of await pages.list(name)) console.log(page);
  else if (what === "add" && url) console.log((await pages.add(name, url)) ? "added" : "it is there already");
  else if (what === "remove" && url)
    console.log((await pages.remove(name, url)) ? "removed" : "it is not there");
  else throw new UsageError();
}
