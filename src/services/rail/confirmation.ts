import { lte } from "drizzle-orm";
import type { App } from "../../app.ts";
import type { Tx } from "../../storage/store.ts";
import { dueForConfirmation } from "./due.ts";
import { payOut } from "./money.ts";
import type { RailRow } from "./store.ts";
import { type Happening, happen } from "./transition.ts";

/** Ends an order by which the merchant is paid, in the one transaction; nothing when its state does not allow that. */
export async function confirm(
  tx: Tx,
  { ids }: Pick<App, "ids">,
  { event, ...happening }: Happening & { event: "confirm" | "confirmByTime" },
): Promise<RailRow | undefined> {
  const order = await happen(tx, event, happening);
  if (order) await payOut(tx, { ids }, order);
  return order;
}

/**
 * Confirms up to `limit` orders whose customers had time enough; says how many. Each in a transaction of
 * its own: then one that can't be paid out keeps no other one waiting.
 * @throws AggregateError when some failed
 */
export async function confirmByTime(
  { store, clock, ids }: Pick<App, "store" | "clock" | "ids">,
  limit: number,
): Promise<number> {
  const now = clock.now();
  let confirmed = 0;
  const failures: unknown[] = [];
  for (const id of await dueForConfirmation(store.read, now, limit)) {
    try {
      const provided: Happening["provided"] = ({ railOrders }) => lte(railOrders.confirmsAt, now);
      const order = await store.tx((tx) =>
        confirm(tx, { ids }, { event: "confirmByTime", id, now, provided }),
      );
      if (order) confirmed++;
    } catch (error) {
      failures.push(new Error(`rail order ${id}`, { cause: error }));
    }
  }
  if (failures.length > 0) throw new AggregateError(failures, "not all could be confirmed");
  return confirmed;
}
