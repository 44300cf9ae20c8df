import { openAuth } from "../../src/auth/auth.ts";
import { AppError } from "../../src/errors.ts";
import { openStore } from "../../src/storage/open.ts";
import { testIds } from "../storage/test-ids.ts";
import type { Outcome, Work } from "./processes.ts";
import { settings } from "./settings.ts";

/** A server of its own that renews tokens when its parent tells it to, and may be killed at a chosen point. */
const [url = "", key = ""] = process.argv.slice(2);
const ids = testIds();
const store = await openStore({ url, ids });
const { tx } = store;
let die: Work["die"];
store.tx = async (body) => {
  const result = await tx(async (inside) => {
    if (die === "at the body's start") kill();
    const value = await body(inside);
    if (die === "before the commit") kill();
    return value;
  });
  if (die === "before the answer") kill();
  return result;
};
const encryptionKey = Buffer.from(key, "base64");
const auth = await openAuth({ store, clock: Date, ids, encryptionKey, settings });

process.on("message", async (work: Work) => {
  die = work.die;
  const renewals = Array.from({ length: work.times }, () =>
    auth.sessions.renew(work.refreshToken, work.attemptId),
  );
  const outcomes: Outcome[] = (await Promise.allSettled(renewals)).map((result) =>
    result.status === "fulfilled"
      ? { refreshToken: result.value.refreshToken }
      : { error: result.reason instanceof AppError ? result.reason.reason : String(result.reason) },
  );
  process.send?.(outcomes);
});
process.on("disconnect", async () => {
  await auth.close();
  await store.close();
});
process.send?.("ready");

function kill(): void {
  process.kill(process.pid, "SIGKILL");
}
