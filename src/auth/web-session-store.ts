import { and, eq, gt, inArray, isNull, lt, or, sql } from "drizzle-orm";
import { prepared, type Reader, type Tx } from "../storage/store.ts";

const { placeholder } = sql;

type Hash = Uint8Array<ArrayBuffer>;

/** The session that a cookie stands for, whether or not it lives. */
export const sessionByCookie = prepared((db, t) =>
  db
    .select({
      sid: t.sessions.sid,
      uid: t.users.id,
      appid: t.sessions.appid,
      role: t.users.role,
      bannedAt: t.users.bannedAt,
      createdAt: t.sessions.createdAt,
      usedAt: t.sessions.usedAt,
      absoluteExpiresAt: t.sessions.absoluteExpiresAt,
      idleExpiresAt: t.sessions.idleExpiresAt,
      revokedAt: t.sessions.revokedAt,
    })
    .from(t.sessions)
    .innerJoin(t.users, eq(t.users.id, t.sessions.userId))
    .where(eq(t.sessions.cookieHash, placeholder("cookieHash"))),
);

export type CookieSession = Awaited<ReturnType<typeof sessionByCookie>>[number];

/** Moves a living session's idle end. */
export async function keepSession(
  { db, t }: Tx,
  { sid, now, idleExpiresAt }: { sid: string; now: number; idleExpiresAt: number },
): Promise<void> {
  const s = t.sessions;
  await db
    .update(s)
    .set({ usedAt: now, idleExpiresAt })
    .where(and(eq(s.sid, sid), isNull(s.revokedAt), lt(s.usedAt, now)));
}

export interface NewLogin {
  stateHash: Hash;
  holderHash: Hash;
  target: string;
  /** Unix ms. */
  expiresAt: number;
}

export async function insertLogin({ db, t }: Tx, login: NewLogin): Promise<void> {
  const { stateHash, holderHash, target, expiresAt } = login;
  await db.insert(t.webLogins).values({ stateHash, holderHash, target, expiresAt });
}

export const loginByState = prepared((db, t) =>
  db
    .select({
      stateHash: t.webLogins.stateHash,
      holderHash: t.webLogins.holderHash,
      target: t.webLogins.target,
      expiresAt: t.webLogins.expiresAt,
      doneAt: t.webLogins.doneAt,
      codeHash: t.webLogins.codeHash,
      cookieHash: t.webLogins.cookieHash,
    })
    .from(t.webLogins)
    .where(eq(t.webLogins.stateHash, placeholder("stateHash"))),
);

export type Login = Awaited<ReturnType<typeof loginByState>>[number];

/** Which of these cookies began a sign-in that may still end. */
export async function holders(
  { db, t }: Reader,
  { hashes, now }: { hashes: readonly Hash[]; now: number },
): Promise<Hash[]> {
  const w = t.webLogins;
  const found = await db
    .selectDistinct({ holderHash: w.holderHash })
    .from(w)
    .where(and(inArray(w.holderHash, [...hashes]), gt(w.expiresAt, now), isNull(w.doneAt)));
  return found.map(({ holderHash }) => holderHash);
}

/** Whether one of these cookies is what an earlier sign-in of that holder ended with. */
export async function followsHolder(
  { db, t }: Reader,
  { holderHash, hashes }: { holderHash: Hash; hashes: readonly Hash[] },
): Promise<boolean> {
  const w = t.webLogins;
  const found = await db
    .select({ target: w.target })
    .from(w)
    .where(and(eq(w.holderHash, holderHash), inArray(w.cookieHash, [...hashes])))
    .limit(1);
  return found.length > 0;
}

/** Whether the caller is the one who may go on with the sign-in: nobody else does, or not since `before`. */
export async function claimLogin(
  { db, t }: Tx,
  { stateHash, now, before }: { stateHash: Hash; now: number; before: number },
): Promise<boolean> {
  const w = t.webLogins;
  const claimed = await db
    .update(w)
    .set({ claimedAt: now })
    .where(
      and(
        eq(w.stateHash, stateHash),
        isNull(w.doneAt),
        gt(w.expiresAt, now),
        or(isNull(w.claimedAt), lt(w.claimedAt, before)),
      ),
    )
    .returning({ target: w.target });
  return claimed.length > 0;
}

/** Lets others go on with a sign-in that failed for the moment. */
export async function releaseLogin(
  { db, t }: Tx,
  { stateHash, claimedAt }: { stateHash: Hash; claimedAt: number },
): Promise<void> {
  const w = t.webLogins;
  await db
    .update(w)
    .set({ claimedAt: null })
    .where(and(eq(w.stateHash, stateHash), eq(w.claimedAt, claimedAt), isNull(w.doneAt)));
}

/** Ends a sign-in; false if that was done before, or is another's by now. */
export async function finishLogin(
  { db, t }: Tx,
  login: { stateHash: Hash; claimedAt: number; now: number; codeHash: Hash; cookieHash: Hash | null },
): Promise<boolean> {
  const { stateHash, claimedAt, now, codeHash, cookieHash } = login;
  const w = t.webLogins;
  const done = await db
    .update(w)
    .set({ doneAt: now, codeHash, cookieHash })
    .where(and(eq(w.stateHash, stateHash), eq(w.claimedAt, claimedAt), isNull(w.doneAt)))
    .returning({ target: w.target });
  return done.length > 0;
}

/** Deletes up to `limit` sign-ins that ran out before `before` (unix ms); gives how many. */
export async function deleteLogins(
  { db, t }: Tx,
  { before, limit }: { before: number; limit: number },
): Promise<number> {
  const w = t.webLogins;
  const old = db.select({ stateHash: w.stateHash }).from(w).where(lt(w.expiresAt, before)).limit(limit);
  const deleted = await db.delete(w).where(inArray(w.stateHash, old)).returning({ stateHash: w.stateHash });
  return deleted.length;
}
