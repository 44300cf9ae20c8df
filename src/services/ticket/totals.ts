import { eq, type SQL, sql } from "drizzle-orm";
import { TicketRecord_Status as Status } from "../../../gen/liveuser/ticket_pb.ts";
import { perCount, prepared, preparedWrite, type Reader, type Tx } from "../../storage/store.ts";
import { isOverdue } from "./store.ts";

/** Whose row has the sums of everybody; no person has this id. */
const everybody = 0;

const columnOf = {
  [Status.PENDING_PAYMENT]: "pending",
  [Status.ALREADY_PAID]: "paid",
  [Status.OVER_TIME]: "overTime",
  [Status.CANCELLED]: "cancelled",
} as const;

const numbers = ["pending", "paid", "overTime", "cancelled", "changes"] as const;
type Sums = Record<(typeof numbers)[number], number>;

const addSums = perCount((count) =>
  preparedWrite((db, t) => {
    const { pending, paid, overTime, cancelled, changes, userId } = t.ticketTotals;
    return db
      .insert(t.ticketTotals)
      .values(
        Array.from({ length: count }, (_, i) => ({
          userId: sql.placeholder(`userId${i}`),
          pending: sql.placeholder(`pending${i}`),
          paid: sql.placeholder(`paid${i}`),
          overTime: sql.placeholder(`overTime${i}`),
          cancelled: sql.placeholder(`cancelled${i}`),
          changes: sql.placeholder(`changes${i}`),
        })),
      )
      .onConflictDoUpdate({
        target: userId,
        set: {
          pending: sql`${pending} + excluded.pending`,
          paid: sql`${paid} + excluded.paid`,
          overTime: sql`${overTime} + excluded.over_time`,
          cancelled: sql`${cancelled} + excluded.cancelled`,
          changes: sql`${changes} + excluded.changes`,
        },
      })
      .returning({ userId, changes });
  }),
);

const newest = prepared((db, t) =>
  db
    .select({ changes: t.ticketTotals.changes })
    .from(t.ticketTotals)
    .where(eq(t.ticketTotals.userId, sql.placeholder("userId"))),
);

const sumsOf = {
  person: prepared((db, t) => readSums(db, t, sql` and +${t.tickets.userId} = ${sql.placeholder("userId")}`)),
  everybody: prepared((db, t) => readSums(db, t, sql``)),
};

/**
 * The sums and how many of the pending tickets are overdue, in one statement: what the sweep writes
 * meanwhile is not counted twice.
 * @param whose narrows the overdue ones; its plus keeps the planner from the index by person, where
 *   every ticket that waits would have to be read
 */
function readSums(db: Reader["db"], t: Reader["t"], whose: SQL) {
  const { pending, paid, overTime, cancelled, changes, userId } = t.ticketTotals;
  const late = isOverdue(t, sql.placeholder("now"));
  const overdue = sql`(select count(*) from ${t.tickets} where ${late}${whose})`.mapWith(Number);
  return db
    .select({ pending, paid, overTime, cancelled, changes, overdue })
    .from(t.ticketTotals)
    .where(eq(userId, sql.placeholder("userId")));
}

/** What one change does to the sums: how the ticket stood before, if it was there, and how it stands now. */
export interface Move {
  userId: number;
  from?: Status | undefined;
  to: Status;
}

/**
 * Adds changes of tickets to the sums; gives the number of the last of them. Until the transaction ends,
 * no other gets past this: so numbers have the order of the commits.
 */
export async function add(tx: Tx, moves: readonly Move[]): Promise<number> {
  const all = new Map<number, Sums>();
  for (const { userId, from, to } of moves) {
    for (const whose of [userId, everybody]) {
      const sums = all.get(whose) ?? { pending: 0, paid: 0, overTime: 0, cancelled: 0, changes: 0 };
      if (from !== undefined) sums[columnOf[from as keyof typeof columnOf]] -= 1;
      sums[columnOf[to as keyof typeof columnOf]] += 1;
      sums.changes += 1;
      all.set(whose, sums);
    }
  }
  // In one order, lest two transactions wait for each other; everybody's row, for which all wait, comes last.
  const rows = [...all].sort(([a], [b]) => (b === everybody ? -1 : a === everybody ? 1 : a - b));
  const values: Record<string, number> = {};
  rows.forEach(([userId, sums], i) => {
    values[`userId${i}`] = userId;
    for (const name of numbers) values[`${name}${i}`] = sums[name];
  });
  const written = await addSums(rows.length)(tx, values);
  return written.find(({ userId }) => userId === everybody)?.changes ?? 0;
}

/** The number of the newest change; 0 before the first. */
export async function newestChange(reader: Reader): Promise<number> {
  const [row] = await newest(reader, { userId: everybody });
  return row?.changes ?? 0;
}

/** How many tickets a person has, or everybody, with one of these statuses, all of them if empty; by `now` (unix ms). */
export async function count(
  reader: Reader,
  {
    userId = everybody,
    statuses,
    now,
  }: { userId?: number | undefined; statuses: readonly Status[]; now: number },
): Promise<number> {
  const read = userId === everybody ? sumsOf.everybody : sumsOf.person;
  const [row] = await read(reader, { userId, now });
  if (!row) return 0;
  const { pending, paid, overTime, cancelled, overdue } = row;
  const of: Record<number, number> = {
    [Status.PENDING_PAYMENT]: pending - overdue,
    [Status.ALREADY_PAID]: paid,
    [Status.OVER_TIME]: overTime + overdue,
    [Status.CANCELLED]: cancelled,
  };
  if (statuses.length === 0) return pending + paid + overTime + cancelled;
  return statuses.reduce<number>((sum, status) => sum + (of[status] ?? 0), 0);
}
