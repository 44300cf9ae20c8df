import { type DialectOptions, dialects } from "../../src/http/dialects/index.ts";
import { railSandboxKey } from "../../src/http/dialects/rail.ts";

/** Every dialect, as the sandbox has them; nobody is signed in. */
export function documentedMounts(options: Partial<DialectOptions> = {}) {
  return dialects({
    withoutCredential: { kind: "app", appid: "sandbox-service", role: "service" },
    railKey: railSandboxKey,
    pulse: {
      origins: { listed: [], scheme: "http" },
      isAllowedPage: () => false,
      cookieAttributes: "Path=/; HttpOnly; SameSite=Lax",
    },
    signedIn: async () => undefined,
    // What a table writes of the time is the same in every document.
    clock: { now: () => Date.UTC(2026, 0, 1) },
    ...options,
  });
}
