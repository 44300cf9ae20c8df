import { BadRequest, fields, json, type Routes, type SimRequest } from "../router.ts";
import type { Simulation } from "../state.ts";
import { notify } from "./notify.ts";
import { transaction } from "./payments.ts";
import { notifyRefund, settleRefund } from "./refunds.ts";
import type { Payment, Refund } from "./state.ts";

/** What the person with the phone does, and what one may look at. */
export function payControlRoutes(sim: Simulation): Routes {
  const { payments, refunds } = sim.state.pay;
  const all = () => [...payments.values()];

  return {
    "POST /sim/pay": (request) => {
      const body = fields(request, ["prepay_id", "out_trade_no", "notify"]);
      const payment = all().find(
        (one) => one.prepayId === body.prepay_id || one.outTradeNo === body.out_trade_no,
      );
      if (!payment) throw new BadRequest("there is no such payment");
      pay(sim, payment);
      if (body.notify !== false) void notifyPayment(sim, payment);
      return json(paymentView(payment));
    },

    "POST /sim/refund/{no}": (request) => {
      const { status = "SUCCESS" } = request.body === "" ? {} : fields(request, ["status"]);
      const refund = refunds.get(request.params.no ?? "");
      if (!refund) throw new BadRequest("there is no such refund");
      if (status !== "SUCCESS" && status !== "CLOSED" && status !== "ABNORMAL") {
        throw new BadRequest("status must be SUCCESS, CLOSED or ABNORMAL");
      }
      settleRefund(sim, refund, status);
      return json(refundView(refund));
    },

    "POST /sim/notify": async (request) => {
      const body = fields(request, ["out_trade_no", "out_refund_no"]);
      const payment = payments.get(`${body.out_trade_no}`);
      const refund = refunds.get(`${body.out_refund_no}`);
      if (payment?.transactionId) return json({ status: (await notifyPayment(sim, payment)) ?? null });
      if (refund && refund.status !== "PROCESSING")
        return json({ status: (await notifyRefund(sim, refund)) ?? null });
      throw new BadRequest("there is nothing to tell");
    },

    "POST /sim/merchant": (request) => {
      const { empty } = fields(request, ["empty"]);
      if (typeof empty !== "boolean") throw new BadRequest("empty must be true or false");
      sim.state.pay.empty = empty;
      return json({ empty });
    },

    "GET /sim/payments": ({ query }: SimRequest) => {
      const openid = query.get("openid");
      return json({
        payments: all()
          .filter((one) => !openid || one.openid === openid)
          .map(paymentView),
      });
    },

    "GET /sim/refunds": () => json({ refunds: [...refunds.values()].map(refundView) }),
  };
}

function pay(sim: Simulation, payment: Payment): void {
  if (payment.transactionId) throw new BadRequest("it was paid before");
  if (payment.state === "CLOSED") throw new BadRequest("it was closed");
  if (payment.prepaidUntil <= sim.now()) throw new BadRequest("the prepay_id ran out");
  payment.state = "SUCCESS";
  payment.paidAt = sim.now();
  payment.transactionId = `4200${sim.now()}${String(sim.random(4).readUInt32BE()).padStart(10, "0")}`;
}

function notifyPayment(sim: Simulation, payment: Payment): Promise<number | undefined> {
  return notify(sim, {
    url: payment.notifyUrl,
    eventType: "TRANSACTION.SUCCESS",
    summary: "支付成功",
    kind: "transaction",
    resource: { ...transaction(payment), trade_state: "SUCCESS", trade_state_desc: "支付成功" },
    attempts: payment.notifications,
  });
}

export function paymentView(one: Payment) {
  return {
    out_trade_no: one.outTradeNo,
    prepay_id: one.prepayId,
    openid: one.openid,
    description: one.description,
    total: one.total,
    trade_state: one.state,
    transaction_id: one.transactionId,
    created_at: one.createdAt,
    paid_at: one.paidAt,
    notifications: one.notifications,
  };
}

export function refundView(one: Refund) {
  return {
    out_refund_no: one.outRefundNo,
    refund_id: one.refundId,
    out_trade_no: one.outTradeNo,
    amount: one.amount,
    reason: one.reason,
    status: one.status,
    created_at: one.createdAt,
    settled_at: one.settledAt,
    notifications: one.notifications,
  };
}
