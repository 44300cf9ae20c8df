import type { App } from "../app.ts";
import { insertEvent } from "../auth/store.ts";
import { AppError, invalid } from "../errors.ts";
import type { Tx } from "../storage/store.ts";
import type { Notification, Pay, Refund, Transaction } from "../wechat/pay/pay.ts";
import type { Payable } from "./payable.ts";
import type { PaymentDeps } from "./payments.ts";
import * as rows from "./store.ts";

/** WeChat says something about a payment that does not fit ours: nothing is marked. */
export class Mismatch extends Error {}

/** How long after its prepay_id ran out a payment nobody made is given up (ms). */
const giveUpMs = 130 * 60_000;
/** When a refund is asked about again that WeChat works on, and one that somebody has to see to (ms). */
const processingMs = 30_000;
const abnormalMs = 6 * 3600_000;

/** Where what WeChat says becomes true here: in one transaction with what was paid for. */
export function createSettlement(deps: PaymentDeps & { wake(): void }) {
  const { store, clock, ids, log, wechat, payables, notifyUrl, wake } = deps;

  function payableOf(payment: rows.PaymentRow): Payable {
    const payable = payables[payment.subjectKind];
    if (!payable) throw new Error(`nothing called ${payment.subjectKind} can be paid`);
    return payable;
  }

  function pay(): Pay {
    if (!wechat.pay) throw new AppError("WX_MISCONFIGURED");
    return wechat.pay;
  }

  function checkTransaction(payment: rows.PaymentRow, { appid, mchid, outTradeNo, total }: Transaction) {
    if (mchid !== pay().mchid) throw new Mismatch("the merchant is another");
    if (outTradeNo !== payment.outTradeNo) throw new Mismatch("the number is another");
    if (appid !== payment.appid) throw new Mismatch("the appid is another");
    if (total !== payment.amount) throw new Mismatch("the amount is another");
  }

  /** Takes what WeChat says of a payment; it was signed by WeChat. @throws Mismatch */
  async function apply(payment: rows.PaymentRow, said: Transaction): Promise<void> {
    checkTransaction(payment, said);
    switch (said.tradeState) {
      case "SUCCESS":
      case "REFUND":
        if ((await store.tx((tx) => settle(tx, payment, said))) === "LATE") wake();
        return;
      case "CLOSED":
      case "REVOKED":
      case "PAYERROR":
        await store.tx((tx) => rows.markClosed(tx, payment.id, clock.now()));
        return;
      case "NOTPAY":
      case "USERPAYING":
        return;
    }
  }

  async function settle(tx: Tx, payment: rows.PaymentRow, said: Transaction): Promise<"TAKEN" | "LATE"> {
    const now = clock.now();
    const { id, subjectKind, subjectId, userId, amount } = payment;
    const { transactionId, successTime } = said;
    if (!(await rows.markPaid(tx, { id, transactionId, paidAt: successTime, now }))) return "TAKEN";
    if (await payableOf(payment).paid(tx, subjectId, successTime)) return "TAKEN";
    const refund = { id: ids.next(), paymentId: id, amount, createdAt: now, checkAt: now };
    await rows.insertRefund(tx, { ...refund, reason: "Nothing was left to pay for", cause: "LATE" });
    const detail = { payment: id, subject: `${subjectKind}:${subjectId}`, amount, refund: refund.id };
    await insertEvent(tx, { id: ids.next(), at: now, kind: "payment.late", userId, detail });
    return "LATE";
  }

  /** Notes for the operator that WeChat contradicts us. */
  async function audit(kind: string, payment: rows.PaymentRow, why: string): Promise<void> {
    log.error({ kind, payment: payment.id, why }, "WeChat Pay says something else than we know");
    const detail = { payment: payment.id, why };
    await store.tx((tx) =>
      insertEvent(tx, { id: ids.next(), at: clock.now(), kind, userId: payment.userId, detail }),
    );
  }

  function checkRefund(payment: rows.PaymentRow, refund: rows.RefundRow, said: Refund) {
    if (said.outRefundNo !== refund.outRefundNo) throw new Mismatch("the refund's number is another");
    if (said.outTradeNo !== payment.outTradeNo) throw new Mismatch("the payment's number is another");
    if (said.refund !== refund.amount || said.total !== payment.amount) {
      throw new Mismatch("the amount is another");
    }
  }

  /** Takes what WeChat says of a refund; it was signed by WeChat. @throws Mismatch */
  async function applyRefund(payment: rows.PaymentRow, refund: rows.RefundRow, said: Refund): Promise<void> {
    checkRefund(payment, refund, said);
    const { status, refundId } = said;
    if (status === "ABNORMAL" && refund.state !== "ABNORMAL") {
      await audit("refund.abnormal", payment, "the money can't go back the way it came");
    }
    await store.tx(async (tx) => {
      const now = clock.now();
      const pauses = { SUCCESS: null, CLOSED: null, PROCESSING: processingMs, ABNORMAL: abnormalMs };
      const pause = pauses[status];
      const checkAt = pause === null ? null : now + pause;
      if (!(await rows.moveRefund(tx, { id: refund.id, state: status, refundId, now, checkAt }))) return;
      if (refund.cause !== "ASKED") return;
      if (status === "SUCCESS") await payableOf(payment).refunded(tx, payment.subjectId);
      if (status === "CLOSED") await payableOf(payment).refundFailed(tx, payment.subjectId);
    });
  }

  async function turnDown(payment: rows.PaymentRow, refund: rows.RefundRow): Promise<void> {
    await store.tx(async (tx) => {
      const now = clock.now();
      const move = { id: refund.id, state: "CLOSED" as const, refundId: "", now, checkAt: null };
      if (await rows.moveRefund(tx, move)) await payableOf(payment).refundFailed(tx, payment.subjectId);
    });
  }

  return {
    apply,
    applyRefund,
    audit,

    /** Asks WeChat about a payment and takes the answer. @throws AppError as Pay.query; Mismatch */
    async ask(payment: rows.PaymentRow, signal?: AbortSignal): Promise<void> {
      const said = await pay().query(payment.outTradeNo, signal);
      if (said) await apply(payment, said);
    },

    /** Closes a payment at WeChat, or finds that it was paid. */
    async close(payment: rows.PaymentRow, signal?: AbortSignal): Promise<void> {
      try {
        await pay().close(payment.outTradeNo, signal);
      } catch (error) {
        if (!(error instanceof AppError) || error.reason !== "WX_PAY_REFUSED") throw error;
        // It was paid, closed already or never came to WeChat.
        const said = await pay().query(payment.outTradeNo, signal);
        if (said) return apply(payment, said);
      }
      await store.tx((tx) => rows.markClosed(tx, payment.id, clock.now()));
    },

    /** Whether a payment that nobody made is to be given up. */
    isForsaken({ state, preparedAt, createdAt }: rows.PaymentRow): boolean {
      return state === "OPEN" && (preparedAt ?? createdAt) + giveUpMs <= clock.now();
    },

    /**
     * Sends a refund and takes the answer.
     * @throws AppError WX_PAY_REFUSED when WeChat turned down one that was asked for; it is over then
     */
    async sendRefund(refund: rows.RefundRow, signal?: AbortSignal): Promise<void> {
      const payment = await rows.findPayment(store.read, refund.paymentId);
      if (!payment) return;
      const { outTradeNo, amount: total } = payment;
      const { outRefundNo, amount, reason } = refund;
      const order = { outTradeNo, outRefundNo, reason, amount, total, notifyUrl: notifyUrl(), signal };
      const said = await pay()
        .refund(order)
        .catch(async (error: unknown) => {
          const refused = error instanceof AppError && error.reason === "WX_PAY_REFUSED";
          if (!refused) throw error;
          // What came too late has to go back: it is tried again until it does.
          if (refund.cause === "LATE") await audit("refund.refused", payment, error.metadata.code ?? "");
          else await turnDown(payment, refund);
          throw error;
        });
      await applyRefund(payment, refund, said);
    },

    /** Asks WeChat how a refund stands and takes the answer. */
    async askRefund(refund: rows.RefundRow, signal?: AbortSignal): Promise<void> {
      const payment = await rows.findPayment(store.read, refund.paymentId);
      const said = payment && (await pay().queryRefund(refund.outRefundNo, signal));
      if (said) await applyRefund(payment, refund, said);
    },
  };
}

export type Settlement = ReturnType<typeof createSettlement>;

/** Makes the function that takes WeChat Pay's notifications. */
export function takesNotification({
  store,
  settlement,
  merchant,
}: Pick<App, "store"> & { settlement: Settlement; merchant(): Pay }) {
  return async (request: Parameters<Pay["readNotification"]>[0]): Promise<void> => {
    const notification = await merchant().readNotification(request);
    const payment = await paymentOf(notification);
    if (notification.kind === "other" || !payment) return;
    try {
      if (notification.kind === "payment") {
        await settlement.apply(payment, notification.transaction);
      } else {
        if (notification.mchid !== merchant().mchid) throw new Mismatch("the merchant is another");
        const refund = await rows.findByOutRefundNo(store.read, notification.refund.outRefundNo);
        if (!refund || refund.paymentId !== payment.id) throw new Mismatch("there is no such refund");
        await settlement.applyRefund(payment, refund, notification.refund);
      }
    } catch (error) {
      if (!(error instanceof Mismatch)) throw error;
      await settlement.audit("payment.mismatch", payment, error.message);
      throw invalid({ field: "resource", description: error.message }, error);
    }
  };

  async function paymentOf(notification: Notification): Promise<rows.PaymentRow | undefined> {
    if (notification.kind === "other") return undefined;
    const { outTradeNo } = notification.kind === "payment" ? notification.transaction : notification.refund;
    const payment = await rows.findByOutTradeNo(store.read, outTradeNo);
    if (!payment) throw invalid({ field: "resource", description: "there is no such payment" });
    return payment;
  }
}
