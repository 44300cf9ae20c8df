import { and, desc, eq, gt, isNull, lt, lte, or, sql } from "drizzle-orm";
import { prepared, type Reader, type Tx } from "../../storage/store.ts";

const { placeholder } = sql;

/** The prefixes that a partner's pages begin with, in the order in which they were added. */
export const pagesOf = prepared((db, t) =>
  db
    .select({ prefix: t.partnerPages.prefix })
    .from(t.partnerPages)
    .where(eq(t.partnerPages.appid, placeholder("appid")))
    .orderBy(t.partnerPages.createdAt, t.partnerPages.prefix),
);

/** False if the partner has it already. */
export async function addPage(
  { db, t }: Tx,
  page: { appid: string; prefix: string; createdAt: number },
): Promise<boolean> {
  const added = await db
    .insert(t.partnerPages)
    .values(page)
    .onConflictDoNothing()
    .returning({ prefix: t.partnerPages.prefix });
  return added.length > 0;
}

/** False if the partner has no such prefix. */
export async function removePage(
  { db, t }: Tx,
  { appid, prefix }: { appid: string; prefix: string },
): Promise<boolean> {
  const p = t.partnerPages;
  const removed = await db
    .delete(p)
    .where(and(eq(p.appid, appid), eq(p.prefix, prefix)))
    .returning({ prefix: p.prefix });
  return removed.length > 0;
}

/** The partner and page that a key stands for; times in ms. */
export const returnByKey = prepared((db, t) =>
  db
    .select({ appid: t.hallReturns.appid, page: t.hallReturns.page, usedAt: t.hallReturns.usedAt })
    .from(t.hallReturns)
    .where(eq(t.hallReturns.key, placeholder("key"))),
);

/** Keeps what a key stands for, and that it is in use. */
export async function putReturn(
  { db, t }: Tx,
  { key, appid, page, usedAt }: { key: string; appid: string; page: string; usedAt: number },
): Promise<void> {
  await db
    .insert(t.hallReturns)
    .values({ key, appid, page, usedAt })
    .onConflictDoUpdate({ target: t.hallReturns.key, set: { usedAt } });
}

type CodeDigest = Uint8Array<ArrayBuffer>;

export interface NewCode {
  codeDigest: CodeDigest;
  appid: string;
  userId: number;
  openid: string;
  expiresAt: number;
}

/** Until when a code is good (ms), and whether it was used; nothing if there is none. */
export async function findCode(
  { db, t }: Reader,
  codeDigest: CodeDigest,
): Promise<{ expiresAt: number; usedAt: number | null } | undefined> {
  const c = t.hallCodes;
  const [row] = await db
    .select({ expiresAt: c.expiresAt, usedAt: c.usedAt })
    .from(c)
    .where(eq(c.codeDigest, codeDigest));
  return row;
}

/** Keeps a code for its first use, also where one that ran out or was used stood before. */
export async function putCode(
  { db, t }: Tx,
  { codeDigest, appid, userId, openid, expiresAt }: NewCode,
): Promise<void> {
  const fresh = { appid, userId, openid, expiresAt, usedAt: null };
  await db
    .insert(t.hallCodes)
    .values({ codeDigest, ...fresh })
    .onConflictDoUpdate({ target: t.hallCodes.codeDigest, set: fresh });
}

/** Uses up a partner's code that is good: once. */
export async function useCode(
  { db, t }: Tx,
  { codeDigest, appid, now }: { codeDigest: CodeDigest; appid: string; now: number },
): Promise<{ userId: number; openid: string } | undefined> {
  const c = t.hallCodes;
  const [row] = await db
    .update(c)
    .set({ usedAt: now })
    .where(and(eq(c.codeDigest, codeDigest), eq(c.appid, appid), gt(c.expiresAt, now), isNull(c.usedAt)))
    .returning({ userId: c.userId, openid: c.openid });
  return row;
}

/** Notes that a partner learned an openid. */
export async function learn(
  { db, t }: Tx,
  learned: { appid: string; openid: string; userId: number; learnedAt: number },
): Promise<void> {
  await db.insert(t.partnerOpenids).values(learned).onConflictDoNothing();
}

/** The person behind an openid, if the partner learned it. */
export const learnedPerson = prepared((db, t) =>
  db
    .select({ userId: t.partnerOpenids.userId })
    .from(t.partnerOpenids)
    .where(
      and(
        eq(t.partnerOpenids.appid, placeholder("appid")),
        eq(t.partnerOpenids.openid, placeholder("openid")),
      ),
    ),
);

/** What is shown of a person: what they let a page of WeChat's see, and their own record. Times in ms. */
export const faceOf = prepared((db, t) =>
  db
    .select({
      name: t.users.name,
      avatar: t.users.avatar,
      createdAt: t.users.createdAt,
      updateAt: t.users.updateAt,
      nickName: t.followers.nickName,
      iconUrl: t.followers.iconUrl,
    })
    .from(t.users)
    .leftJoin(t.followers, eq(t.followers.openid, placeholder("openid")))
    .where(eq(t.users.id, placeholder("userId"))),
);

export interface OrderRow {
  id: number;
  orderNo: string;
  appid: string;
  openid: string;
  deviceNo: string;
  packageName: string;
  /** YYYY-MM-DD. */
  transactionDate: string;
  channel: string;
  source: string;
  /** ms. */
  reportedAt: number;
}

/** Keeps a reported order; nothing if the partner reported one of that device, package and date before. */
export async function addOrder({ db, t }: Tx, order: OrderRow): Promise<string | undefined> {
  const o = t.hallOrders;
  const { id, orderNo, appid, openid, deviceNo, packageName, transactionDate, channel, source, reportedAt } =
    order;
  const [added] = await db
    .insert(o)
    .values({
      id,
      orderNo,
      appid,
      openid,
      deviceNo,
      packageName,
      transactionDate,
      channel,
      source,
      reportedAt,
    })
    .onConflictDoNothing({ target: [o.appid, o.deviceNo, o.packageName, o.transactionDate] })
    .returning({ orderNo: o.orderNo });
  return added?.orderNo;
}

/** The number of the order that was reported before. */
export async function orderNoOf(
  { db, t }: Reader,
  order: Pick<OrderRow, "appid" | "deviceNo" | "packageName" | "transactionDate">,
): Promise<string | undefined> {
  const o = t.hallOrders;
  const [row] = await db
    .select({ orderNo: o.orderNo })
    .from(o)
    .where(
      and(
        eq(o.appid, order.appid),
        eq(o.deviceNo, order.deviceNo),
        eq(o.packageName, order.packageName),
        eq(o.transactionDate, order.transactionDate),
      ),
    );
  return row?.orderNo;
}

/** Reported orders, the newest first: a partner's, or everybody's. */
export async function listOrders(
  { db, t }: Reader,
  { appid, before, limit }: { appid: string | undefined; before: number; limit: number },
): Promise<OrderRow[]> {
  const o = t.hallOrders;
  return db
    .select({
      id: o.id,
      orderNo: o.orderNo,
      appid: o.appid,
      openid: o.openid,
      deviceNo: o.deviceNo,
      packageName: o.packageName,
      transactionDate: o.transactionDate,
      channel: o.channel,
      source: o.source,
      reportedAt: o.reportedAt,
    })
    .from(o)
    .where(and(lt(o.id, before), appid === undefined ? undefined : eq(o.appid, appid)))
    .orderBy(desc(o.id))
    .limit(limit);
}

export async function addTicket(
  { db, t }: Tx,
  ticket: {
    id: number;
    ticketDigest: Uint8Array<ArrayBuffer>;
    userId: number;
    appid: string | null;
    expiresAt: number;
  },
): Promise<void> {
  const { id, ticketDigest, userId, appid, expiresAt } = ticket;
  await db.insert(t.hallTickets).values({ id, ticketDigest, userId, appid, expiresAt });
}

/** Takes a ticket that is good for this partner; there is no second time. */
export async function takeTicket(
  { db, t }: Tx,
  { ticketDigest, appid, now }: { ticketDigest: Uint8Array<ArrayBuffer>; appid: string; now: number },
): Promise<{ userId: number } | undefined> {
  const h = t.hallTickets;
  const [row] = await db
    .delete(h)
    .where(
      and(eq(h.ticketDigest, ticketDigest), or(isNull(h.appid), eq(h.appid, appid)), gt(h.expiresAt, now)),
    )
    .returning({ userId: h.userId });
  return row;
}

/** Deletes tickets that ran out at `now`, codes that did before `codesBefore` and returns not in use since `returnsBefore` (ms). */
export async function deleteOld(
  { db, t }: Tx,
  { now, codesBefore, returnsBefore }: { now: number; codesBefore: number; returnsBefore: number },
): Promise<void> {
  await db.delete(t.hallTickets).where(lte(t.hallTickets.expiresAt, now));
  await db.delete(t.hallCodes).where(lt(t.hallCodes.expiresAt, codesBefore));
  await db.delete(t.hallReturns).where(lt(t.hallReturns.usedAt, returnsBefore));
}
