import type { Fields } from "./fields.ts";
import type { Refund, Transaction } from "./types.ts";

const tradeStates = ["SUCCESS", "REFUND", "NOTPAY", "CLOSED", "REVOKED", "USERPAYING", "PAYERROR"] as const;
const refundStates = ["SUCCESS", "CLOSED", "PROCESSING", "ABNORMAL"] as const;

/** Reads a payment, of a query's answer or a notification. @throws Malformed */
export function readTransaction(fields: Fields): Transaction {
  const tradeState = fields.oneOf("trade_state", tradeStates);
  const paid = tradeState === "SUCCESS" || tradeState === "REFUND";
  const amount = fields.object("amount");
  // Missing before the payment; no other currency's smallest unit is to be taken for fen.
  if (amount.has("currency")) amount.oneOf("currency", ["CNY"]);
  return {
    appid: fields.text("appid"),
    mchid: fields.text("mchid"),
    outTradeNo: fields.text("out_trade_no"),
    tradeState,
    transactionId: paid ? fields.text("transaction_id") : fields.anyText("transaction_id"),
    successTime: paid ? fields.time("success_time") : 0,
    openid: paid ? fields.object("payer").text("openid") : "",
    total: amount.fen("total"),
  };
}

/**
 * Reads a refund.
 * @param statusField `status` in an answer, `refund_status` in a notification
 * @throws Malformed
 */
export function readRefund(fields: Fields, statusField: "status" | "refund_status"): Refund {
  const status = fields.oneOf(statusField, refundStates);
  const amount = fields.object("amount");
  if (amount.has("currency")) amount.oneOf("currency", ["CNY"]);
  return {
    refundId: fields.text("refund_id"),
    outRefundNo: fields.text("out_refund_no"),
    outTradeNo: fields.text("out_trade_no"),
    transactionId: fields.text("transaction_id"),
    status,
    successTime: status === "SUCCESS" ? fields.time("success_time") : 0,
    refund: amount.fen("refund"),
    total: amount.fen("total"),
  };
}
