import type { App } from "../../app.ts";
import { sale, saleReturned } from "../../ledger/sales.ts";
import type { Payable } from "../../payments/payable.ts";
import { stateName } from "./service.ts";
import * as orders from "./store.ts";

/** What the payments know of orders; their money goes through the ledger as sales. */
export function orderPayable({ clock, ids }: Pick<App, "clock" | "ids">): Payable {
  const entry = (id: number, at: number, amount: number) => {
    return { id: ids.next(), reference: `order:${id}`, at, amount };
  };

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

    async paid(tx, id, at) {
      const now = clock.now();
      const row = await orders.pay(tx, { id, at, now });
      if (row) await sale(tx, entry(id, now, row.pay));
      return row !== undefined;
    },

    async refunded(tx, id) {
      const now = clock.now();
      const row = await orders.move(tx, { id, from: orders.REFUNDING, to: orders.REFUNDED, now });
      if (row) await saleReturned(tx, entry(id, now, row.pay));
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
