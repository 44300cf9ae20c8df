import { LRUCache } from "lru-cache";
import { AppError } from "../errors.ts";
import { unavailable } from "../storage/errors.ts";
import type { Store } from "../storage/store.ts";
import { appState } from "./app-store.ts";
import type { Identity } from "./identity.ts";
import type { KeyRing } from "./keys.ts";
import { markUsed, type SessionState, sessionState } from "./store.ts";
import { type AccessClaims, type AccessTokens, SKEW } from "./tokens.ts";

/** How many tokens are remembered, at about 1 kB each. */
const REMEMBERED = 20_000;
/** After so long the database is asked again whether the session or app still lives. */
const RECHECK_MS = 3_000;

export interface AuthenticatorDeps {
  store: Store;
  keys: KeyRing;
  clock: { now(): number };
  tokens: AccessTokens;
  /** Whether a machine identity of that name may exist here at all. */
  admitsApp(appid: string): boolean;
  onError?: ((error: unknown) => void) | undefined;
}

export interface Authenticator {
  /**
   * Says whom an access token speaks for; at once, without a promise, if the token was checked lately.
   * Throws or rejects with TOKEN_INVALID, TOKEN_EXPIRED, SESSION_REVOKED, USER_BANNED; UNAVAILABLE if
   * the database could not be asked.
   */
  authenticate(token: string): Identity | Promise<Identity>;
  /** Forgets the tokens of sessions (by sid) or apps (by appid) whose rights changed: call it after the commit. */
  forget(owners: readonly string[]): void;
  /** Waits for writes in the background. */
  settled(): Promise<void>;
}

interface Entry {
  readonly claims: AccessClaims;
  /** Unix ms; from `notBefore` until before `expiresAt`. */
  readonly notBefore: number;
  readonly expiresAt: number;
  identity: Identity | undefined;
  /** When the database was last asked (unix ms). */
  checkedAt: number;
  /** The question that is under way. */
  checking: Promise<Identity> | undefined;
}

/**
 * Checks access tokens. The signature is checked once a token, the session or app behind it every 3 s:
 * so a logout in another process is noticed within 3 s, and one in this process at once (`forget`).
 */
export function authenticator(deps: AuthenticatorDeps): Authenticator {
  const { store, keys, clock, tokens, admitsApp, onError } = deps;
  const tokensOf = new Map<string, Set<string>>();
  const cache = new LRUCache<string, Entry>({ max: REMEMBERED, dispose: unlink });
  const marking = new Map<string, Promise<void>>();

  function link(token: string, { claims }: Entry): void {
    const of = tokensOf.get(ownerOf(claims));
    if (of) of.add(token);
    else tokensOf.set(ownerOf(claims), new Set([token]));
  }

  function unlink({ claims }: Entry, token: string): void {
    const of = tokensOf.get(ownerOf(claims));
    of?.delete(token);
    if (of?.size === 0) tokensOf.delete(ownerOf(claims));
  }

  /** The first use of a token, as far as the cache knows. */
  async function admit(token: string): Promise<Identity> {
    const claims = await tokens.verify(token).catch(rethrow);
    const entry: Entry = {
      claims,
      notBefore: (claims.nbf - SKEW) * 1000,
      expiresAt: (claims.exp + SKEW) * 1000,
      identity: undefined,
      checkedAt: Number.NEGATIVE_INFINITY,
      checking: undefined,
    };
    // Remembered before the database is asked: `forget` meanwhile takes it out, and an answer that may
    // be older than the end of the session then serves no later call.
    cache.set(token, entry);
    link(token, entry);
    return check(token, entry);
  }

  function check(token: string, entry: Entry): Promise<Identity> {
    entry.checking ??= ask(token, entry);
    return entry.checking;
  }

  async function ask(token: string, entry: Entry): Promise<Identity> {
    const { claims } = entry;
    const now = clock.now();
    try {
      entry.identity = claims.kind === "user" ? await userOf(claims) : await appOf(claims);
      entry.checkedAt = now;
      return entry.identity;
    } catch (error) {
      const refused = !(error instanceof AppError) || error.reason !== "UNAVAILABLE";
      if (refused && cache.peek(token) === entry) cache.delete(token);
      throw error;
    } finally {
      entry.checking = undefined;
    }
  }

  async function userOf(claims: Extract<AccessClaims, { kind: "user" }>): Promise<Identity> {
    const [session] = await sessionState(store.read, { sid: claims.sid }).catch(rethrow);
    if (!session || session.uid !== claims.uid) throw new AppError("TOKEN_INVALID");
    if (session.revokedAt !== null) throw new AppError("SESSION_REVOKED");
    if (session.bannedAt !== null) throw new AppError("USER_BANNED");
    if (isFirstUse(session, claims.generation)) noteUse(session);
    const { uid, sid, appid, role } = session;
    return { kind: "user", uid, sid, appid, role };
  }

  async function appOf({ appid }: { appid: string }): Promise<Identity> {
    const [app] = await appState(store.read, { appid }).catch(rethrow);
    if (!app || app.disabledAt !== null || !admitsApp(appid)) throw new AppError("TOKEN_INVALID");
    return { kind: "app", appid, role: app.role };
  }

  /** Not waited for: a busy database must not fail the call. If it fails, the next check tries again. */
  function noteUse({ sid, generation }: SessionState): void {
    if (marking.has(sid)) return;
    const write = store
      .tx(async (tx) => {
        await markUsed(tx, { sid, generation });
      })
      .catch((error) => onError?.(error))
      .finally(() => marking.delete(sid));
    marking.set(sid, write);
  }

  return {
    authenticate(token) {
      const entry = cache.get(token);
      if (entry === undefined) return admit(token);
      const now = clock.now();
      if (now >= entry.expiresAt) {
        cache.delete(token);
        throw new AppError("TOKEN_EXPIRED");
      }
      if (now < entry.notBefore || !keys.has(entry.claims.kid)) {
        cache.delete(token);
        return admit(token);
      }
      const { identity, checkedAt } = entry;
      if (identity && now - checkedAt < RECHECK_MS && now >= checkedAt) return identity;
      return check(token, entry);
    },

    forget(owners) {
      for (const owner of owners) for (const token of [...(tokensOf.get(owner) ?? [])]) cache.delete(token);
    },

    async settled() {
      await Promise.all(marking.values());
    },
  };
}

/** A login's token replaces nothing, so that its use needs no mark. */
function isFirstUse(session: SessionState, generation: number): boolean {
  return generation > 0 && generation === session.generation && !session.successorUsed;
}

function ownerOf(claims: AccessClaims): string {
  return claims.kind === "user" ? claims.sid : claims.appid;
}

/** Whatever else goes wrong with the database says nothing about the token. */
function rethrow(error: unknown): never {
  throw error instanceof AppError ? error : unavailable(error);
}
