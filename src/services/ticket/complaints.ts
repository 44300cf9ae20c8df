import { desc, lt } from "drizzle-orm";
import type { Reader, Tx } from "../../storage/store.ts";

/** A problem that somebody reported with a ticket; `createdAt` in unix ms. */
export type ComplaintRow = Reader["t"]["complaints"]["$inferSelect"];

export async function insert({ db, t }: Tx, complaint: Omit<ComplaintRow, "state">): Promise<ComplaintRow> {
  await db.insert(t.complaints).values(complaint);
  return { ...complaint, state: 0 };
}

/** Complaints with smaller ids than `before`, the newest first. */
export function list({ db, t }: Reader, before: number, limit: number): Promise<ComplaintRow[]> {
  const { id, ticketId, openid, content, state, createdAt } = t.complaints;
  return db
    .select({ id, ticketId, openid, content, state, createdAt })
    .from(t.complaints)
    .where(lt(id, before))
    .orderBy(desc(id))
    .limit(limit);
}
