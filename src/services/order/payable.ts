import type { App } from "../../app.ts";
import type { Payable } from "../../payments/payable.ts";
import { stateName } from "./service.ts";
import * as orders from "./store.ts";

/** What the payments know of orders. */
export function orderPayable({ clock }: Pick<App, "clock">): Payable {
  return {
    reasons: { missing: "ORDER_NOT_FOUND", state: "ORDER_STATE" },

    async find(reader, id) {
      const row = await orders.find(reader, id);
      if (!row) return undefined;
      const overdue = row.state === orders.CREATED && row.expiresAt <= clock.now();
      const lines = await orders.linesOf(reader, [id]);
      return {
        userId: row.userId,
        amount: row.pay,
        description: lines.map(({ name, count }) => `${name} × ${count}`).join(", "),
        standing: overdue ? "OVER" : standingOf(row.state),
        state: stateName(overdue ? orders.EXPIRED : row.state),
        paidAt: row.payAt ?? 0,
      };
    },

    newestUnpaid: (reader, userId) => orders.newestUnpaid(reader, { userId, now: clock.now() }),
    paid: (tx, id, at) => orders.pay(tx, { id, at, now: clock.now() }),

    async refunded(tx, id) {
      await orders.move(tx, { id, from: orders.REFUNDING, to: orders.REFUNDED, now: clock.now() });
    },

    async refundFailed(tx, id) {
      await orders.move(tx, { id, from: orders.REFUNDING, to: orders.PAID, now: clock.now() });
    },
  };
}

function standingOf(state: number): "UNPAID" | "PAID" | "OVER" {
  if (state === orders.CREATED) return "UNPAID";
  return state === orders.PAID ? "PAID" : "OVER";
}
