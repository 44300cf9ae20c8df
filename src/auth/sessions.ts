import { createHash, randomBytes } from "node:crypto";
import { AppError, type Reason } from "../errors.ts";
import type { Store, Tx } from "../storage/store.ts";
import {
  endOtherSessions,
  endSession,
  insertEvent,
  insertSession,
  liveSessions,
  rotateSession,
  type SessionRecord,
  type SessionState,
  sessionState,
  setBanned,
  type TokenSource,
  userState,
} from "./store.ts";
import type { AccessTokens, RefreshTokens } from "./tokens.ts";

/** How long a predecessor gives the same successor again, whoever asks: many tabs, many requests at once. */
const GRACE_MS = 30_000;
/** How long the attempt that made the successor may ask again. */
const ATTEMPT_MS = 24 * 3600_000;
const SID_BYTES = 16;

export interface SessionSettings {
  /** How long an access token is good (s). */
  accessTtl: number;
  /** How long a session lasts without being renewed (s). */
  refreshTtl: number;
  /** How long a session lasts at most (s). */
  refreshMax: number;
}

export interface SessionDeps {
  store: Store;
  clock: { now(): number };
  ids: { next(): number };
  accessTokens: AccessTokens;
  refreshTokens: RefreshTokens;
  settings: SessionSettings;
  /** Told, after the commit, of sessions whose access tokens must not be taken for good any more. */
  forget(sids: readonly string[]): void;
}

/** Who signs in, and where. */
export interface SignIn {
  uid: number;
  /** The mini-program's or official account's. */
  appid: string;
  /** What the client calls itself. */
  device: string;
  /** SHA-256 of the cookie that stands for the session, of one that has no tokens. */
  cookieHash?: Uint8Array<ArrayBuffer> | undefined;
}

/** What a client gets when it signs in or renews. */
export interface TokenPair {
  accessToken: string;
  refreshToken: string;
  /** When the access token runs out (unix s). */
  expiry: number;
  uid: number;
}

/** What a presented refresh token is to its session. */
export type Verdict =
  | "REPLAY"
  | Extract<Reason, "SESSION_REVOKED" | "USER_BANNED" | "REFRESH_TOKEN_EXPIRED" | "REFRESH_TOKEN_REUSED">;

/**
 * Judges a refresh token that is not the newest of a living session. Only a direct predecessor may be
 * replayed: within 30 s by anyone; up to 24 h by the same attempt, until the successor's access token
 * was seen. Once the successor's refresh token was used, the presented one is two generations old.
 */
export function judge(
  session: SessionState,
  presented: { generation: number; attemptHash: Uint8Array | null },
  now: number,
): Verdict {
  if (session.revokedAt !== null) return "SESSION_REVOKED";
  if (session.bannedAt !== null) return "USER_BANNED";
  if (session.absoluteExpiresAt <= now || session.idleExpiresAt <= now) return "REFRESH_TOKEN_EXPIRED";
  const { attemptHash } = presented;
  const age = now - (session.rotatedAt ?? 0);
  const same =
    !!attemptHash && !!session.attemptHash && Buffer.compare(attemptHash, session.attemptHash) === 0;
  const may = age < GRACE_MS || (same && age < ATTEMPT_MS && !session.successorUsed);
  return presented.generation === session.generation - 1 && may ? "REPLAY" : "REFRESH_TOKEN_REUSED";
}

/**
 * Sessions: one row for each place where a person is signed in. Every function throws UNAVAILABLE if the
 * database is busy or away.
 */
export function sessions(deps: SessionDeps) {
  const { store, clock, ids, accessTokens, refreshTokens, settings, forget } = deps;

  async function begin(tx: Tx, { uid, appid, device, cookieHash }: SignIn): Promise<TokenSource> {
    const [user] = await userState(tx, { uid });
    if (!user) throw new AppError("USER_NOT_FOUND");
    if (user.bannedAt !== null) throw new AppError("USER_BANNED");
    const now = clock.now();
    const absoluteExpiresAt = now + settings.refreshMax * 1000;
    const sid = randomBytes(SID_BYTES).toString("base64url");
    const idleExpiresAt = now + settings.refreshTtl * 1000;
    await insertSession(tx, { sid, uid, appid, device, now, absoluteExpiresAt, idleExpiresAt, cookieHash });
    return { sid, uid, appid, generation: 0, absoluteExpiresAt };
  }

  /** Makes a pair of tokens; the access token ends with the session at the latest. */
  async function issue(session: TokenSource): Promise<TokenPair> {
    const { sid, uid, appid, generation, absoluteExpiresAt } = session;
    const exp = Math.floor(Math.min(clock.now() + settings.accessTtl * 1000, absoluteExpiresAt) / 1000);
    const [accessToken, refreshToken] = await Promise.all([
      accessTokens.sign({ kind: "user", uid, sid, generation, appid }, exp),
      refreshTokens.sign(session),
    ]);
    return { accessToken, refreshToken, expiry: exp, uid };
  }

  async function endReused(tx: Tx, session: SessionState, now: number): Promise<void> {
    const { sid, uid } = session;
    if (!(await endSession(tx, { sid, uid, reason: "reused", now }))) return;
    await insertEvent(tx, { id: ids.next(), at: now, kind: "session.reused", userId: uid, sid });
  }

  /** Bans or unbans; the sessions stay as they are, and are refused for as long as the ban lasts. */
  async function ban(uid: number, banned: boolean): Promise<void> {
    const live = await store.tx(async (tx) => {
      const now = clock.now();
      const changed = await setBanned(tx, { uid, bannedAt: banned ? now : null });
      if (changed === undefined) throw new AppError("USER_NOT_FOUND");
      if (!changed) return [];
      await insertEvent(tx, {
        id: ids.next(),
        at: now,
        kind: banned ? "user.banned" : "user.unbanned",
        userId: uid,
      });
      return liveSessions(tx, { uid, now });
    });
    forget(live.map(({ sid }) => sid));
  }

  return {
    /** Writes a session down, and no more: for who has more to write with it. Throws USER_NOT_FOUND, USER_BANNED. */
    begin,

    /** Signs a person in on a device. Throws USER_NOT_FOUND, USER_BANNED. */
    async create(signIn: SignIn): Promise<TokenPair> {
      return issue(await store.tx((tx) => begin(tx, signIn)));
    },

    /**
     * Changes a refresh token for the next pair. `attemptId` is a random text that the client stores
     * before it asks, and gives again when it asks again because the answer was lost.
     * Throws REFRESH_TOKEN_INVALID, REFRESH_TOKEN_EXPIRED, REFRESH_TOKEN_REUSED (the session is over),
     * SESSION_REVOKED, USER_BANNED.
     */
    async renew(refreshToken: string, attemptId = ""): Promise<TokenPair> {
      const { sid, generation } = await refreshTokens.verify(refreshToken);
      const attemptHash = attemptId ? createHash("sha256").update(attemptId).digest() : null;
      const outcome = await store.tx(async (tx) => {
        const now = clock.now();
        const idleExpiresAt = now + settings.refreshTtl * 1000;
        const [next] = await rotateSession(tx, { sid, generation, attemptHash, now, idleExpiresAt });
        if (next) return { session: next };
        const [session] = await sessionState(tx, { sid });
        if (!session) return { refused: "REFRESH_TOKEN_INVALID" as const };
        const verdict = judge(session, { generation, attemptHash }, now);
        if (verdict === "REPLAY") return { session };
        // Not thrown here: the end of the session has to be committed.
        if (verdict === "REFRESH_TOKEN_REUSED") await endReused(tx, session, now);
        return { refused: verdict };
      });
      if (outcome.session) return issue(outcome.session);
      forget([sid]);
      throw new AppError(outcome.refused);
    },

    /** Ends one session of a person: its own (logout) or another. Ending it twice is no error. Throws SESSION_NOT_FOUND. */
    async revoke(uid: number, sid: string, reason: "logout" | "revoked"): Promise<boolean> {
      const ended = await store.tx(async (tx) => {
        const now = clock.now();
        if (await endSession(tx, { sid, uid, reason, now })) {
          await insertEvent(tx, { id: ids.next(), at: now, kind: `session.${reason}`, userId: uid, sid });
          return true;
        }
        const [session] = await sessionState(tx, { sid });
        if (session?.uid !== uid) throw new AppError("SESSION_NOT_FOUND");
        return false;
      });
      forget([sid]);
      return ended;
    },

    /** Ends all sessions of a person but one; gives how many. */
    async revokeOthers(uid: number, keep: string): Promise<number> {
      const sids = await store.tx(async (tx) => {
        const now = clock.now();
        const ended = await endOtherSessions(tx, { keep, uid, now });
        for (const sid of ended) {
          await insertEvent(tx, { id: ids.next(), at: now, kind: "session.revoked", userId: uid, sid });
        }
        return ended;
      });
      forget(sids);
      return sids.length;
    },

    /** Where a person is signed in, the last used first. */
    list(uid: number): Promise<SessionRecord[]> {
      return liveSessions(store.read, { uid, now: clock.now() });
    },

    /** Blocks an account: its tokens are refused with USER_BANNED. Throws USER_NOT_FOUND. */
    ban: (uid: number) => ban(uid, true),

    /** Lets a blocked account in again. Throws USER_NOT_FOUND. */
    unban: (uid: number) => ban(uid, false),
  };
}

export type Sessions = ReturnType<typeof sessions>;
