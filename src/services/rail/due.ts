import { and, eq, inArray, isNotNull, lte, min, sql } from "drizzle-orm";
import { RailOrder_State as State } from "../../../gen/liveuser/rail_pb.ts";
import type { Reader, Tx } from "../../storage/store.ts";
import { isOverdue } from "./store.ts";

/** Cancels up to `limit` orders that nobody paid in time; answers which. */
export async function expire({ db, t }: Tx, now: number, limit: number): Promise<number[]> {
  const overdue = db.select({ id: t.railOrders.id }).from(t.railOrders).where(isOverdue(t, now)).limit(limit);
  const expired = await db
    .update(t.railOrders)
    .set({ state: State.cancel, ranOut: true, updatedAt: sql`${t.railOrders.expiresAt}` })
    // Again here: the order may have been paid since the inner select saw it.
    .where(and(inArray(t.railOrders.id, overdue), isOverdue(t, now)))
    .returning({ id: t.railOrders.id });
  return expired.map(({ id }) => id);
}

/** When the next unpaid order runs out (ms); nothing when there is none. */
export async function nextExpiry({ db, t }: Reader): Promise<number | undefined> {
  const [row] = await db
    .select({ at: min(t.railOrders.expiresAt) })
    .from(t.railOrders)
    .where(eq(t.railOrders.state, State.wait_pay));
  return row?.at ?? undefined;
}

/** The states in which an order may wait for its confirmation: then it has a time at which it confirms itself. */
const unconfirmed = [State.wait_confirme, State.returned_return];

/** Up to `limit` orders that confirm themselves by now. */
export async function dueForConfirmation({ db, t }: Reader, now: number, limit: number): Promise<number[]> {
  const { id, state, confirmsAt } = t.railOrders;
  const due = await db
    .select({ id })
    .from(t.railOrders)
    .where(and(inArray(state, unconfirmed), lte(confirmsAt, now)))
    .limit(limit);
  return due.map((row) => row.id);
}

/** When the next order confirms itself (ms); nothing when there is none. */
export async function nextConfirmation({ db, t }: Reader): Promise<number | undefined> {
  const { state, confirmsAt } = t.railOrders;
  const times: number[] = [];
  // One state at a time: each is one look into the index.
  for (const one of unconfirmed) {
    const [row] = await db
      .select({ at: min(confirmsAt) })
      .from(t.railOrders)
      .where(and(eq(state, one), isNotNull(confirmsAt)));
    if (row?.at != null) times.push(row.at);
  }
  return times.length > 0 ? Math.min(...times) : undefined;
}
