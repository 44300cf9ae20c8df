import type { Notice, Payment, Refund } from "./state.ts";
import { tradeState } from "./transaction.ts";

/** A payment as the simulator lists it. Times in unix s, null for what has not happened. */
export function paymentView(payment: Payment) {
  const { outTradeNo, prepayId, openid, description, total, createdAt, paid } = payment;
  return {
    out_trade_no: outTradeNo,
    prepay_id: prepayId,
    openid,
    description,
    total,
    trade_state: tradeState(payment),
    transaction_id: paid?.transactionId ?? null,
    created_at: seconds(createdAt),
    paid_at: paid ? seconds(paid.at) : null,
    notifications: paid ? sendings(paid.notice) : [],
  };
}

/** A refund as the simulator lists it. */
export function refundView(refund: Refund) {
  const { outRefundNo, refundId, payment, amount, reason, status, createdAt, settledAt, notices } = refund;
  return {
    out_refund_no: outRefundNo,
    refund_id: refundId,
    out_trade_no: payment.outTradeNo,
    openid: payment.openid,
    amount,
    total: payment.total,
    reason,
    status,
    created_at: seconds(createdAt),
    settled_at: settledAt === undefined ? null : seconds(settledAt),
    notifications: notices.flatMap(sendings),
  };
}

/** Each time that a notification was sent; `status` is null without an answer, or before it. */
function sendings({ id, eventType, attempts }: Notice) {
  return attempts.map(({ at, status = null, error }) => ({
    id,
    event_type: eventType,
    sent_at: seconds(at),
    status,
    ...(error === undefined ? {} : { error }),
  }));
}

function seconds(ms: number): number {
  return Math.floor(ms / 1000);
}
