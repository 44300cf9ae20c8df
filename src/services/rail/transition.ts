import { and, eq, inArray, type SQL } from "drizzle-orm";
import { RailOrder_State as State } from "../../../gen/liveuser/rail_pb.ts";
import type { Reader, Tx } from "../../storage/store.ts";
import { type RailEvent, type RailState, railMachine } from "./machine.ts";
import { columns, type RailRow, standsIn } from "./store.ts";

export interface Happening {
  id: number;
  /** Unix ms. */
  now: number;
  /** What has to be true besides the state. */
  provided?: (t: Reader["t"]) => SQL | undefined;
  /** What changes besides the state. */
  also?: (t: Reader["t"]) => Also;
}

type Column = "merchantId" | "feeRate" | "ticketNo" | "remark" | "refundFrom" | "payAt" | "confirmsAt";
type Also = { [K in Column]?: RailRow[K] | SQL } & { ranOut?: boolean };

/** The states in which it counts where the order was when the customer asked for the money back. */
const aboutRefund: ReadonlySet<RailState> = new Set([
  "returned_audit",
  "returned_return",
  "returning_amount",
]);

/**
 * Lets an event happen to an order, if the machine has it for the order's state; gives the order as it is
 * then, else nothing. One statement decides, so of two calls at once one comes too late.
 */
export async function happen(
  { db, t }: Tx,
  event: RailEvent,
  { id, now, provided, also }: Happening,
): Promise<RailRow | undefined> {
  const { from, to } = railMachine.events[event];
  const states = from.map((state) => State[state]).filter((state) => state !== State.returned_return);
  const stands = from.includes("returned_return") ? standsIn(t, states) : inArray(t.railOrders.state, states);
  const [order] = await db
    .update(t.railOrders)
    .set({
      ...(aboutRefund.has(to) ? {} : { refundFrom: null }),
      ...also?.(t),
      state: State[to],
      updatedAt: now,
    })
    .where(and(eq(t.railOrders.id, id), stands, provided?.(t)))
    .returning(columns(t));
  return order;
}
