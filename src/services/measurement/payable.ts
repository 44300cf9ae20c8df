import type { App } from "../../app.ts";
import { sale } from "../../ledger/sales.ts";
import type { Payable } from "../../payments/payable.ts";
import * as measurements from "./store.ts";

/** What the payments know of measurements. They can be paid as long as they are there. */
export function measurementPayable({ clock, ids }: Pick<App, "clock" | "ids">): Payable {
  return {
    reasons: { missing: "MEASUREMENT_NOT_FOUND", state: "NOTHING_TO_PAY" },

    async find(reader, id) {
      const row = await measurements.find(reader, id);
      if (!row) return undefined;
      // What costs nothing needs no payment, and WeChat Pay takes none of 0.
      const settled = row.paidAt !== null || row.price === 0;
      return {
        userId: row.userId,
        amount: row.price,
        description: "脉搏测量报告",
        standing: settled ? "PAID" : "UNPAID",
        state: settled ? "PAID" : "UNPAID",
        paidAt: row.paidAt ?? 0,
      };
    },

    newestUnpaid: measurements.newestUnpaid,

    async paid(tx, id, at) {
      const row = await measurements.pay(tx, id, at);
      const reference = `measurement:${id}`;
      if (row) await sale(tx, { id: ids.next(), reference, at: clock.now(), amount: row.price });
      return row !== undefined;
    },

    // Nobody can ask for the money of a measurement back, so there is nothing to do for either.
    async refunded() {},
    async refundFailed() {},
  };
}
