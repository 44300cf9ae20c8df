import { AppError } from "../errors.ts";
import type { PaymentDeps } from "./payments.ts";
import type { Settlement } from "./settlement.ts";
import * as rows from "./store.ts";

const batch = 16;
/** Pauses between looks at the database (ms): at least, at most. Another process may have left work. */
const shortestPause = 50;
const longestPause = 5_000;
/** Pauses between questions about one payment (ms): doubled from the first to the longest. */
const firstPause = 5_000;
const longestBackoff = 30 * 60_000;

/** How long to wait after the nth question about the same thing (ms). */
export function backoff(checks: number): number {
  return Math.min(firstPause * 2 ** checks, longestBackoff);
}

/**
 * Asks WeChat about payments whose notification never came, closes what was cancelled or ran out, and
 * sends refunds that are not through. What is to be done stands in the database, so it survives a
 * restart; any number of processes may share the work.
 */
export function createReconciler({
  store,
  clock,
  log,
  wechat,
  settlement,
}: Pick<PaymentDeps, "store" | "clock" | "log" | "wechat"> & { settlement: Settlement }) {
  let timer: NodeJS.Timeout | undefined;
  let running = Promise.resolve();
  let stopped = true;
  const stopping = new AbortController();

  async function workOff(check: rows.Check): Promise<void> {
    const mine = await store.tx((tx) => rows.takeCheck(tx, check, clock.now() + backoff(check.checks)));
    if (!mine) return;
    try {
      await (check.table === "payments" ? checkPayment(check.id) : checkRefund(check.id));
    } catch (error) {
      if (stopped) return;
      const expected = error instanceof AppError && error.reason !== "INTERNAL";
      const fields = { table: check.table, id: check.id, checks: check.checks + 1 };
      if (expected)
        log.warn({ ...fields, reason: error.reason, ...error.metadata }, "WeChat Pay did not help");
      else log.error({ ...fields, err: error }, "a payment could not be checked");
    }
  }

  async function checkPayment(id: number): Promise<void> {
    const payment = await rows.findPayment(store.read, id);
    if (!payment) return;
    if (payment.state === "CLOSING" || settlement.isForsaken(payment)) {
      return settlement.close(payment, stopping.signal);
    }
    if (payment.state === "OPEN") await settlement.ask(payment, stopping.signal);
  }

  async function checkRefund(id: number): Promise<void> {
    const refund = await rows.findRefund(store.read, id);
    if (!refund) return;
    if (refund.state === "REQUESTED") return settlement.sendRefund(refund, stopping.signal);
    await settlement.askRefund(refund, stopping.signal);
  }

  async function round(): Promise<number> {
    const due = await rows.dueChecks(store.read, clock.now(), batch);
    await Promise.all(due.map(workOff));
    if (due.length > 0) return 0;
    const next = await rows.nextCheckAt(store.read);
    return (next ?? Number.POSITIVE_INFINITY) - clock.now();
  }

  function schedule(pause: number): void {
    if (stopped) return;
    clearTimeout(timer);
    timer = setTimeout(look, pause);
    timer.unref();
  }

  let woken = false;
  let looking = false;
  function look(): void {
    looking = true;
    woken = false;
    running = round()
      .catch((error: unknown) => {
        log.error({ err: error }, "payments could not be looked through");
        return longestPause;
      })
      .then((next) => {
        looking = false;
        schedule(woken ? 0 : Math.min(Math.max(next, shortestPause), longestPause));
      });
  }

  return {
    wake(): void {
      if (looking) woken = true;
      else schedule(0);
    },

    start(): () => Promise<void> {
      if (!wechat.pay) return async () => {};
      stopped = false;
      schedule(0);
      return async () => {
        stopped = true;
        clearTimeout(timer);
        stopping.abort(new AppError("CALL_CANCELLED"));
        await running;
      };
    },
  };
}
