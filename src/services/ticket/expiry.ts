import type { App } from "../../app.ts";
import type { Payments } from "../../payments/payments.ts";
import { startSweep } from "../sweep.ts";
import * as tickets from "./store.ts";
import { expire } from "./transition.ts";

/**
 * Writes down which unpaid tickets ran out, and lets their payments be closed. A ticket whose time is
 * over is shown as OVER_TIME and can't be paid or cancelled from that ms on, whether or not this came by.
 * Returns the function that stops it.
 */
export function sweepExpiredTickets(
  app: Pick<App, "store" | "clock" | "log">,
  payments: Pick<Payments, "close" | "wake">,
): () => Promise<void> {
  const { store, clock } = app;
  return startSweep(app, {
    what: "tickets",
    next: () => tickets.nextExpiry(store.read),
    async expire(limit) {
      const expired = await store.tx(async (tx) => {
        const ids = await expire(tx, clock.now(), limit);
        await payments.close(tx, "ticket", ids);
        return ids.length;
      });
      payments.wake();
      return expired;
    },
  });
}
