import { and, asc, desc, eq, inArray, lte, min, type Placeholder, type SQL, sql } from "drizzle-orm";
import {
  type TicketProgress_Phase as Phase,
  TicketRecord_Status as Status,
} from "../../../gen/liveuser/ticket_pb.ts";
import { prepared, preparedWrite, type Reader, type Tx } from "../../storage/store.ts";

/** One ticket; money in fen, times in unix ms, `movieIds` in JSON. */
export type TicketRow = Reader["t"]["tickets"]["$inferSelect"];

const byId = prepared((db, t) =>
  db
    .select(ticketColumns(t))
    .from(t.tickets)
    .where(eq(t.tickets.id, sql.placeholder("id"))),
);

const insertTicket = preparedWrite((db, t) =>
  db.insert(t.tickets).values({
    id: sql.placeholder("id"),
    userId: sql.placeholder("userId"),
    status: sql.placeholder("status"),
    phase: sql.placeholder("phase"),
    price: sql.placeholder("price"),
    actualPrice: sql.placeholder("actualPrice"),
    payMode: sql.placeholder("payMode"),
    payTime: sql.placeholder("payTime"),
    viewerOpenid: sql.placeholder("viewerOpenid"),
    viewerNickName: sql.placeholder("viewerNickName"),
    sceneId: sql.placeholder("sceneId"),
    vrClientId: sql.placeholder("vrClientId"),
    seatNumber: sql.placeholder("seatNumber"),
    cinemaName: sql.placeholder("cinemaName"),
    hallName: sql.placeholder("hallName"),
    movieIds: sql.placeholder("movieIds"),
    createdAt: sql.placeholder("createdAt"),
    expiresAt: sql.placeholder("expiresAt"),
  }),
);

const newestOf = {
  person: prepared((db, t) => newest(db, t, eq(t.tickets.userId, sql.placeholder("userId")))),
  everybody: prepared((db, t) => newest(db, t, undefined)),
};

function newest(db: Reader["db"], t: Reader["t"], whose: SQL | undefined) {
  const rows = db.select(ticketColumns(t)).from(t.tickets).where(whose);
  return rows.orderBy(desc(t.tickets.id)).limit(sql.placeholder("limit")).offset(sql.placeholder("start"));
}

export function ticketColumns(t: Reader["t"]) {
  const { id, userId, status, phase, price, actualPrice, payMode, payTime, movieIds } = t.tickets;
  const { viewerOpenid, viewerNickName, sceneId, vrClientId, seatNumber, cinemaName, hallName } = t.tickets;
  const { createdAt, expiresAt } = t.tickets;
  const people = { userId, viewerOpenid, viewerNickName };
  const seat = { sceneId, vrClientId, seatNumber, cinemaName, hallName };
  const money = { price, actualPrice, payMode, payTime };
  return { id, status, phase, ...people, ...seat, ...money, movieIds, createdAt, expiresAt };
}

/** The ticket, whosever it is. */
export async function find(reader: Reader, id: number): Promise<TicketRow | undefined> {
  const [row] = await byId(reader, { id });
  return row;
}

/** Writes a new ticket; changes.ts has to hear of it in the same transaction. */
export async function insert(tx: Tx, ticket: TicketRow): Promise<void> {
  await insertTicket(tx, { ...ticket });
}

/** A ticket whose time to be paid is over by `now`, though nothing was written down yet. */
export function isOverdue(t: Reader["t"], now: number | Placeholder): SQL | undefined {
  return and(eq(t.tickets.status, Status.PENDING_PAYMENT), lte(t.tickets.expiresAt, now));
}

export interface ListFilter {
  /** Only this person's. */
  userId?: number | undefined;
  /** Only tickets with one of these; empty for all. */
  statuses: readonly Status[];
  /** How many to pass over. */
  start: number;
  limit: number;
  /** An unpaid ticket whose time is over by then counts as OVER_TIME. */
  now: number;
}

/**
 * Tickets, the newest first. Reads as many rows of an index as `start` and `limit` ask for, however many
 * tickets there are.
 */
export async function list(reader: Reader, filter: ListFilter): Promise<TicketRow[]> {
  const { db, t } = reader;
  const { start, limit, userId, statuses } = filter;
  const { id } = t.tickets;
  if (statuses.length === 0) {
    return newestOf[userId === undefined ? "everybody" : "person"](reader, { userId, start, limit });
  }
  const mine = userId === undefined ? undefined : eq(t.tickets.userId, userId);
  const parts = statuses.flatMap((status) => isIn(t, status, filter.now));
  if (parts.length === 1) {
    const rows = db.select(ticketColumns(t)).from(t.tickets);
    return rows.where(and(mine, parts[0])).orderBy(desc(id)).limit(limit).offset(start);
  }
  // Each part comes from an index in its order; a condition joined by OR would be sorted as a whole.
  const [first, second, ...others] = parts.map((part, i) => {
    const ids = db.select({ id }).from(t.tickets).where(and(mine, part));
    const newest = ids
      .orderBy(desc(id))
      .limit(start + limit)
      .as(`part${i}`);
    return db.select({ id: newest.id }).from(newest);
  });
  if (!first || !second) return [];
  let all = first.unionAll(second);
  for (const other of others) all = all.unionAll(other) as unknown as typeof all;
  const merged = all.as("merged");
  const ids = db.select({ id: merged.id }).from(merged).orderBy(desc(merged.id)).limit(limit).offset(start);
  return db.select(ticketColumns(t)).from(t.tickets).where(inArray(id, ids)).orderBy(desc(id));
}

/** The conditions that a status stands for, each of which an index answers. */
function isIn(t: Reader["t"], status: Status, now: number): (SQL | undefined)[] {
  const written = eq(t.tickets.status, status);
  // The plus keeps SQLite from the index by end, where it would have to sort all that wait.
  if (status === Status.PENDING_PAYMENT) return [and(written, sql`+${t.tickets.expiresAt} > ${now}`)];
  if (status === Status.OVER_TIME) return [written, isOverdue(t, now)];
  return [written];
}

/** The person's newest ticket that can be paid. */
export async function newestUnpaid(
  { db, t }: Reader,
  { userId, now }: { userId: number; now: number },
): Promise<number | undefined> {
  const [row] = await db
    .select({ id: t.tickets.id })
    .from(t.tickets)
    .where(and(eq(t.tickets.userId, userId), ...isIn(t, Status.PENDING_PAYMENT, now)))
    .orderBy(desc(t.tickets.id))
    .limit(1);
  return row?.id;
}

/** When the next unpaid ticket runs out (unix ms); nothing when there is none. */
export async function nextExpiry({ db, t }: Reader): Promise<number | undefined> {
  const [row] = await db
    .select({ at: min(t.tickets.expiresAt) })
    .from(t.tickets)
    .where(eq(t.tickets.status, Status.PENDING_PAYMENT));
  return row?.at ?? undefined;
}

/** The ticket with this progress at a device's seat: the oldest, or the newest. */
export async function atSeat(
  { db, t }: Reader,
  { vrClientId, phase, newest = false }: { vrClientId: string; phase: Phase; newest?: boolean },
): Promise<TicketRow | undefined> {
  const { id } = t.tickets;
  const [row] = await db
    .select(ticketColumns(t))
    .from(t.tickets)
    .where(and(eq(t.tickets.vrClientId, vrClientId), eq(t.tickets.phase, phase)))
    .orderBy(newest ? desc(id) : asc(id))
    .limit(1);
  return row;
}
