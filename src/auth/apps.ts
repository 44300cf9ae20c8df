import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { AppError, invalid } from "../errors.ts";
import type { Store } from "../storage/store.ts";
import { type AppState, appState, countToken, disableApp, insertApp, type NewApp } from "./app-store.ts";
import { insertEvent } from "./store.ts";
import type { AccessTokens } from "./tokens.ts";

export type AppRole = AppState["role"];

/** How long a machine identity's token is good (s). */
export const APP_TOKEN_TTL = 7200;
const SECRET_BYTES = 32;
export const DAY_MS = 24 * 3600_000;
/** Shanghai's time is UTC+8 all year. */
const SHANGHAI_MS = 8 * 3600_000;

const SANDBOX_ROLES: readonly AppRole[] = ["service", "operator", "device", "partner"];
const SANDBOX_PREFIX = "sandbox-";
const SANDBOX_SECRET = "sandbox";
const SANDBOX_QUOTA = 1_000_000;

export interface AppDeps {
  store: Store;
  clock: { now(): number };
  ids: { next(): number };
  accessTokens: AccessTokens;
  sandbox: boolean;
  /** Told, after the commit, of apps whose tokens must not be taken for good any more. */
  forget(appids: readonly string[]): void;
}

/**
 * Whether a machine identity of that name may exist. The sandbox's have a secret that everybody knows:
 * should a sandbox's database be used in earnest, they are refused.
 */
export function admitsApp(sandbox: boolean): (appid: string) => boolean {
  return (appid) => sandbox || !appid.startsWith(SANDBOX_PREFIX);
}

/**
 * Machine identities. Their secrets are 256 random bits, so a plain SHA-256 of one cannot be turned
 * around; a slow hash would only help against secrets that people choose. Every function throws
 * UNAVAILABLE if the database is busy or away.
 */
export function apps({ store, clock, ids, accessTokens, sandbox, forget }: AppDeps) {
  const admits = admitsApp(sandbox);
  /** Compared with when the app is unknown, so that this takes as long. */
  const nobody = createHash("sha256").update(randomBytes(SECRET_BYTES)).digest();

  /** The app, if the secret is its own. Throws APP_CREDENTIALS_INVALID. */
  async function verify(appid: string, secret: string): Promise<AppState> {
    const [app] = await appState(store.read, { appid });
    const expected = app ? Buffer.from(app.secretHash, "hex") : nobody;
    const fits = timingSafeEqual(expected, createHash("sha256").update(secret).digest());
    if (!fits || !app || app.disabledAt !== null || !admits(appid)) {
      throw new AppError("APP_CREDENTIALS_INVALID");
    }
    return app;
  }

  return {
    verify,

    /**
     * Makes a machine identity and gives its secret, which is shown this once. Throws INVALID_REQUEST if
     * the name is taken or kept for the sandbox.
     */
    async create(app: { appid: string; role: AppRole; quotaPerDay: number }): Promise<{ secret: string }> {
      const { appid, role, quotaPerDay } = app;
      if (appid.startsWith(SANDBOX_PREFIX))
        throw nameRefused(`names with ${SANDBOX_PREFIX} are the sandbox's`);
      const secret = randomBytes(SECRET_BYTES).toString("base64url");
      await store.tx(async (tx) => {
        const createdAt = clock.now();
        const secretHash = hash(secret);
        if (!(await insertApp(tx, { appid, role, quotaPerDay, secretHash, createdAt }))) {
          throw nameRefused("the name is taken");
        }
        await insertEvent(tx, { id: ids.next(), at: createdAt, kind: "app.created", appid });
      });
      return { secret };
    },

    /** Takes a machine identity out of use, with its tokens; false if there is none, or it was before. */
    async disable(appid: string): Promise<boolean> {
      const changed = await store.tx(async (tx) => {
        const now = clock.now();
        if (!(await disableApp(tx, { appid, now }))) return false;
        await insertEvent(tx, { id: ids.next(), at: now, kind: "app.disabled", appid });
        return true;
      });
      forget([appid]);
      return changed;
    },

    /**
     * Changes an appid and its secret for an access token, good for `expiresIn` s, until `expiry` (unix
     * s). Each counts against the day's quota, which begins anew at midnight in Shanghai.
     * Throws APP_CREDENTIALS_INVALID; APP_QUOTA_EXCEEDED with the time until midnight, and when that is (unix s).
     */
    async issueToken(
      appid: string,
      secret: string,
    ): Promise<{ accessToken: string; expiresIn: number; expiry: number }> {
      const { role, quotaPerDay } = await verify(appid, secret);
      const now = clock.now();
      const day = shanghaiDay(now);
      if (!(await store.tx((tx) => countToken(tx, { appid, day: day.name, quota: quotaPerDay })))) {
        const resetsAt = { resets_at: `${day.endsAt / 1000}` };
        throw new AppError("APP_QUOTA_EXCEEDED", resetsAt, { retryAfterMs: day.endsAt - now });
      }
      const expiry = Math.floor(now / 1000) + APP_TOKEN_TTL;
      const accessToken = await accessTokens.sign({ kind: "app", appid, role }, expiry);
      return { accessToken, expiresIn: APP_TOKEN_TTL, expiry };
    },

    /** Adds the sandbox's machine identities, `sandbox-service` and so on, with the secret `sandbox`. */
    async seedSandbox(): Promise<void> {
      if (!sandbox) throw new Error("the sandbox's machine identities are for the sandbox only");
      const secretHash = hash(SANDBOX_SECRET);
      await store.tx(async (tx) => {
        for (const role of SANDBOX_ROLES) {
          const appid = `${SANDBOX_PREFIX}${role}`;
          const app: NewApp = { appid, role, secretHash, quotaPerDay: SANDBOX_QUOTA, createdAt: clock.now() };
          await insertApp(tx, app);
        }
      });
    },
  };
}

/** The day in Shanghai (YYYY-MM-DD) and when it ends; both times in unix ms. */
export function shanghaiDay(now: number): { name: string; endsAt: number } {
  const day = Math.floor((now + SHANGHAI_MS) / DAY_MS);
  return {
    name: new Date(day * DAY_MS).toISOString().slice(0, 10),
    endsAt: (day + 1) * DAY_MS - SHANGHAI_MS,
  };
}

function hash(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}

function nameRefused(description: string): AppError {
  return invalid({ field: "appid", description });
}

export type Apps = ReturnType<typeof apps>;
