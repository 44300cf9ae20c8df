import { sql } from "drizzle-orm";
import {
  type RailAuditRefundRequest,
  type RailAuditTicketRequest,
  type RailListAllRequest,
  type RailSetBenefitRateRequest,
  RailOrder_State as State,
} from "../../../gen/liveuser/rail_pb.ts";
import type { App } from "../../app.ts";
import { type AuditEvent, insertEvent } from "../../auth/store.ts";
import { AppError } from "../../errors.ts";
import type { Payments } from "../../payments/payments.ts";
import type { Call } from "../../rpc/call.ts";
import type { Tx } from "../../storage/store.ts";
import { pageOf, pageSize } from "../page.ts";
import * as users from "../user/store.ts";
import { found, inState } from "./found.ts";
import { orderNoOf, recorder } from "./record.ts";
import * as orders from "./store.ts";
import { happen } from "./transition.ts";

/** What the operator decides. */
export function railOperators(
  app: Pick<App, "store" | "clock" | "ids" | "settings" | "personal">,
  payments: Pick<Payments, "refund" | "send">,
) {
  const { store, clock, ids, settings } = app;
  const record = recorder(app);

  /** When an order confirms itself that has to be confirmed from `now` on (unix ms). */
  function confirmsAt(now: number): number {
    return now + settings.RAIL_CONFIRM * 1000;
  }

  /** Keeps who decided what. */
  async function note(tx: Tx, { identity }: Call, event: Pick<AuditEvent, "kind" | "userId" | "detail">) {
    await insertEvent(tx, { id: ids.next(), at: clock.now(), appid: identity?.appid, ...event });
  }

  return {
    async listAll({ cursor, limit, states }: RailListAllRequest) {
      const size = pageSize(limit);
      const before = Number(cursor) || Number.MAX_SAFE_INTEGER;
      const filter = { states, before, limit: size + 1, now: clock.now() };
      const page = pageOf(await orders.listAll(store.read, filter), size);
      return { orders: page.rows.map((row) => record(row)), cursor: page.cursor };
    },

    async auditTicket({ id, approve, remark }: RailAuditTicketRequest, call: Call) {
      const row = await store.tx(async (tx) => {
        const now = clock.now();
        const order = { id: Number(id), now };
        const audited = approve
          ? await happen(tx, "approveTicket", {
              ...order,
              also: () => ({ remark, confirmsAt: confirmsAt(now) }),
            })
          : await happen(tx, "rejectTicket", { ...order, also: () => ({ remark, ticketNo: "" }) });
        if (!audited) {
          return inState(await found(tx, id), now, [approve ? State.wait_confirme : State.robing]);
        }
        await note(tx, call, { kind: "rail.ticket_audited", ...decisionOn(audited, approve) });
        return audited;
      });
      return { order: record(row) };
    },

    async auditRefund({ id, approve, remark }: RailAuditRefundRequest, call: Call) {
      const refund = await store.tx(async (tx) => {
        const now = clock.now();
        const order = { id: Number(id), now };
        const audited = approve
          ? await happen(tx, "approveRefund", { ...order, also: () => ({ remark }) })
          : await happen(tx, "rejectRefund", {
              ...order,
              also: ({ railOrders: r }) => ({
                remark,
                // The audit took some of the customer's time to confirm.
                confirmsAt: sql`case when ${r.confirmsAt} is null then ${r.confirmsAt} else ${confirmsAt(now)} end`,
              }),
            });
        if (!audited) return undefined;
        await note(tx, call, { kind: "rail.refund_audited", ...decisionOn(audited, approve) });
        if (!approve) return undefined;
        const subject = { kind: "rail_order", id: audited.id } as const;
        const refundId = await payments.refund(tx, subject, `Refund of ${orderNoOf(audited.id)}`);
        if (refundId === undefined) throw new Error(`rail order ${id} has no payment to send back`);
        return refundId;
      });
      if (refund !== undefined) await payments.send(refund, call.signal);
      const { returning_amount, returned_amount, returned_return } = State;
      const decided = approve ? [returning_amount, returned_amount] : [returned_return];
      return { order: record(inState(await found(store.read, id), clock.now(), decided)) };
    },

    async setBenefitRate({ uid, benefitRate }: RailSetBenefitRateRequest, call: Call) {
      const userId = Number(uid);
      await store.tx(async (tx) => {
        if (!(await users.findRecord(tx, userId))) throw new AppError("USER_NOT_FOUND");
        await orders.setBenefitRate(tx, userId, benefitRate);
        await note(tx, call, { kind: "rail.benefit_rate_set", userId, detail: { rate: benefitRate } });
      });
      return {};
    },
  };
}

function decisionOn({ id, userId, remark }: orders.RailRow, approve: boolean) {
  return { userId, detail: { order: id, decision: approve ? "approved" : "rejected", remark } };
}
