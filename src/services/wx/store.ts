import { and, asc, count, desc, eq, gt, inArray, isNotNull, lt, lte, sql } from "drizzle-orm";
import { prepared, type Reader, type Tx } from "../../storage/store.ts";

/** Somebody who follows the official account or did; times in ms. */
export interface FollowerRow {
  openid: string;
  nickName: string;
  iconUrl: string;
  subscribed: boolean;
  attentionTime: number;
  sceneId: number | null;
}

/** Under which openids the apps know a person, the newest first. */
export const identitiesOf = prepared((db, t) =>
  db
    .select({ openid: t.identities.openid, appid: t.identities.appid })
    .from(t.identities)
    .where(eq(t.identities.userId, sql.placeholder("userId")))
    .orderBy(desc(t.identities.id)),
);

/** Their openids alone. */
export async function openidsOf(reader: Reader, userId: number): Promise<string[]> {
  return (await identitiesOf(reader, { userId })).map(({ openid }) => openid);
}

/** The scene that was scanned last under one of the openids, and when (ms). */
export async function lastScene(
  { db, t }: Reader,
  openids: readonly string[],
): Promise<{ sceneId: number; scanTime: number } | undefined> {
  const f = t.followers;
  const [row] = await db
    .select({ sceneId: f.sceneId, scanTime: f.scanTime })
    .from(f)
    .where(and(inArray(f.openid, [...openids]), isNotNull(f.sceneId)))
    .orderBy(desc(f.scanTime))
    .limit(1);
  return row && { sceneId: row.sceneId ?? 0, scanTime: row.scanTime };
}

/** The people who follow or did, in the order in which they were first seen, and how many there are. */
export async function listFollowers(
  { db, t }: Reader,
  { openid, start, limit }: { openid: string; start: number; limit: number },
): Promise<{ followers: FollowerRow[]; total: number }> {
  const f = t.followers;
  // Somebody who only showed a page their name has a row too.
  const asked = and(gt(f.changedAt, 0), openid ? eq(f.openid, openid) : undefined);
  const followers = await db
    .select({
      openid: f.openid,
      nickName: f.nickName,
      iconUrl: f.iconUrl,
      subscribed: f.subscribed,
      attentionTime: f.attentionTime,
      sceneId: f.sceneId,
    })
    .from(f)
    .where(asked)
    .orderBy(asc(f.id))
    .offset(start)
    .limit(limit);
  const [all] = await db.select({ total: count() }).from(f).where(asked);
  return { followers, total: all?.total ?? 0 };
}

/** Keeps the name and picture that somebody showed to a page; empty ones change nothing. */
export async function showFollower(
  { db, t }: Tx,
  { id, openid, nickName, iconUrl }: { id: number; openid: string; nickName: string; iconUrl: string },
): Promise<void> {
  const f = t.followers;
  await db
    .insert(f)
    .values({ id, openid, nickName, iconUrl })
    .onConflictDoUpdate({
      target: f.openid,
      set: {
        nickName: sql`case when ${nickName} = '' then ${f.nickName} else ${nickName} end`,
        iconUrl: sql`case when ${iconUrl} = '' then ${f.iconUrl} else ${iconUrl} end`,
      },
    });
}

/** Gives a person the name and the picture that their record lacks. */
export async function fillRecord(
  { db, t }: Tx,
  { id, name, avatar, updateAt }: { id: number; name: string; avatar: string; updateAt: number },
): Promise<void> {
  const u = t.users;
  if (name)
    await db
      .update(u)
      .set({ name, updateAt })
      .where(and(eq(u.id, id), eq(u.name, "")));
  if (avatar)
    await db
      .update(u)
      .set({ avatar, updateAt })
      .where(and(eq(u.id, id), eq(u.avatar, "")));
}

/** Keeps a phone number that WeChat vouches for on a person's profile. */
export async function setVerifiedPhone(
  { db, t }: Tx,
  { userId, phone, at }: { userId: number; phone: string; at: number },
): Promise<void> {
  const p = t.profiles;
  await db
    .insert(p)
    .values({ userId, phone, phoneVerifiedAt: at })
    .onConflictDoUpdate({ target: p.userId, set: { phone, phoneVerifiedAt: at } });
}

/** Notes that an event was worked off; false when it was before. */
export async function noteEvent(
  { db, t }: Tx,
  event: { id: number; key: string; at: number },
): Promise<boolean> {
  const noted = await db
    .insert(t.wechatEvents)
    .values(event)
    .onConflictDoNothing({ target: t.wechatEvents.key })
    .returning({ id: t.wechatEvents.id });
  return noted.length > 0;
}

/** Deletes up to `limit` notes from before `before` (ms); gives how many. */
export async function deleteNotes(
  { db, t }: Tx,
  { before, limit }: { before: number; limit: number },
): Promise<number> {
  const w = t.wechatEvents;
  const old = db.select({ id: w.id }).from(w).where(lt(w.at, before)).limit(limit);
  const deleted = await db.delete(w).where(inArray(w.id, old)).returning({ id: w.id });
  return deleted.length;
}

/** Makes sure that there is a row for somebody. */
export async function addFollower({ db, t }: Tx, follower: { id: number; openid: string }): Promise<void> {
  await db.insert(t.followers).values(follower).onConflictDoNothing({ target: t.followers.openid });
}

/**
 * Notes whether somebody follows, unless something newer is known.
 * @param change.anew they began to follow at `at`; else they were seen to follow, since when is not known
 */
export async function setFollowing(
  { db, t }: Tx,
  { openid, at, subscribed, anew }: { openid: string; at: number; subscribed: boolean; anew: boolean },
): Promise<void> {
  const f = t.followers;
  const since = anew ? at : sql`case when ${f.subscribed} then ${f.attentionTime} else ${at} end`;
  await db
    .update(f)
    .set({ subscribed, changedAt: at, ...(subscribed ? { attentionTime: since } : {}) })
    .where(and(eq(f.openid, openid), lte(f.changedAt, at)));
}

/** Notes the scene that somebody scanned, unless they scanned another one later. */
export async function setScene(
  { db, t }: Tx,
  { openid, at, sceneId }: { openid: string; at: number; sceneId: number },
): Promise<void> {
  const f = t.followers;
  await db
    .update(f)
    .set({ sceneId, scanTime: at })
    .where(and(eq(f.openid, openid), lte(f.scanTime, at)));
}
