import { gte } from "drizzle-orm";
import { TicketRecord_Status as Status } from "../../../gen/liveuser/ticket_pb.ts";
import type { App } from "../../app.ts";
import { sale } from "../../ledger/sales.ts";
import type { Payable } from "../../payments/payable.ts";
import * as products from "../catalog/store.ts";
import { nameOf, standing } from "./record.ts";
import * as tickets from "./store.ts";
import { happen } from "./transition.ts";

/** What the payments know of tickets; their money is booked as sales. */
export function ticketPayable({ clock, ids }: Pick<App, "clock" | "ids">): Payable {
  return {
    reasons: { missing: "TICKET_NOT_FOUND", state: "TICKET_STATE" },

    async find(reader, id) {
      const row = await tickets.find(reader, id);
      if (!row) return undefined;
      const { status } = standing(row, clock.now());
      const movieIds: string[] = JSON.parse(row.movieIds);
      const names = new Map(
        (await products.findMany(reader, movieIds)).map(({ productId, name }) => [productId, name]),
      );
      return {
        userId: row.userId,
        amount: row.actualPrice,
        description: movieIds.map((movieId) => names.get(movieId) ?? movieId).join(", "),
        standing: payStanding(status),
        state: nameOf(Status, status),
        paidAt: row.payTime ?? 0,
      };
    },

    newestUnpaid: (reader, userId) => tickets.newestUnpaid(reader, { userId, now: clock.now() }),

    async paid(tx, id, at) {
      const now = clock.now();
      const paid = await happen(tx, "pay", {
        id,
        now,
        // In time is what counts, however late the news of it come.
        provided: (t) => gte(t.tickets.expiresAt, at),
        also: { payTime: at, payMode: "WEIXIN" },
      });
      if (paid) {
        const amount = paid.actualPrice;
        await sale(tx, { id: ids.next(), reference: `ticket:${id}`, at: now, amount });
      }
      return paid !== undefined;
    },

    // Nobody can ask for a ticket's money back; what comes too late goes back without a word to the ticket.
    async refunded() {},
    async refundFailed() {},
  };
}

function payStanding(status: number): "UNPAID" | "PAID" | "OVER" {
  if (status === Status.PENDING_PAYMENT) return "UNPAID";
  return status === Status.ALREADY_PAID ? "PAID" : "OVER";
}
