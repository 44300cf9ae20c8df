import { createHmac, randomBytes } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { AppError, type Reason } from "../errors.ts";
import type { Store, Tx } from "../storage/store.ts";
import type { Identity } from "./identity.ts";
import type { SessionSettings, Sessions } from "./sessions.ts";
import { endSession, insertEvent } from "./store.ts";
import { digest, hashesOf, type Presented, same, wellFormed } from "./web-cookies.ts";
import {
  type CookieSession,
  claimLogin,
  finishLogin,
  followsHolder,
  holders,
  insertLogin,
  keepSession,
  type Login,
  loginByState,
  releaseLogin,
  sessionByCookie,
} from "./web-session-store.ts";

/** How long the way to WeChat and back may take (ms). */
const LOGIN_MS = 10 * 60_000;
/** How long a browser that lost the answer to its way back gets it again (ms). */
const REPEAT_MS = 2 * 60_000;
/** After so long another callback may ask WeChat, as the one that asks seems to be dead (ms). */
const LEASE_MS = 20_000;
const POLL_MS = 100;
/** A session's idle end moves at most so often (ms); in short sessions, ten times within their length. */
const KEEP_MS = 3600_000;
const RANDOM_BYTES = 32;
/** WeChat takes letters and digits. */
const stateForm = /^[0-9a-f]{64}$/;

/** What WeChat, or a ban, said for good: the same code and state are of no use any more. */
const final: readonly Reason[] = ["WX_CODE_INVALID", "WX_CODE_USED", "USER_BANNED"];

export interface WebSessionDeps {
  store: Store;
  clock: { now(): number };
  ids: { next(): number };
  sessions: Pick<Sessions, "begin">;
  /** Makes the cookies of those who signed in; kept outside the database. */
  key: Uint8Array;
  settings: SessionSettings;
  /** Told, after the commit, of sessions that ended. */
  forget(sids: readonly string[]): void;
  onError?: ((error: unknown) => void) | undefined;
}

/** A cookie to set. */
export interface WebCookie {
  value: string;
  /** s. */
  maxAge: number;
}

/** What a browser came back from WeChat with. */
export interface Callback {
  /** The values of all cookies that have the session cookie's name. */
  cookies: readonly string[];
  state: string;
  code: string;
  /** What the browser calls itself. */
  device: string;
}

/** Where the browser goes now, with which cookie (none: it has it already); or why it is not signed in. */
export type SignInResult = { target: string; cookie: WebCookie | undefined } | { refused: string };

/**
 * Sessions of browsers: rows of `sessions` that a cookie stands for, in place of tokens. The cookie holds
 * 256 bits which the database has the digest of alone, so each look at it asks the database, and an end is
 * noticed by every process at once.
 */
export function webSessions(deps: WebSessionDeps) {
  const { store, clock, ids, sessions, key, settings, forget, onError } = deps;
  const keepMs = Math.min(KEEP_MS, settings.refreshTtl * 100);
  const keeping = new Map<string, Promise<void>>();

  async function found(cookies: readonly Presented[]): Promise<CookieSession[]> {
    const rows = cookies.map(({ hash }) => sessionByCookie(store.read, { cookieHash: hash }));
    return (await Promise.all(rows)).flat();
  }

  /** Not waited for: a busy database must not fail the call. If it fails, the next call tries again. */
  function keep({ sid, usedAt }: CookieSession, now: number): void {
    if (now - usedAt < keepMs || keeping.has(sid)) return;
    const idleExpiresAt = now + settings.refreshTtl * 1000;
    const write = store
      .tx((tx) => keepSession(tx, { sid, now, idleExpiresAt }))
      .catch((error) => onError?.(error))
      .finally(() => keeping.delete(sid));
    keeping.set(sid, write);
  }

  /**
   * The cookie that a sign-in gives a browser. Always the same one for the same cookie and state, so that
   * it can be given again though it is stored nowhere; and nobody can tell it from those two.
   */
  function successor(holder: string, state: string): string {
    return createHmac("sha256", key).update(`${holder} ${state}`).digest("base64url");
  }

  /** Whoever signs in anew in a browser leaves the sessions that it had. */
  async function endPresented(tx: Tx, presented: readonly Presented[], now: number): Promise<string[]> {
    const ended: string[] = [];
    for (const { hash } of presented) {
      const [session] = await sessionByCookie(tx, { cookieHash: hash });
      if (!session) continue;
      const { sid, uid } = session;
      if (!(await endSession(tx, { sid, uid, reason: "replaced", now }))) continue;
      await insertEvent(tx, { id: ids.next(), at: now, kind: "session.replaced", userId: uid, sid });
      ended.push(sid);
    }
    return ended;
  }

  /** A callback that came before: the browser's own gets the same answer, any other gets none. */
  async function repeat(login: Login, presented: readonly Presented[], { state, code }: Callback) {
    const { codeHash, cookieHash, doneAt, holderHash, target } = login;
    const now = clock.now();
    const used = { refused: "the state was used" };
    if (!cookieHash || !codeHash || !same(codeHash, digest(code))) return used;
    const [session] = await sessionByCookie(store.read, { cookieHash });
    if (!session || !lives(session, now)) return used;
    if (presented.some(({ hash }) => same(hash, cookieHash))) return { target, cookie: undefined };
    const holder = presented.find(({ hash }) => same(hash, holderHash));
    if (!holder || now - (doneAt ?? 0) > REPEAT_MS) return used;
    const maxAge = Math.ceil((session.absoluteExpiresAt - now) / 1000);
    return { target, cookie: { value: successor(holder.value, state), maxAge } };
  }

  /**
   * A state that no cookie of the browser began. If it began it with the cookie that it had before it signed
   * in, another tab was faster: it is signed in already, and nothing more is done than to let it go on.
   */
  async function otherTab(login: Login, presented: readonly Presented[], now: number): Promise<SignInResult> {
    const { holderHash, target, expiresAt } = login;
    const refused = { refused: "another browser's state" };
    if (expiresAt <= now || presented.length === 0) return refused;
    if (!(await followsHolder(store.read, { holderHash, hashes: hashesOf(presented) }))) return refused;
    return (await signedInWith(presented, now)) ? { target, cookie: undefined } : refused;
  }

  /** Asks WeChat, as the only one of all callbacks with this state, and signs in. */
  async function finish(
    { stateHash, target, claimedAt }: Login & { claimedAt: number },
    { presented, holder, callback }: { presented: readonly Presented[]; holder: string; callback: Callback },
    swap: (code: string) => Promise<{ uid: number; appid: string }>,
  ): Promise<SignInResult> {
    const { state, code, device } = callback;
    const codeHash = digest(code);
    try {
      const { uid, appid } = await swap(code);
      const value = successor(holder, state);
      const cookieHash = digest(value);
      const ended = await store.tx(async (tx) => {
        const now = clock.now();
        if (!(await finishLogin(tx, { stateHash, claimedAt, now, codeHash, cookieHash }))) {
          throw new AppError("UNAVAILABLE");
        }
        const replaced = await endPresented(tx, presented, now);
        await sessions.begin(tx, { uid, appid, device, cookieHash });
        return replaced;
      });
      forget(ended);
      return { target, cookie: { value, maxAge: settings.refreshMax } };
    } catch (error) {
      const over = error instanceof AppError && final.includes(error.reason);
      const settle = store.tx(async (tx) => {
        if (over)
          await finishLogin(tx, { stateHash, claimedAt, now: clock.now(), codeHash, cookieHash: null });
        else await releaseLogin(tx, { stateHash, claimedAt });
      });
      // Else the lease runs out.
      await settle.catch((failed) => onError?.(failed));
      throw error;
    }
  }

  return {
    /**
     * Whom a browser's cookies speak for; nobody if none of them is a living session's, or if they are
     * several people's: then one was planted, and no order of cookies says which.
     * Throws SESSION_REVOKED, USER_BANNED.
     */
    async authenticate(cookies: readonly string[]): Promise<Identity | undefined> {
      const all = await found(wellFormed(cookies));
      const now = clock.now();
      const living = all.filter((each) => lives(each, now)).sort((a, b) => b.createdAt - a.createdAt);
      const [session] = living;
      if (!session) {
        if (all.some(({ revokedAt }) => revokedAt !== null)) throw new AppError("SESSION_REVOKED");
        return undefined;
      }
      const { uid, sid, appid, role } = session;
      if (living.some((other) => other.uid !== uid)) return undefined;
      if (session.bannedAt !== null) throw new AppError("USER_BANNED");
      keep(session, now);
      return { kind: "user", uid, sid, appid, role };
    },

    /**
     * Begins a sign-in that will end at `target`: gives the state for WeChat, and the cookie that the
     * browser is known by when it comes back, unless it has one.
     */
    async begin(
      cookies: readonly string[],
      target: string,
    ): Promise<{ state: string; cookie: WebCookie | undefined }> {
      const presented = wellFormed(cookies);
      const now = clock.now();
      const state = randomBytes(RANDOM_BYTES).toString("hex");
      const signedIn = await signedInWith(presented, now);
      const none = signedIn || presented.length === 0;
      const pending = none ? [] : await holders(store.read, { hashes: hashesOf(presented), now });
      const known = presented.find(({ hash }) => pending.some((each) => same(each, hash)));
      const value = known?.value ?? randomBytes(RANDOM_BYTES).toString("base64url");
      const holderHash = signedIn?.hash ?? digest(value);
      const login = { stateHash: digest(state), holderHash, target, expiresAt: now + LOGIN_MS };
      await store.tx((tx) => insertLogin(tx, login));
      return { state, cookie: signedIn ? undefined : { value, maxAge: LOGIN_MS / 1000 } };
    },

    /** Where a sign-in of this browser was to end; undefined if it began none with this state that may still end. */
    async targetOf({ cookies, state }: Pick<Callback, "cookies" | "state">): Promise<string | undefined> {
      const login = await loginOf(state);
      const own = login && wellFormed(cookies).some(({ hash }) => same(hash, login.holderHash));
      return own && login.doneAt === null && login.expiresAt > clock.now() ? login.target : undefined;
    },

    /**
     * Ends a sign-in: the state has to be one that this browser began, not over and not used. The code is
     * swapped once, however often and wherever the callback comes; a repeated one gets the same answer.
     * The browser's cookie becomes another one, and sessions it had before end.
     * Throws what `swap` throws, and UNAVAILABLE.
     */
    async signIn(
      callback: Callback,
      swap: (code: string) => Promise<{ uid: number; appid: string }>,
    ): Promise<SignInResult> {
      const presented = wellFormed(callback.cookies);
      for (let waited = 0; waited <= LEASE_MS; waited += POLL_MS) {
        const login = await loginOf(callback.state);
        if (!login) return { refused: "no such state" };
        if (login.doneAt !== null) return repeat(login, presented, callback);
        const holder = presented.find(({ hash }) => same(hash, login.holderHash));
        const now = clock.now();
        if (!holder) return otherTab(login, presented, now);
        if (login.expiresAt <= now) return { refused: "the state ran out" };
        const { stateHash } = login;
        const claim = { stateHash, now, before: now - LEASE_MS };
        if (await store.tx((tx) => claimLogin(tx, claim))) {
          const mine = { presented, holder: holder.value, callback };
          return finish({ ...login, claimedAt: now }, mine, swap);
        }
        await pause(POLL_MS);
      }
      throw new AppError("UNAVAILABLE");
    },

    /** Waits for writes in the background. */
    async settled(): Promise<void> {
      await Promise.all(keeping.values());
    },
  };

  async function loginOf(state: string): Promise<Login | undefined> {
    if (!stateForm.test(state)) return undefined;
    return (await loginByState(store.read, { stateHash: digest(state) }))[0];
  }

  async function signedInWith(presented: readonly Presented[], now: number): Promise<Presented | undefined> {
    for (const each of presented) {
      if ((await found([each])).some((session) => lives(session, now))) return each;
    }
    return undefined;
  }
}

export type WebSessions = ReturnType<typeof webSessions>;

function lives(session: CookieSession, now: number): boolean {
  const { revokedAt, absoluteExpiresAt, idleExpiresAt } = session;
  return revokedAt === null && absoluteExpiresAt > now && idleExpiresAt > now;
}
