import { and, asc, desc, eq, gt, inArray, isNotNull, isNull, lt, ne, notExists, sql } from "drizzle-orm";
import { prepared, preparedWrite, type Reader, type Tx } from "../storage/store.ts";

const { placeholder } = sql;

/** What the tokens of a session are made from. */
export interface TokenSource {
  sid: string;
  uid: number;
  /** In which the person signed in: `client_id` in the tokens. */
  appid: string;
  /** Counts the refresh tokens; the newest one's number. */
  generation: number;
  /** Unix ms. */
  absoluteExpiresAt: number;
}

/** A session as its holder sees it; times in unix ms. */
export interface SessionRecord {
  sid: string;
  device: string;
  createdAt: number;
  /** When its tokens were last renewed. */
  usedAt: number;
}

export interface NewSession {
  sid: string;
  uid: number;
  appid: string;
  device: string;
  now: number;
  absoluteExpiresAt: number;
  idleExpiresAt: number;
  /** Of a browser's session. */
  cookieHash?: Uint8Array<ArrayBuffer> | undefined;
}

/** Why a session ended. */
export type EndReason = "logout" | "revoked" | "reused" | "replaced";

export interface AuditEvent {
  id: number;
  at: number;
  kind: string;
  userId?: number | undefined;
  sid?: string | undefined;
  appid?: string | undefined;
  /** What a program may want to know of it; written as JSON. */
  detail?: Record<string, string | number>;
}

export async function insertSession({ db, t }: Tx, session: NewSession): Promise<void> {
  await db.insert(t.sessions).values({
    sid: session.sid,
    userId: session.uid,
    appid: session.appid,
    device: session.device,
    createdAt: session.now,
    usedAt: session.now,
    absoluteExpiresAt: session.absoluteExpiresAt,
    idleExpiresAt: session.idleExpiresAt,
    cookieHash: session.cookieHash,
  });
}

/** A person's role and, if the account is blocked, since when. */
export const userState = prepared((db, t) =>
  db
    .select({ role: t.users.role, bannedAt: t.users.bannedAt })
    .from(t.users)
    .where(eq(t.users.id, placeholder("uid"))),
);

/** All that decides about a session's tokens. */
export const sessionState = prepared((db, t) =>
  db
    .select({
      sid: t.sessions.sid,
      uid: t.users.id,
      appid: t.sessions.appid,
      role: t.users.role,
      bannedAt: t.users.bannedAt,
      generation: t.sessions.generation,
      absoluteExpiresAt: t.sessions.absoluteExpiresAt,
      idleExpiresAt: t.sessions.idleExpiresAt,
      revokedAt: t.sessions.revokedAt,
      attemptHash: t.sessions.attemptHash,
      rotatedAt: t.sessions.rotatedAt,
      successorUsed: t.sessions.successorUsed,
    })
    .from(t.sessions)
    .innerJoin(t.users, eq(t.users.id, t.sessions.userId))
    .where(eq(t.sessions.sid, placeholder("sid"))),
);

export type SessionState = Awaited<ReturnType<typeof sessionState>>[number];

/** One generation on: only if the presented one is the newest and the session lives. No row otherwise. */
export const rotateSession = preparedWrite((db, t) =>
  db
    .update(t.sessions)
    .set({
      generation: sql`${t.sessions.generation} + 1`,
      idleExpiresAt: sql`${placeholder("idleExpiresAt")}`,
      usedAt: sql`${placeholder("now")}`,
      rotatedAt: sql`${placeholder("now")}`,
      attemptHash: sql`${placeholder("attemptHash")}`,
      successorUsed: false,
    })
    .where(
      and(
        eq(t.sessions.sid, placeholder("sid")),
        eq(t.sessions.generation, placeholder("generation")),
        isNull(t.sessions.revokedAt),
        gt(t.sessions.absoluteExpiresAt, placeholder("now")),
        gt(t.sessions.idleExpiresAt, placeholder("now")),
        notExists(
          db
            .select({ id: t.users.id })
            .from(t.users)
            .where(and(eq(t.users.id, t.sessions.userId), isNotNull(t.users.bannedAt))),
        ),
      ),
    )
    .returning({
      sid: t.sessions.sid,
      uid: sql<number>`${t.sessions.userId}`.mapWith(Number),
      appid: t.sessions.appid,
      generation: t.sessions.generation,
      absoluteExpiresAt: t.sessions.absoluteExpiresAt,
    }),
);

/** Remembers that an access token of this generation was seen. */
export const markUsed = preparedWrite((db, t) =>
  db
    .update(t.sessions)
    .set({ successorUsed: true })
    .where(
      and(
        eq(t.sessions.sid, placeholder("sid")),
        eq(t.sessions.generation, placeholder("generation")),
        eq(t.sessions.successorUsed, false),
      ),
    ),
);

/** Ends one session of a person; true if it was alive until now. */
export async function endSession(
  { db, t }: Tx,
  { sid, uid, reason, now }: { sid: string; uid: number; reason: EndReason; now: number },
): Promise<boolean> {
  const ended = await db
    .update(t.sessions)
    .set({ revokedAt: now, revokeReason: reason })
    .where(and(eq(t.sessions.sid, sid), eq(t.sessions.userId, uid), isNull(t.sessions.revokedAt)))
    .returning({ sid: t.sessions.sid });
  return ended.length > 0;
}

/** Ends all live sessions of a person but one; gives the ended ones' sids. */
export async function endOtherSessions(
  { db, t }: Tx,
  { keep, uid, now }: { keep: string; uid: number; now: number },
): Promise<string[]> {
  const ended = await db
    .update(t.sessions)
    .set({ revokedAt: now, revokeReason: "revoked" satisfies EndReason })
    .where(
      and(
        eq(t.sessions.userId, uid),
        ne(t.sessions.sid, keep),
        isNull(t.sessions.revokedAt),
        gt(t.sessions.absoluteExpiresAt, now),
        gt(t.sessions.idleExpiresAt, now),
      ),
    )
    .returning({ sid: t.sessions.sid });
  return ended.map(({ sid }) => sid);
}

/** A person's live sessions, the last used first. */
export async function liveSessions(
  { db, t }: Reader,
  { uid, now }: { uid: number; now: number },
): Promise<SessionRecord[]> {
  const { sid, device, createdAt, usedAt } = t.sessions;
  return db
    .select({ sid, device, createdAt, usedAt })
    .from(t.sessions)
    .where(
      and(
        eq(t.sessions.userId, uid),
        isNull(t.sessions.revokedAt),
        gt(t.sessions.absoluteExpiresAt, now),
        gt(t.sessions.idleExpiresAt, now),
      ),
    )
    .orderBy(desc(usedAt), asc(sid));
}

/** Deletes up to `limit` sessions whose absolute end was before `before` (unix ms); gives how many. */
export async function deleteEndedSessions(
  { db, t }: Tx,
  { before, limit }: { before: number; limit: number },
): Promise<number> {
  const ended = db
    .select({ sid: t.sessions.sid })
    .from(t.sessions)
    .where(lt(t.sessions.absoluteExpiresAt, before))
    .limit(limit);
  const deleted = await db
    .delete(t.sessions)
    .where(inArray(t.sessions.sid, ended))
    .returning({ sid: t.sessions.sid });
  return deleted.length;
}

/** Blocks or unblocks an account; true if that changed anything, undefined if there is no such person. */
export async function setBanned(
  { db, t }: Tx,
  { uid, bannedAt }: { uid: number; bannedAt: number | null },
): Promise<boolean | undefined> {
  const changed = await db
    .update(t.users)
    .set({ bannedAt })
    .where(
      and(eq(t.users.id, uid), bannedAt === null ? isNotNull(t.users.bannedAt) : isNull(t.users.bannedAt)),
    )
    .returning({ id: t.users.id });
  if (changed.length > 0) return true;
  const [user] = await db.select({ id: t.users.id }).from(t.users).where(eq(t.users.id, uid));
  return user && false;
}

export async function insertEvent({ db, t }: Tx, event: AuditEvent): Promise<void> {
  await db.insert(t.auditEvents).values({
    id: event.id,
    at: event.at,
    kind: event.kind,
    userId: event.userId,
    sid: event.sid,
    appid: event.appid,
    detail: JSON.stringify(event.detail ?? {}),
  });
}
