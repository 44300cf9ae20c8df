import { and, eq, isNull, lt, sql } from "drizzle-orm";
import { prepared, type Tx } from "../storage/store.ts";

const { placeholder } = sql;

/** A machine identity; no row if there is none of that name. */
export const appState = prepared((db, t) =>
  db
    .select({
      appid: t.apps.appid,
      secretHash: t.apps.secretHash,
      role: t.apps.role,
      quotaPerDay: t.apps.quotaPerDay,
      disabledAt: t.apps.disabledAt,
    })
    .from(t.apps)
    .where(eq(t.apps.appid, placeholder("appid"))),
);

export type AppState = Awaited<ReturnType<typeof appState>>[number];

export interface NewApp {
  appid: string;
  secretHash: string;
  role: AppState["role"];
  quotaPerDay: number;
  createdAt: number;
}

/** False if the name is taken. */
export async function insertApp({ db, t }: Tx, app: NewApp): Promise<boolean> {
  const added = await db
    .insert(t.apps)
    .values({
      appid: app.appid,
      secretHash: app.secretHash,
      role: app.role,
      quotaPerDay: app.quotaPerDay,
      createdAt: app.createdAt,
    })
    .onConflictDoNothing()
    .returning({ appid: t.apps.appid });
  return added.length > 0;
}

/** False if there is no such app, or it was disabled before. */
export async function disableApp(
  { db, t }: Tx,
  { appid, now }: { appid: string; now: number },
): Promise<boolean> {
  const changed = await db
    .update(t.apps)
    .set({ disabledAt: now })
    .where(and(eq(t.apps.appid, appid), isNull(t.apps.disabledAt)))
    .returning({ appid: t.apps.appid });
  return changed.length > 0;
}

/** Counts one token of the day. False, and nothing counted, if the quota is used up. */
export async function countToken(
  { db, t }: Tx,
  { appid, day, quota }: { appid: string; day: string; quota: number },
): Promise<boolean> {
  if (quota < 1) return false;
  const counted = await db
    .insert(t.appTokensIssued)
    .values({ appid, day, count: 1 })
    .onConflictDoUpdate({
      target: [t.appTokensIssued.appid, t.appTokensIssued.day],
      set: { count: sql`${t.appTokensIssued.count} + 1` },
      setWhere: lt(t.appTokensIssued.count, quota),
    })
    .returning({ count: t.appTokensIssued.count });
  return counted.length > 0;
}

/** Forgets how many tokens were given on the days before `day` (YYYY-MM-DD). */
export async function deleteCountsBefore({ db, t }: Tx, day: string): Promise<void> {
  await db.delete(t.appTokensIssued).where(lt(t.appTokensIssued.day, day));
}
