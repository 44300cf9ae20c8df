import type { Routes, SimRequest } from "../router.ts";
import { sandboxMerchant } from "../sandbox-app.ts";
import { remember, type Simulation } from "../state.ts";
import { type Fields, fen, group, notifyUrl, payFields, remark, text } from "./fields.ts";
import { payHandler } from "./handler.ts";
import { announce, newNotice } from "./notices.ts";
import { unfit, wrongField } from "./refusal.ts";
import { rfc3339 } from "./sealing.ts";
import type { Payment, Refund, Settled } from "./state.ts";

/** When a refund goes through that nobody settles by hand. */
const settlesAfterMs = 20_000;
const account = "支付用户零钱";

/** Asking for refunds, and about them (https://pay.weixin.qq.com/doc/v3/merchant/4012791862). */
export function refundRoutes(sim: Simulation): Routes {
  return {
    "POST /v3/refund/domestic/refunds": payHandler(sim, (request) =>
      record(askForRefund(sim, payFields(request), request.headers["wechatpay-serial"])),
    ),
    "GET /v3/refund/domestic/refunds/{no}": payHandler(sim, ({ params }: SimRequest) => {
      const refund = sim.state.pay.refunds.get(params.no ?? "");
      if (!refund) throw unfit("there is no such refund", "RESOURCE_NOT_EXISTS", 404);
      return record(refund);
    }),
  };
}

/** @throws PayRefusal */
function askForRefund(sim: Simulation, body: Fields, serial: string | undefined): Refund {
  const { refunds, empty } = sim.state.pay;
  const outRefundNo = text(body, "out_refund_no", /^[0-9A-Za-z_\-|*@]{1,64}$/);
  const payment = paymentOf(sim, body);
  const given = group(body, "amount");
  if (given.currency !== "CNY") throw wrongField("/amount/currency", "it must be CNY");
  const amount = fen(given, "refund");
  if (fen(given, "total") !== payment.total) throw unfit("amount.total is not what the order was for");
  const reason = remark(body, "reason", 80);
  const url = body.notify_url === undefined ? undefined : notifyUrl(body);

  const before = refunds.get(outRefundNo);
  if (before?.payment === payment && before.amount === amount) return before;
  if (before) throw unfit("the refund was asked for with other parameters");
  if (!payment.paid) throw unfit("the order is not paid");
  const going = payment.refunds.filter(({ status }) => status !== "CLOSED");
  const returned = going.reduce((sum, one) => sum + one.amount, 0);
  if (returned + amount > payment.total) throw unfit("it is more than is left of what was paid");
  if (empty) throw unfit("the merchant's account does not cover it", "NOT_ENOUGH", 403);

  const refund: Refund = {
    payment,
    outRefundNo,
    refundId: `503000${sim.now()}${tenDigits(sim)}`,
    amount,
    reason,
    createdAt: sim.now(),
    notifyUrl: url,
    serial,
    status: "PROCESSING",
    notices: [],
  };
  remember(refunds, outRefundNo, refund);
  payment.refunds.push(refund);
  sim.later(settlesAfterMs, () => {
    if (refund.status === "PROCESSING") settleRefund(sim, refund, "SUCCESS");
  });
  return refund;
}

/** @throws PayRefusal */
function paymentOf(sim: Simulation, body: Fields): Payment {
  const { payments } = sim.state.pay;
  const { transaction_id: id, out_trade_no: number } = body;
  if ((id === undefined) === (number === undefined)) {
    throw wrongField("/out_trade_no", "one of out_trade_no and transaction_id is needed");
  }
  const payment =
    id === undefined
      ? payments.get(text(body, "out_trade_no", /./))
      : [...payments.values()].find(({ paid }) => paid?.transactionId === id);
  if (!payment) throw unfit("there is no such order", "RESOURCE_NOT_EXISTS", 404);
  return payment;
}

/** Brings a refund that is PROCESSING or ABNORMAL to this end, and tells the server. */
export function settleRefund(sim: Simulation, refund: Refund, status: Settled): void {
  refund.status = status;
  refund.settledAt = sim.now();
  if (refund.notifyUrl === undefined) return;
  const { currency: _, ...amount } = amounts(refund);
  const notice = newNotice(sim, {
    url: refund.notifyUrl,
    serial: refund.serial,
    eventType: `REFUND.${status}`,
    summary: { SUCCESS: "退款成功", CLOSED: "退款关闭", ABNORMAL: "退款异常" }[status],
    kind: "refund",
    resource: {
      mchid: sandboxMerchant.mchid,
      ...numbers(refund),
      refund_status: status,
      ...successTime(refund),
      user_received_account: account,
      amount,
    },
  });
  refund.notices.push(notice);
  void announce(sim, notice);
}

/** A refund as WeChat Pay tells of it. */
function record(refund: Refund) {
  const amount = amounts(refund);
  const { total, refund: back } = amount;
  return {
    ...numbers(refund),
    channel: "ORIGINAL",
    user_received_account: account,
    create_time: rfc3339(refund.createdAt),
    ...successTime(refund),
    status: refund.status,
    funds_account: "AVAILABLE",
    amount: { ...amount, settlement_total: total, settlement_refund: back, discount_refund: 0 },
  };
}

function numbers({ payment, refundId, outRefundNo }: Refund) {
  return {
    refund_id: refundId,
    out_refund_no: outRefundNo,
    transaction_id: payment.paid?.transactionId,
    out_trade_no: payment.outTradeNo,
  };
}

function amounts({ payment: { total }, amount }: Refund) {
  return { total, refund: amount, payer_total: total, payer_refund: amount, currency: "CNY" };
}

function successTime({ status, settledAt }: Refund) {
  return status === "SUCCESS" && settledAt !== undefined ? { success_time: rfc3339(settledAt) } : {};
}

/** The end of one of WeChat Pay's numbers. */
export function tenDigits(sim: Simulation): string {
  return String(sim.random(4).readUInt32BE()).padStart(10, "0");
}
