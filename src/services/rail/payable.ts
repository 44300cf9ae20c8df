import { and, eq, gte, or } from "drizzle-orm";
import { RailOrder_State as State } from "../../../gen/liveuser/rail_pb.ts";
import type { App } from "../../app.ts";
import type { Payable } from "../../payments/payable.ts";
import { giveBack, hold } from "./money.ts";
import { shownState, stateName } from "./record.ts";
import * as orders from "./store.ts";
import { happen } from "./transition.ts";

const unpayable: ReadonlySet<State> = new Set([State.cancel, State.returning_amount, State.returned_amount]);

/** What the payments know of rail orders; here their money enters the ledger and leaves it to WeChat. */
export function railPayable({ clock, ids }: Pick<App, "clock" | "ids">): Payable {
  return {
    reasons: { missing: "ORDER_NOT_FOUND", state: "ORDER_STATE" },

    async find(reader, id) {
      const row = await orders.find(reader, id);
      if (!row) return undefined;
      const state = shownState(row, clock.now());
      return {
        userId: row.userId,
        amount: row.amount,
        description: `${row.fromSite} → ${row.toSite}`,
        standing: standingOf(state),
        state: stateName(state),
        paidAt: row.payAt ?? 0,
      };
    },

    newestUnpaid: (reader, userId) => orders.newestUnpaid(reader, { userId, now: clock.now() }),

    async paid(tx, id, at) {
      const order = await happen(tx, "pay", {
        id,
        now: clock.now(),
        // An order that nobody cancelled is paid if that was in time, however late the news of it come.
        provided: ({ railOrders: r }) =>
          and(gte(r.expiresAt, at), or(eq(r.state, State.wait_pay), eq(r.ranOut, true))),
        also: () => ({ payAt: at, ranOut: false }),
      });
      if (order) await hold(tx, { ids }, order);
      return order !== undefined;
    },

    async refunded(tx, id) {
      const order = await happen(tx, "refunded", { id, now: clock.now() });
      if (order) await giveBack(tx, { ids }, order);
    },

    /** The money stays held; the operator decides again. */
    async refundFailed(tx, id) {
      await happen(tx, "refundFailed", { id, now: clock.now() });
    },
  };
}

function standingOf(state: State): "UNPAID" | "PAID" | "OVER" {
  if (state === State.wait_pay) return "UNPAID";
  return unpayable.has(state) ? "OVER" : "PAID";
}
