import type { App } from "../../app.ts";
import type { Payments } from "../../payments/payments.ts";
import { startSweep } from "../sweep.ts";
import * as orders from "./store.ts";

/**
 * Marks unpaid orders as expired when their time is over, and lets their payments be closed. Nothing
 * depends on how soon it does: an order whose time is over is shown as expired and can't be paid or
 * cancelled from that ms on. Returns the function that stops it.
 */
export function sweepExpiredOrders(
  app: Pick<App, "store" | "clock" | "log">,
  payments: Pick<Payments, "close" | "wake">,
): () => Promise<void> {
  const { store, clock } = app;
  return startSweep(app, {
    what: "orders",
    next: () => orders.nextExpiry(store.read),
    async expire(limit) {
      const expired = await store.tx(async (tx) => {
        const ids = await orders.expire(tx, clock.now(), limit);
        await payments.close(tx, "order", ids);
        return ids.length;
      });
      payments.wake();
      return expired;
    },
  });
}
