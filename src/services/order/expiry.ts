import type { App } from "../../app.ts";
import type { Payments } from "../../payments/payments.ts";
import * as orders from "./store.ts";

const batch = 500;
const longestPause = 30_000;
const shortestPause = 1_000;

/**
 * Marks unpaid orders as expired when their time is over, and lets their payments be closed. Nothing depends on how soon it does: an
 * order whose time is over is shown as expired and can't be paid or cancelled from that ms on.
 * Any number of processes may run it on one database. Returns the function that stops it.
 */
export function sweepExpiredOrders(
  { store, clock, log }: Pick<App, "store" | "clock" | "log">,
  payments: Pick<Payments, "close" | "wake">,
): () => Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  let running = Promise.resolve();
  let stopped = false;

  async function sweep(): Promise<number> {
    const due = await orders.nextExpiry(store.read);
    if (due === undefined) return longestPause;
    const wait = due - clock.now();
    if (wait > 0) return wait;
    const expired = await store.tx(async (tx) => {
      const ids = await orders.expire(tx, clock.now(), batch);
      await payments.close(tx, "order", ids);
      return ids.length;
    });
    if (expired > 0) log.info({ expired }, "orders expired");
    payments.wake();
    return expired === batch ? 0 : shortestPause;
  }

  function schedule(pause: number): void {
    if (stopped) return;
    timer = setTimeout(() => {
      running = sweep()
        .catch((error: unknown) => {
          log.error({ err: error }, "orders could not be expired");
          return longestPause;
        })
        .then((next) => schedule(next === 0 ? 0 : Math.min(Math.max(next, shortestPause), longestPause)));
    }, pause);
    timer.unref();
  }

  schedule(0);
  return async () => {
    stopped = true;
    clearTimeout(timer);
    await running;
  };
}
