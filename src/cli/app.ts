import { randomBytes } from "node:crypto";
import type { AppRole } from "../auth/apps.ts";
import { runCommand, UsageError } from "./command.ts";

const roles: readonly string[] = ["service", "operator", "device", "partner"] satisfies AppRole[];
const usualQuota = "2000";

/** Creates machine identities and takes them out of use. */
await runCommand(
  {
    usage:
      "npm run app -- create --role service|operator|device|partner [--appid NAME] [--quota TOKENS_A_DAY] | disable NAME",
    options: ["role", "appid", "quota"],
  },
  async ({ auth }, { verb, name, options }) => {
    if (verb === "disable" && name) {
      console.log((await auth.apps.disable(name)) ? `${name} is out of use` : `there is no ${name} in use`);
      return;
    }
    const { role = "", appid = `${role}-${randomBytes(4).toString("hex")}`, quota = usualQuota } = options;
    if (verb !== "create" || !roles.includes(role) || !/^[1-9]\d{0,8}$/.test(quota)) throw new UsageError();
    const { secret } = await auth.apps.create({ appid, role: role as AppRole, quotaPerDay: Number(quota) });
    console.log(`appid   ${appid}\nsecret  ${secret}\nThe secret is not shown again.`);
  },
);
