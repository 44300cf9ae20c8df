import { and, asc, eq, gte, lte, min, sql } from "drizzle-orm";
import type { TicketRecord_Status as Status } from "../../../gen/liveuser/ticket_pb.ts";
import type { App } from "../../app.ts";
import { perCount, prepared, preparedWrite, type Reader, type Tx } from "../../storage/store.ts";
import { type TicketRow, ticketColumns } from "./store.ts";
import * as totals from "./totals.ts";

/** How long a change is kept for those who were away (ms). */
const keptMs = 7 * 86400_000;
const deletedAtOnce = 500;

/** A ticket as it is after a change, and the status it had before, if there was a before. */
export interface Change {
  ticket: TicketRow;
  from?: Status;
}

/** Whose changes somebody watches; each narrows. */
export interface WatchFilter {
  userId?: number | undefined;
  vrClientId?: string | undefined;
}

const insertChanges = perCount((count) =>
  preparedWrite((db, t) =>
    db.insert(t.ticketChanges).values(
      Array.from({ length: count }, (_, i) => ({
        number: sql.placeholder(`number${i}`),
        ticketId: sql.placeholder(`ticketId${i}`),
        userId: sql.placeholder(`userId${i}`),
        vrClientId: sql.placeholder(`vrClientId${i}`),
        status: sql.placeholder(`status${i}`),
        phase: sql.placeholder(`phase${i}`),
        payTime: sql.placeholder(`payTime${i}`),
        at: sql.placeholder("at"),
      })),
    ),
  ),
);

/** The four kinds of filter, each as a statement of its own. */
const readers = {
  all: reading(false, false),
  person: reading(true, false),
  device: reading(false, true),
  both: reading(true, true),
};

function reading(byPerson: boolean, byDevice: boolean) {
  return prepared((db, t) => {
    const c = t.ticketChanges;
    const { number, status, phase, payTime, vrClientId } = c;
    return db
      .select({ number, ticket: ticketColumns(t), was: { status, phase, payTime, vrClientId } })
      .from(c)
      .innerJoin(t.tickets, eq(t.tickets.id, c.ticketId))
      .where(
        and(
          gte(number, sql.placeholder("from")),
          lte(number, sql.placeholder("to")),
          byPerson ? eq(c.userId, sql.placeholder("userId")) : undefined,
          byDevice ? eq(c.vrClientId, sql.placeholder("vrClientId")) : undefined,
        ),
      )
      .orderBy(asc(number))
      .limit(sql.placeholder("limit"));
  });
}

const parties = prepared((db, t) => {
  const { number, userId, vrClientId } = t.ticketChanges;
  return db
    .select({ userId, vrClientId })
    .from(t.ticketChanges)
    .where(and(gte(number, sql.placeholder("from")), lte(number, sql.placeholder("to"))));
});

/** Keeps what happened to tickets, for those who watch and in the sums; `at` in unix ms. */
export async function record(tx: Tx, changes: readonly Change[], at: number): Promise<void> {
  if (changes.length === 0) return;
  const moves = changes.map(({ ticket: { userId, status: to }, from }) => ({ userId, from, to }));
  const last = await totals.add(tx, moves as totals.Move[]);
  const values: Record<string, unknown> = { at };
  changes.forEach(({ ticket }, i) => {
    values[`number${i}`] = last - changes.length + 1 + i;
    values[`ticketId${i}`] = ticket.id;
    values[`userId${i}`] = ticket.userId;
    values[`vrClientId${i}`] = ticket.vrClientId;
    values[`status${i}`] = ticket.status;
    values[`phase${i}`] = ticket.phase;
    values[`payTime${i}`] = ticket.payTime;
  });
  await insertChanges(changes.length)(tx, values);
}

/** The changes with numbers `from` to `to` that fit the filter, at most `limit`: each with its ticket as it was then. */
export async function read(
  reader: Reader,
  { userId, vrClientId }: WatchFilter,
  range: { from: number; to: number; limit: number },
): Promise<{ number: number; ticket: TicketRow }[]> {
  const kind = userId === undefined ? (vrClientId ? "device" : "all") : vrClientId ? "both" : "person";
  const rows = await readers[kind](reader, { userId, vrClientId, ...range });
  return rows.map(({ number, ticket, was }) => ({ number, ticket: { ...ticket, ...was } }));
}

/** Whom the changes with numbers `from` to `to` concern. */
export function concerned(
  reader: Reader,
  range: { from: number; to: number },
): Promise<{ userId: number; vrClientId: string }[]> {
  return parties(reader, range);
}

/** The number of the oldest change that is still kept; nothing when none is. */
export async function oldest({ db, t }: Reader): Promise<number | undefined> {
  const [row] = await db.select({ number: min(t.ticketChanges.number) }).from(t.ticketChanges);
  return row?.number ?? undefined;
}

/** Deletes changes that are older than a week: for a job that runs now and then. */
export async function deleteOldChanges({ store, clock }: Pick<App, "store" | "clock">): Promise<void> {
  const before = clock.now() - keptMs;
  while (await store.tx((tx) => deleteOldest(tx, before)));
}

/** The oldest batch, if all of it is old: what is left is without gaps. False when there is none. */
async function deleteOldest({ db, t }: Tx, before: number): Promise<boolean> {
  const { number, at } = t.ticketChanges;
  const [last] = await db
    .select({ number, at })
    .from(t.ticketChanges)
    .orderBy(asc(number))
    .offset(deletedAtOnce - 1)
    .limit(1);
  if (!last || last.at >= before) return false;
  await db.delete(t.ticketChanges).where(lte(number, last.number));
  return true;
}
