import type { App } from "../app.ts";
import { AppError } from "../errors.ts";
import type { Reader, Tx } from "../storage/store.ts";
import type { Pay, PayParams } from "../wechat/pay/pay.ts";
import type { Due, Payables, Subject } from "./payable.ts";
import { createReconciler } from "./reconciler.ts";
import { createSettlement, takesNotification } from "./settlement.ts";
import * as rows from "./store.ts";

export type PaymentDeps = Pick<App, "store" | "clock" | "ids" | "log" | "wechat"> & {
  payables: Payables;
  /** Where WeChat Pay sends its notifications: this server's address as WeChat sees it. */
  notifyUrl(): string;
};

/** How a payment stands: the names of PaymentState.State. */
export interface PaymentStatus {
  state: "UNPAID" | "PAID" | "CLOSED" | "REFUNDING" | "REFUNDED";
  /** Fen. */
  amount: number;
  /** Unix ms; 0 when it was not paid. */
  payAt: number;
}

/** Who wants to pay, and in which app. */
export interface Payer {
  uid: number;
  appid: string;
  signal: AbortSignal;
}

/** WeChat keeps a prepay_id for 2 h; the person needs some time to pay too (ms). */
const prepaidMs = 110 * 60_000;
/** When WeChat is first asked about a payment whose notification did not come (ms). */
const firstCheckMs = 10_000;
/** When a refund is sent by itself that its caller did not get sent (ms). */
const unsentMs = 5_000;

/** Paying for whatever can be paid: one row an attempt, and one place where money is taken for real. */
export function createPayments(deps: PaymentDeps) {
  const { store, clock, ids, log, wechat, payables, notifyUrl } = deps;
  const settlement = createSettlement({ ...deps, wake: () => reconciler.wake() });
  const reconciler = createReconciler({ ...deps, settlement });

  function merchant(): Pay {
    if (!wechat.pay) {
      throw new AppError("WX_MISCONFIGURED", {}, { cause: new Error("WECHAT_MCHID is not set") });
    }
    return wechat.pay;
  }

  function payable({ kind }: Subject) {
    const found = payables[kind];
    if (!found) throw new AppError("NOTHING_TO_PAY");
    return found;
  }

  /** The caller's thing. @throws AppError the kind's own reason for one that is not there or another's. */
  async function dueOf(reader: Reader, subject: Subject, uid: number): Promise<Due> {
    const { find, reasons } = payable(subject);
    const due = await find(reader, subject.id);
    if (due?.userId !== uid) throw new AppError(reasons.missing, { id: `${subject.id}` });
    return due;
  }

  /** The attempt to pay with: the open one, or a new one. */
  async function attempt(tx: Tx, subject: Subject, payer: Payer): Promise<rows.PaymentRow> {
    const due = await dueOf(tx, subject, payer.uid);
    if (due.standing === "PAID") throw new AppError("ALREADY_PAID", { state: due.state });
    if (due.standing === "OVER") throw new AppError(payable(subject).reasons.state, { state: due.state });
    const now = clock.now();
    const open = await rows.openAttempt(tx, subject);
    if (open?.appid === payer.appid) return open;
    // A prepay_id of the mini-program is of no use on a page, and the other way round.
    if (open) await rows.beginClosing(tx, { kind: subject.kind, ids: [subject.id], now });
    const { uid: userId, appid } = payer;
    const openid = await rows.openidOf(tx, { userId, appid });
    if (!openid) throw new AppError("WX_PAY_REFUSED", { code: "NO_OPENID" });
    const { amount, description } = due;
    const fresh = { subject, userId, appid, openid, amount, description, createdAt: now };
    const checkAt = now + firstCheckMs;
    const made = await rows.insertPayment(tx, { ...fresh, id: ids.next(), checkAt });
    // Another call was faster.
    const row = made ?? (await rows.openAttempt(tx, subject));
    if (!row) throw new AppError("UNAVAILABLE");
    return row;
  }

  /** Gets a prepay_id for the attempt, and keeps it. */
  async function prepared(row: rows.PaymentRow, subject: Subject, signal: AbortSignal) {
    const pay = merchant();
    const { appid, openid, amount, description } = row;
    const order = { appid, openid, amount, description, outTradeNo: row.outTradeNo };
    const prepayId = await pay.prepay({ ...order, notifyUrl: notifyUrl(), signal });
    const kept = await store.tx((tx) => {
      const now = clock.now();
      const { id, prepayId: before } = row;
      return rows.prepare(tx, { id, before, prepayId, now, checkAt: now + firstCheckMs });
    });
    if (kept) return kept;
    // Prepared by another call at the same time, or closed meanwhile: nobody gets what would pay for it.
    const now = await rows.findPayment(store.read, row.id);
    if (now?.state === "OPEN" && now.prepayId) return now;
    throw new AppError(payable(subject).reasons.state, { state: now?.state ?? "" });
  }

  function isFresh({ prepayId, preparedAt }: rows.PaymentRow): boolean {
    return prepayId !== null && preparedAt !== null && preparedAt + prepaidMs > clock.now();
  }

  return {
    /**
     * What wx.requestPayment takes. While an attempt is open, the same comes again.
     * @throws AppError the kind's own reasons, ALREADY_PAID, WX_PAY_REFUSED, WX_UNAVAILABLE, WX_MISCONFIGURED
     */
    async prepay(subject: Subject, payer: Payer): Promise<PayParams> {
      const pay = merchant();
      const open = await store.tx((tx) => attempt(tx, subject, payer));
      const row = isFresh(open) ? open : await prepared(open, subject, payer.signal);
      return pay.params({
        appid: row.appid,
        prepayId: row.prepayId ?? "",
        at: Math.floor((row.preparedAt ?? 0) / 1000),
        nonce: `${row.outTradeNo}${row.preparedAt}`.slice(0, 32),
      });
    },

    /** The newest of the person's things that wait to be paid, of any kind. @throws AppError NOTHING_TO_PAY */
    async newestUnpaid(uid: number): Promise<Subject> {
      let newest: Subject | undefined;
      for (const [kind, { newestUnpaid }] of Object.entries(payables)) {
        const id = await newestUnpaid(store.read, uid);
        // Ids of all kinds grow with time.
        if (id !== undefined && id > (newest?.id ?? 0)) newest = { kind: kind as Subject["kind"], id };
      }
      if (!newest) throw new AppError("NOTHING_TO_PAY");
      return newest;
    },

    /**
     * How the payment of the caller's thing stands. Asks WeChat when an attempt is open, so that a
     * notification that is late keeps nobody waiting.
     */
    async status(subject: Subject, { uid, signal }: Pick<Payer, "uid" | "signal">): Promise<PaymentStatus> {
      await dueOf(store.read, subject, uid);
      const open = (await rows.attempts(store.read, subject)).filter(({ state }) =>
        ["OPEN", "CLOSING"].includes(state),
      );
      for (const row of open) await settlement.ask(row, signal);
      const due = await dueOf(store.read, subject, uid);
      const made = await rows.attempts(store.read, subject);
      const refunds = await rows.refundsOf(
        store.read,
        made.map(({ id }) => id),
      );
      return statusOf(due, made, refunds);
    },

    /** To be called in the transaction that cancels or expires things: their open attempts will be closed at WeChat. */
    async close(tx: Tx, kind: Subject["kind"], subjects: readonly number[]): Promise<void> {
      await rows.beginClosing(tx, { kind, ids: subjects, now: clock.now() });
    },

    /**
     * To be called in the transaction that marks a paid thing as on its way back: asks for the whole
     * sum. Answers the refund's id, to be sent once the transaction is through; nothing when there was
     * nothing to pay.
     */
    async refund(tx: Tx, subject: Subject, reason: string): Promise<number | undefined> {
      const paid = (await rows.attempts(tx, subject)).find(({ state }) => state === "PAID");
      const refunded = paid && (await rows.refundsOf(tx, [paid.id])).some(({ state }) => state !== "CLOSED");
      if (!paid || refunded) return undefined;
      const id = ids.next();
      const { id: paymentId, amount } = paid;
      const now = clock.now();
      // The caller sends it at once; this is for when that comes to nothing.
      const checkAt = now + unsentMs;
      await rows.insertRefund(tx, { id, paymentId, amount, reason, cause: "ASKED", createdAt: now, checkAt });
      return id;
    },

    /**
     * Sends a refund to WeChat at once. When WeChat does not answer, it is sent again later.
     * @throws AppError WX_PAY_REFUSED when WeChat turned it down; the thing counts as paid again then
     */
    async send(refundId: number, signal: AbortSignal): Promise<void> {
      const refund = await rows.findRefund(store.read, refundId);
      if (!refund) return;
      await settlement.sendRefund(refund, signal).catch((error: unknown) => {
        const refused = error instanceof AppError && error.reason === "WX_PAY_REFUSED";
        if (refused) throw error;
        log.warn({ refund: refundId, err: error }, "a refund will be sent again");
      });
    },

    /**
     * Takes a notification of WeChat Pay's: the raw bytes as they came. Any number of repeats change
     * nothing more.
     * @throws AppError WX_SIGNATURE_INVALID, INVALID_REQUEST for one that fits no payment of ours, UNAVAILABLE
     */
    takeNotification: takesNotification({ ...deps, settlement, merchant }),

    /** Begins to ask WeChat about what is overdue; gives the function that stops it. */
    start: reconciler.start,
    /** Looks for work right now: after a commit that left some. */
    wake: reconciler.wake,
  };
}

export type Payments = ReturnType<typeof createPayments>;

function statusOf(
  due: Due,
  made: readonly rows.PaymentRow[],
  refunds: readonly rows.RefundRow[],
): PaymentStatus {
  const refundOf = new Map(refunds.map((refund) => [refund.paymentId, refund]));
  const paid = made.filter(({ state }) => state === "PAID");
  const kept = paid.find(({ id }) => (refundOf.get(id)?.state ?? "CLOSED") === "CLOSED") ?? paid[0];
  if (!kept) {
    const state = due.standing === "UNPAID" ? "UNPAID" : due.standing === "PAID" ? "PAID" : "CLOSED";
    return { state, amount: due.amount, payAt: due.paidAt };
  }
  const refund = refundOf.get(kept.id)?.state ?? "CLOSED";
  const state = refund === "CLOSED" ? "PAID" : refund === "SUCCESS" ? "REFUNDED" : "REFUNDING";
  return { state, amount: kept.amount, payAt: kept.paidAt ?? 0 };
}
