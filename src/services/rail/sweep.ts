import type { App } from "../../app.ts";
import type { Payments } from "../../payments/payments.ts";
import { startSweep } from "../sweep.ts";
import { confirmByTime } from "./confirmation.ts";
import * as due from "./due.ts";

/**
 * Cancels orders that nobody paid in time, and confirms those that nobody confirmed. Returns the function
 * that stops it.
 */
export function sweepRailOrders(
  app: Pick<App, "store" | "clock" | "ids" | "log">,
  payments: Pick<Payments, "close" | "wake">,
): () => Promise<void> {
  const { store, clock } = app;
  const stopExpiry = startSweep(app, {
    what: "rail orders",
    next: () => due.nextExpiry(store.read),
    async expire(limit) {
      const expired = await store.tx(async (tx) => {
        const ids = await due.expire(tx, clock.now(), limit);
        await payments.close(tx, "rail_order", ids);
        return ids.length;
      });
      payments.wake();
      return expired;
    },
  });
  const stopConfirmation = startSweep(app, {
    what: "unconfirmed rail orders",
    next: () => due.nextConfirmation(store.read),
    expire: (limit) => confirmByTime(app, limit),
  });
  return async () => {
    await Promise.all([stopExpiry(), stopConfirmation()]);
  };
}
