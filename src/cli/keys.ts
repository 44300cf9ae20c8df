import { keySource } from "../app.ts";
import { openKeyAdmin } from "../auth/auth.ts";
import { loadEncryptionKey } from "../auth/seal.ts";
import { runCommand, UsageError } from "./command.ts";

/** Shows and rotates the keys that sign access tokens. */
await runCommand({ usage: "npm run keys -- list | rotate" }, async ({ store, clock, settings }, { verb }) => {
  if (verb !== "list" && verb !== "rotate") throw new UsageError();
  const encryptionKey = loadEncryptionKey(keySource(settings));
  const admin = await openKeyAdmin({ store, clock, encryptionKey, accessTtl: settings.ACCESS_TOKEN_TTL });
  const keys = verb === "rotate" ? await admin.rotate() : await admin.list();
  console.table(
    keys.map(({ kid, state, activeFrom, removeAt }) => ({
      kid,
      state,
      "signs from": dateOf(activeFrom),
      "gone from": removeAt === null ? "" : dateOf(removeAt),
    })),
  );
});

function dateOf(ms: number): string {
  return new Date(ms).toISOString();
}
