import { sandboxMerchant } from "../sandbox-app.ts";
import type { Simulation } from "../state.ts";
import { rfc3339 } from "./sealing.ts";
import type { Payment } from "./state.ts";

const described = {
  NOTPAY: "订单未支付",
  SUCCESS: "支付成功",
  REFUND: "订单发生过退款，退款详情请查询退款单",
  CLOSED: "订单已关闭",
};

/** A payment, also before its notification is written. */
type Told = Omit<Payment, "paid"> & { paid?: Omit<NonNullable<Payment["paid"]>, "notice"> };

export function tradeState({ closed, paid, refunds }: Told): keyof typeof described {
  if (closed) return "CLOSED";
  if (!paid) return "NOTPAY";
  return refunds.some(({ status }) => status !== "CLOSED") ? "REFUND" : "SUCCESS";
}

/**
 * A payment as WeChat Pay tells of it (https://pay.weixin.qq.com/doc/v3/merchant/4012791900). Who pays, and
 * how, is told after the payment only.
 */
export function transaction({ appid }: Simulation, payment: Told) {
  const { outTradeNo, total, openid, attach, paid } = payment;
  const state = tradeState(payment);
  const common = {
    appid,
    mchid: sandboxMerchant.mchid,
    out_trade_no: outTradeNo,
    trade_state: state,
    trade_state_desc: described[state],
    attach,
  };
  if (!paid) return { ...common, amount: { total, currency: "CNY" } };
  return {
    ...common,
    transaction_id: paid.transactionId,
    trade_type: "JSAPI",
    bank_type: "OTHERS",
    success_time: rfc3339(paid.at),
    payer: { openid },
    amount: { total, payer_total: total, currency: "CNY", payer_currency: "CNY" },
  };
}
