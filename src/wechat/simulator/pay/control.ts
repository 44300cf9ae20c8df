import { BadRequest, fields, json, type Routes } from "../router.ts";
import type { Simulation } from "../state.ts";
import { announce, newNotice, send } from "./notices.ts";
import { settleRefund, tenDigits } from "./refunds.ts";
import type { Payment, Settled } from "./state.ts";
import { tradeState, transaction } from "./transaction.ts";
import { paymentView, refundView } from "./views.ts";

/** What the person with the phone does and what happens at WeChat Pay; and what can be looked at. */
export function payControlRoutes(sim: Simulation): Routes {
  const { pay } = sim.state;
  const { payments, refunds } = pay;

  return {
    "POST /sim/pay": (request) => {
      const body = fields(request, ["prepay_id", "out_trade_no", "notify"]);
      const { notify = true } = body;
      if (typeof notify !== "boolean") throw new BadRequest("notify must be true or false");
      const payment = find([...payments.values()], body);
      const { transactionId, notice } = debit(sim, payment);
      if (notify) void announce(sim, notice);
      return json({
        transaction_id: transactionId,
        out_trade_no: payment.outTradeNo,
        trade_state: tradeState(payment),
        notified: notify,
      });
    },

    "POST /sim/refund/{no}": (request) => {
      const { status = "SUCCESS" } = request.body === "" ? {} : fields(request, ["status"]);
      const refund = refunds.get(request.params.no ?? "");
      if (!refund) throw new BadRequest("there is no such refund");
      if (!isSettled(status)) throw new BadRequest("status must be SUCCESS, CLOSED or ABNORMAL");
      const open = refund.status === "PROCESSING" || (refund.status === "ABNORMAL" && status !== "ABNORMAL");
      if (!open) throw new BadRequest(`it is ${refund.status} already`);
      settleRefund(sim, refund, status);
      return json(refundView(refund));
    },

    "POST /sim/notify": async (request) => {
      const { out_trade_no, out_refund_no } = fields(request, ["out_trade_no", "out_refund_no"]);
      const notice =
        typeof out_trade_no === "string"
          ? payments.get(out_trade_no)?.paid?.notice
          : refunds.get(`${out_refund_no}`)?.notices.at(-1);
      if (!notice) throw new BadRequest("nothing to tell: it is unknown, or neither paid nor settled");
      const { status = null, error } = await send(sim, notice);
      return json({ id: notice.id, status, error });
    },

    "POST /sim/merchant": (request) => {
      const { empty } = fields(request, ["empty"]);
      if (typeof empty !== "boolean") throw new BadRequest("empty must be true or false");
      pay.empty = empty;
      return json({ empty });
    },

    "GET /sim/payments": ({ query }) => {
      const openid = query.get("openid");
      const theirs = [...payments.values()].filter((one) => openid === null || one.openid === openid);
      return json({ payments: theirs.map(paymentView) });
    },

    "GET /sim/refunds": () => json({ refunds: [...refunds.values()].map(refundView) }),
  };
}

/** @throws BadRequest */
function find(payments: Payment[], { prepay_id, out_trade_no }: Record<string, unknown>): Payment {
  if (prepay_id === undefined && out_trade_no === undefined) {
    throw new BadRequest("one of prepay_id and out_trade_no is needed");
  }
  const payment = payments.find(
    ({ prepayId, outTradeNo }) =>
      (prepay_id === undefined || prepay_id === prepayId) &&
      (out_trade_no === undefined || out_trade_no === outTradeNo),
  );
  if (!payment) throw new BadRequest("there is no such payment");
  return payment;
}

/** The person pays. @throws BadRequest when it can't be paid */
function debit(sim: Simulation, payment: Payment): NonNullable<Payment["paid"]> {
  const { paid, closed, prepaidUntil, notifyUrl: url, serial } = payment;
  if (paid) throw new BadRequest("it is paid already");
  if (closed) throw new BadRequest("it is closed");
  const at = sim.now();
  if (at >= prepaidUntil) throw new BadRequest("the prepay_id has expired");
  const transactionId = `42000${at}${tenDigits(sim)}`;
  const resource = transaction(sim, { ...payment, paid: { transactionId, at } });
  const news = { eventType: "TRANSACTION.SUCCESS", summary: "支付成功", kind: "transaction" } as const;
  payment.paid = { transactionId, at, notice: newNotice(sim, { ...news, url, serial, resource }) };
  return payment.paid;
}

function isSettled(status: unknown): status is Settled {
  return status === "SUCCESS" || status === "CLOSED" || status === "ABNORMAL";
}
