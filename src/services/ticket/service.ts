import { gt } from "drizzle-orm";
import {
  type Complaint_State,
  type Seat,
  type TicketRecord_Status as Status,
  Ticket,
} from "../../../gen/liveuser/ticket_pb.ts";
import type { App } from "../../app.ts";
import { AppError, invalid } from "../../errors.ts";
import type { Payments } from "../../payments/payments.ts";
import type { Call } from "../../rpc/call.ts";
import { service } from "../../rpc/service.ts";
import { isUnique } from "../../storage/errors.ts";
import type { Reader, Tx } from "../../storage/store.ts";
import { knownFor } from "../acting.ts";
import * as carts from "../cart/store.ts";
import { pageOf, pageSize } from "../page.ts";
import * as complaints from "./complaints.ts";
import { isThere, type TicketEvent } from "./machine.ts";
import { standing, stateError, toRecord } from "./record.ts";
import { ticketToReport } from "./report.ts";
import * as seats from "./seats.ts";
import * as tickets from "./store.ts";
import * as totals from "./totals.ts";
import { type Happening, happen } from "./transition.ts";
import type { TicketFeed } from "./watch.ts";

/** What callers send again when its answer was lost, without asking first how the ticket stands. */
const repeatable: ReadonlySet<TicketEvent> = new Set([
  "cancel",
  "reportPlaying",
  "reportCompleted",
  "reportToTerminate",
]);

/** Watching movies on a seat, from the cart to the last picture. */
export function ticketService(
  app: Pick<App, "store" | "clock" | "ids" | "settings">,
  payments: Pick<Payments, "close" | "wake">,
  feed: TicketFeed,
) {
  const { store, clock, ids } = app;

  /** The ticket, if the caller may have it: a person their own, a machine identity any. */
  async function visible(reader: Reader, id: number, { identity }: Call): Promise<tickets.TicketRow> {
    const row = await tickets.find(reader, id);
    if (!row || (identity?.kind === "user" && row.userId !== identity.uid)) {
      throw new AppError("TICKET_NOT_FOUND", { ticket_id: `${id}` });
    }
    return row;
  }

  /**
   * Lets an event happen, and gives the ticket as it is then. What may be repeated changes nothing the
   * second time.
   * @throws AppError TICKET_NOT_FOUND, TICKET_STATE
   */
  async function reach(tx: Tx, event: TicketEvent, happening: Happening) {
    const { id, now } = happening;
    const changed = await happen(tx, event, happening);
    if (changed) return { row: changed, changed: true };
    const row = await tickets.find(tx, id);
    if (!row) throw new AppError("TICKET_NOT_FOUND", { ticket_id: `${id}` });
    if (!repeatable.has(event) || !isThere(standing(row, now), event)) throw stateError(row, now);
    return { row, changed: false };
  }

  /** One ticket as a list. */
  async function single(id: number, userId: number | undefined, statuses: readonly Status[]) {
    const row = await tickets.find(store.read, id);
    const now = clock.now();
    const found =
      row &&
      (userId === undefined || row.userId === userId) &&
      (statuses.length === 0 || statuses.includes(standing(row, now).status));
    return found ? { tickets: [toRecord(row, now)], totalCount: 1 } : { tickets: [], totalCount: 0 };
  }

  return service(Ticket, {
    async list({ ticketId, openId, status: statuses, start, limit }, call) {
      const everybody = call.identity?.kind === "app" && !openId;
      const viewer = everybody ? undefined : await knownFor(app, call, openId);
      if (!everybody && !viewer) return { tickets: [], totalCount: 0 };
      const userId = viewer?.uid;
      if (ticketId) {
        const one = await single(Number(ticketId), userId, statuses);
        return start > 0 ? { ...one, tickets: [] } : one;
      }
      const now = clock.now();
      const totalCount = await totals.count(store.read, { userId, statuses, now });
      if (start >= totalCount) return { tickets: [], totalCount };
      const rows = await tickets.list(store.read, { userId, statuses, start, limit: pageSize(limit), now });
      return { tickets: rows.map((row) => toRecord(row, now)), totalCount };
    },

    async cancel({ ticketId }, call) {
      const id = Number(ticketId);
      const ticket = await store.tx(async (tx) => {
        const now = clock.now();
        const { userId } = await visible(tx, id, call);
        const inCart = await carts.take(tx, userId, now);
        const provided: Happening["provided"] = (t) => gt(t.tickets.expiresAt, now);
        const { row, changed } = await reach(tx, "cancel", { id, now, provided });
        if (changed) {
          const movieIds: string[] = JSON.parse(row.movieIds);
          await carts.put(tx, userId, [...new Set([...movieIds, ...inCart])]);
          await payments.close(tx, "ticket", [id]);
        }
        return toRecord(row, now);
      });
      payments.wake();
      feed.changed();
      return { ticket };
    },

    async complain({ ticketId, content, openId }, call) {
      const viewer = await knownFor(app, call, openId);
      const complaint = await store.tx(async (tx) => {
        const row = await visible(tx, Number(ticketId), call);
        if (!viewer || row.userId !== viewer.uid) {
          throw new AppError("TICKET_NOT_FOUND", { ticket_id: `${ticketId}` });
        }
        const { openid } = viewer;
        const createdAt = clock.now();
        return complaints.insert(tx, { id: ids.next(), ticketId: row.id, openid, content, createdAt });
      });
      return { complaint: toComplaint(complaint) };
    },

    async listComplaints({ cursor, limit }) {
      const size = pageSize(limit);
      const before = Number(cursor) || Number.MAX_SAFE_INTEGER;
      const page = pageOf(await complaints.list(store.read, before, size + 1), size);
      return { complaints: page.rows.map(toComplaint), cursor: page.cursor };
    },

    async setSeat({ seat }) {
      const { sceneId, cinemaName, hallName, seatNumber, vrClientId } = seat as Seat; // required by its rule
      const row = { sceneId, cinemaName, hallName, seatNumber, vrClientId };
      await store
        .tx((tx) => seats.put(tx, row))
        .catch((error: unknown) => {
          if (!isUnique(error, store.read.t.seats.vrClientId)) throw error;
          throw invalid({ field: "seat.vr_client_id", description: "the device belongs to another seat" });
        });
      return {};
    },

    async listSeats({ cursor, limit }) {
      const size = pageSize(limit);
      const rows = await seats.list(store.read, cursor, size + 1);
      const page = rows.slice(0, size);
      return { seats: page, cursor: rows.length > size ? (page.at(-1)?.sceneId ?? 0) : 0 };
    },

    async distribute({ ticketId }) {
      const id = Number(ticketId);
      const ticket = await store.tx(async (tx) => {
        const row = await tickets.find(tx, id);
        const seat = row && (await seats.find(tx, row.sceneId));
        // The seat may have got another device or name since the ticket was made.
        const also = seat && {
          vrClientId: seat.vrClientId,
          seatNumber: seat.seatNumber,
          cinemaName: seat.cinemaName,
          hallName: seat.hallName,
        };
        const now = clock.now();
        const distributed = await reach(tx, "distribute", { id, now, also });
        return toRecord(distributed.row, now);
      });
      feed.changed();
      return { ticket };
    },

    async terminate({ ticketId }) {
      const ticket = await store.tx(async (tx) => {
        const now = clock.now();
        const { row } = await reach(tx, "terminate", { id: Number(ticketId), now });
        return toRecord(row, now);
      });
      feed.changed();
      return { ticket };
    },

    async report({ vrClientId, progressPhase, ticketId }) {
      const ticket = await store.tx(async (tx) => {
        const now = clock.now();
        const said = { vrClientId, phase: progressPhase, ticketId: Number(ticketId) };
        const { row, event } = await ticketToReport(tx, said);
        const reported = await reach(tx, event, { id: row.id, now });
        return toRecord(reported.row, now);
      });
      feed.changed();
      return { ticket };
    },

    async *watch({ cursor, vrClientId }, call) {
      const userId = call.identity?.kind === "user" ? call.identity.uid : undefined;
      const filter = { userId, vrClientId: vrClientId || undefined };
      const messages = feed.watch({ filter, cursor: Number(cursor), signal: call.signal });
      for await (const { cursor: next, ticket } of messages) {
        // As it was then: one that has run out since is told of by the change that says so.
        yield { cursor: BigInt(next), ticket: ticket && toRecord(ticket, 0) };
      }
    },
  });
}

function toComplaint(row: complaints.ComplaintRow) {
  return {
    id: BigInt(row.id),
    ticketId: BigInt(row.ticketId),
    openId: row.openid,
    content: row.content,
    state: row.state as Complaint_State,
    createdAt: BigInt(row.createdAt),
  };
}
