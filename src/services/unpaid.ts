import type { App } from "../app.ts";
import type { Payments } from "../payments/payments.ts";
import type { SubjectKind } from "../storage/schema.ts";
import type { Reader, Tx } from "../storage/store.ts";
import { startSweep } from "./sweep.ts";

/** Things that have to be paid in time. */
export interface Unpaid {
  kind: SubjectKind;
  /** When the next one runs out (unix ms); nothing when there is none. */
  next(reader: Reader): Promise<number | undefined>;
  /** Writes down that up to `limit` ran out at `now` (unix ms); gives their ids. */
  expire(tx: Tx, now: number, limit: number): Promise<number[]>;
}

/**
 * Writes down what nobody paid in time, and lets its payments be closed. Whether or not this came by, it is
 * shown as over and can't be paid or cancelled from that ms on. Returns the function that stops it.
 */
export function sweepUnpaid(
  app: Pick<App, "store" | "clock" | "log">,
  payments: Pick<Payments, "close" | "wake">,
  { kind, next, expire }: Unpaid,
): () => Promise<void> {
  const { store, clock } = app;
  return startSweep(app, {
    what: `${kind}s`,
    next: () => next(store.read),
    async expire(limit) {
      const expired = await store.tx(async (tx) => {
        const ids = await expire(tx, clock.now(), limit);
        await payments.close(tx, kind, ids);
        return ids.length;
      });
      payments.wake();
      return expired;
    },
  });
}
