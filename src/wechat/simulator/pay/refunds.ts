import { isObject, type Routes, type SimRequest } from "../router.ts";
import { sandboxMerchant } from "../sandbox-app.ts";
import { remember, type Simulation } from "../state.ts";
import { notify, rfc3339 } from "./notify.ts";
import { fen, notifyUrl, param, payBody, payHandler, text } from "./payments.ts";
import { PayRefusal } from "./signing.ts";
import type { Payment, Refund } from "./state.ts";

/** When a refund goes through that nobody settles by hand. */
const settlesAfterMs = 20_000;

/** Asking for refunds, and about them. */
export function refundRoutes(sim: Simulation): Routes {
  return {
    "POST /v3/refund/domestic/refunds": payHandler(sim, (request) => ({
      status: 200,
      value: refundRecord(sim, refund(sim, payBody(request))),
    })),
    "GET /v3/refund/domestic/refunds/{no}": payHandler(sim, ({ params }: SimRequest) => {
      const known = sim.state.pay.refunds.get(params.no ?? "");
      if (!known) throw new PayRefusal(404, "RESOURCE_NOT_EXISTS", "there is no such refund");
      return { status: 200, value: refundRecord(sim, known) };
    }),
  };
}

function refund(sim: Simulation, body: Record<string, unknown>): Refund {
  const { payments, refunds } = sim.state.pay;
  const outRefundNo = text(body, "out_refund_no", /^[0-9A-Za-z_\-|*@]{1,64}$/);
  const payment = payments.get(text(body, "out_trade_no", /^[0-9A-Za-z_\-|*]{6,32}$/));
  if (!payment?.transactionId) throw new PayRefusal(404, "RESOURCE_NOT_EXISTS", "the order was not paid");
  const { amount: given, reason = "" } = body;
  if (!isObject(given) || given.currency !== "CNY") throw param("amount does not fit");
  const amount = fen(given.refund, "amount.refund");
  if (given.total !== payment.total) throw param("amount.total is not what was paid");
  if (typeof reason !== "string" || Buffer.byteLength(reason) > 80) throw param("reason does not fit");
  const wanted = { outTradeNo: payment.outTradeNo, amount };
  const before = refunds.get(outRefundNo);
  if (before) {
    if (before.outTradeNo === wanted.outTradeNo && before.amount === amount) return before;
    throw new PayRefusal(400, "INVALID_REQUEST", "the refund is known with other parameters");
  }
  if (sim.state.pay.empty)
    throw new PayRefusal(403, "NOT_ENOUGH", "the merchant's account does not cover it");
  const returned = [...refunds.values()]
    .filter(({ outTradeNo, status }) => outTradeNo === payment.outTradeNo && status !== "CLOSED")
    .reduce((sum, one) => sum + one.amount, 0);
  if (returned + amount > payment.total) throw new PayRefusal(400, "INVALID_REQUEST", "more than was paid");
  const url = body.notify_url === undefined ? payment.notifyUrl : notifyUrl(body);
  const made = remember<Refund>(refunds, outRefundNo, {
    ...wanted,
    outRefundNo,
    refundId: `5030${sim.now()}${sim.random(4).readUInt32BE()}`,
    reason,
    notifyUrl: url,
    status: "PROCESSING",
    createdAt: sim.now(),
    settledAt: 0,
    notifications: [],
  });
  payment.state = "REFUND";
  sim.later(settlesAfterMs, () => settleRefund(sim, made, "SUCCESS"));
  return made;
}

/** Brings a refund to its end, once, and tells the server of it. */
export function settleRefund(
  sim: Simulation,
  one: Refund,
  status: Exclude<Refund["status"], "PROCESSING">,
): void {
  if (one.status === "SUCCESS" || one.status === "CLOSED" || one.status === status) return;
  one.status = status;
  one.settledAt = sim.now();
  if (status === "CLOSED") paymentOf(sim, one).state = "SUCCESS";
  void notifyRefund(sim, one);
}

export function notifyRefund(sim: Simulation, one: Refund): Promise<number | undefined> {
  const payment = paymentOf(sim, one);
  const { total } = payment;
  return notify(sim, {
    url: one.notifyUrl,
    eventType: `REFUND.${one.status}`,
    summary: "退款通知",
    kind: "refund",
    resource: {
      mchid: sandboxMerchant.mchid,
      out_trade_no: one.outTradeNo,
      transaction_id: payment.transactionId,
      out_refund_no: one.outRefundNo,
      refund_id: one.refundId,
      refund_status: one.status,
      ...(one.status === "SUCCESS" ? { success_time: rfc3339(one.settledAt) } : {}),
      user_received_account: "支付用户零钱",
      amount: { total, refund: one.amount, payer_total: total, payer_refund: one.amount },
    },
    attempts: one.notifications,
  });
}

function paymentOf({ state }: Simulation, { outTradeNo }: Refund): Payment {
  return state.pay.payments.get(outTradeNo) as Payment;
}

function refundRecord(sim: Simulation, one: Refund) {
  const { transactionId, total } = paymentOf(sim, one);
  return {
    refund_id: one.refundId,
    out_refund_no: one.outRefundNo,
    transaction_id: transactionId,
    out_trade_no: one.outTradeNo,
    channel: "ORIGINAL",
    user_received_account: "支付用户零钱",
    ...(one.status === "SUCCESS" ? { success_time: rfc3339(one.settledAt) } : {}),
    create_time: rfc3339(one.createdAt),
    status: one.status,
    funds_account: "AVAILABLE",
    amount: {
      total,
      refund: one.amount,
      payer_total: total,
      payer_refund: one.amount,
      settlement_refund: one.amount,
      settlement_total: total,
      discount_refund: 0,
      currency: "CNY",
    },
  };
}
