import { and, eq, inArray, type SQL } from "drizzle-orm";
import type { Reader, Tx } from "../../storage/store.ts";
import * as changes from "./changes.ts";
import { standingOf, type TicketEvent, ticketMachine } from "./machine.ts";
import { isOverdue, type TicketRow, ticketColumns } from "./store.ts";

export interface Happening {
  id: number;
  /** Unix ms. */
  now: number;
  /** What has to be true besides the state. */
  provided?: (t: Reader["t"]) => SQL | undefined;
  /** What changes besides the state. */
  also?: Partial<Pick<TicketRow, "payTime" | "payMode" | SeatColumn>>;
}

type SeatColumn = "vrClientId" | "seatNumber" | "cinemaName" | "hallName";

/**
 * Lets an event happen to a ticket, if the machine has it for the ticket's state; gives the ticket as it
 * is then, else nothing. Whoever watches hears of it once the transaction is through.
 */
export async function happen(
  tx: Tx,
  event: TicketEvent,
  happening: Happening,
): Promise<TicketRow | undefined> {
  const { id, now, provided, also } = happening;
  const { db, t } = tx;
  const { from, to } = ticketMachine.events[event];
  const sources = Map.groupBy(
    from.map((state) => standingOf[state]),
    ({ status }) => status,
  );
  // One status at a time, so that it is known which one it was.
  for (const [status, standings] of sources) {
    const phases = standings.map(({ phase }) => phase);
    const [ticket] = await db
      .update(t.tickets)
      .set({ ...also, ...standingOf[to] })
      .where(
        and(
          eq(t.tickets.id, id),
          eq(t.tickets.status, status),
          inArray(t.tickets.phase, phases),
          provided?.(t),
        ),
      )
      .returning(ticketColumns(t));
    if (!ticket) continue;
    await changes.record(tx, [{ ticket, from: status }], now);
    return ticket;
  }
  return undefined;
}

/** Lets up to `limit` unpaid tickets run out whose time is over; gives their ids. */
export async function expire(tx: Tx, now: number, limit: number): Promise<number[]> {
  const { db, t } = tx;
  const { pending, overTime } = standingOf;
  const overdue = db.select({ id: t.tickets.id }).from(t.tickets).where(isOverdue(t, now)).limit(limit);
  const expired = await db
    .update(t.tickets)
    .set(overTime)
    // Again here: the ticket may have been paid since the inner select saw it.
    .where(and(inArray(t.tickets.id, overdue), isOverdue(t, now)))
    .returning(ticketColumns(t));
  expired.sort((a, b) => a.id - b.id);
  await changes.record(
    tx,
    expired.map((ticket) => ({ ticket, from: pending.status })),
    now,
  );
  return expired.map(({ id }) => id);
}
