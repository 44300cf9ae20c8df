import { and, eq, gt, inArray, lt, lte, or, sql } from "drizzle-orm";
import type { Reader, Tx } from "../../storage/store.ts";

/** Whose code to which number; the number as its digest. */
export interface CodeKey {
  userId: number;
  phoneDigest: Uint8Array<ArrayBuffer>;
}

/** How often a code may be sent: one in `gapMs`, and `perDay` in the `dayMs` that begin with the first. */
export interface Allowance {
  gapMs: number;
  perDay: number;
  dayMs: number;
}

/** Counts a code to be sent for a subject; false, and nothing counted, when it may not have one yet. */
export async function countCode(
  { db, t }: Tx,
  { subject, now, allowance }: { subject: string; now: number; allowance: Allowance },
): Promise<boolean> {
  const c = t.phoneCodeCounts;
  const dayOver = lte(c.dayFrom, now - allowance.dayMs);
  const counted = await db
    .insert(c)
    .values({ subject, count: 1, dayFrom: now, lastAt: now })
    .onConflictDoUpdate({
      target: c.subject,
      set: {
        count: sql`case when ${dayOver} then 1 else ${c.count} + 1 end`,
        dayFrom: sql`case when ${dayOver} then ${now} else ${c.dayFrom} end`,
        lastAt: now,
      },
      setWhere: and(lte(c.lastAt, now - allowance.gapMs), or(dayOver, lt(c.count, allowance.perDay))),
    })
    .returning({ count: c.count });
  return counted.length > 0;
}

/** When a subject may have the next code (unix ms). */
export async function nextCodeAt({ db, t }: Reader, subject: string, allowance: Allowance): Promise<number> {
  const c = t.phoneCodeCounts;
  const [row] = await db
    .select({ count: c.count, dayFrom: c.dayFrom, lastAt: c.lastAt })
    .from(c)
    .where(eq(c.subject, subject));
  if (!row) return 0;
  const afterGap = row.lastAt + allowance.gapMs;
  return row.count < allowance.perDay ? afterGap : Math.max(afterGap, row.dayFrom + allowance.dayMs);
}

/** Takes back that the last code was sent at `at`; it stays counted for the day. */
export async function forgetLast(
  { db, t }: Tx,
  { subjects, at }: { subjects: readonly string[]; at: number },
): Promise<void> {
  const c = t.phoneCodeCounts;
  await db
    .update(c)
    .set({ lastAt: 0 })
    .where(and(inArray(c.subject, [...subjects]), eq(c.lastAt, at)));
}

/** Keeps a code in place of the one before. */
export async function putCode(
  { db, t }: Tx,
  code: CodeKey & { codeDigest: Uint8Array<ArrayBuffer>; expiresAt: number },
): Promise<void> {
  const { userId, phoneDigest, codeDigest, expiresAt } = code;
  const p = t.phoneCodes;
  const fresh = { codeDigest, expiresAt, tries: 0 };
  await db
    .insert(p)
    .values({ userId, phoneDigest, ...fresh })
    .onConflictDoUpdate({ target: [p.userId, p.phoneDigest], set: fresh });
}

/**
 * Counts a try and gives the code to compare with, and how many tries that makes; nothing when there is
 * no code, it ran out or `mostTries` are used up. Until the transaction ends, nobody else tries.
 */
export async function tryCode(
  { db, t }: Tx,
  { userId, phoneDigest, now, mostTries }: CodeKey & { now: number; mostTries: number },
): Promise<{ codeDigest: Uint8Array<ArrayBuffer>; tries: number } | undefined> {
  const p = t.phoneCodes;
  const [row] = await db
    .update(p)
    .set({ tries: sql`${p.tries} + 1` })
    .where(
      and(eq(p.userId, userId), eq(p.phoneDigest, phoneDigest), gt(p.expiresAt, now), lt(p.tries, mostTries)),
    )
    .returning({ codeDigest: p.codeDigest, tries: p.tries });
  return row;
}

/** A code that was used is good no more. */
export async function dropCode({ db, t }: Tx, { userId, phoneDigest }: CodeKey): Promise<void> {
  const p = t.phoneCodes;
  await db.delete(p).where(and(eq(p.userId, userId), eq(p.phoneDigest, phoneDigest)));
}

/** Deletes codes that ran out and counts of days that are over. */
export async function deleteOld(
  { db, t }: Tx,
  { now, dayMs }: { now: number; dayMs: number },
): Promise<void> {
  await db.delete(t.phoneCodes).where(lte(t.phoneCodes.expiresAt, now));
  await db.delete(t.phoneCodeCounts).where(lte(t.phoneCodeCounts.dayFrom, now - dayMs));
}
