import type { App } from "../../app.ts";
import { available, held } from "../../ledger/accounts.ts";
import { type Line, post } from "../../ledger/ledger.ts";
import type { Tx } from "../../storage/store.ts";
import type { RailRow } from "./store.ts";

type Deps = Pick<App, "ids">;

/** Basis points in a whole. */
const whole = 10_000;

/** What the platform keeps of an order (fen): rounded down, so what does not divide is the merchant's. */
export function feeOf({ amount, feeRate }: Pick<RailRow, "amount" | "feeRate">): number {
  return Math.floor((amount * (feeRate ?? 0)) / whole);
}

/** The customer paid: WeChat Pay has the money, and it is held until the order is over. */
export async function hold(tx: Tx, deps: Deps, order: RailRow): Promise<void> {
  const { amount, userId } = order;
  await book(tx, deps, {
    order,
    step: "in",
    kind: "rail_paid",
    lines: [
      { account: "wechat", amount: -amount },
      { account: held(userId), amount },
    ],
  });
}

/** The order is done: what was held is the merchant's, less the fee. */
export async function payOut(tx: Tx, deps: Deps, order: RailRow): Promise<void> {
  const { amount, userId, merchantId } = order;
  if (merchantId === null) throw new Error(`rail order ${order.id} is done by nobody`);
  const fee = feeOf(order);
  const lines: Line[] = [
    { account: held(userId), amount: -amount },
    { account: available(merchantId), amount: amount - fee },
    { account: "fees", amount: fee },
  ];
  await book(tx, deps, {
    order,
    step: "out",
    kind: "rail_success",
    lines: lines.filter((line) => line.amount !== 0),
  });
}

/** The money is back with the customer. */
export async function giveBack(tx: Tx, deps: Deps, order: RailRow): Promise<void> {
  const { amount, userId } = order;
  await book(tx, deps, {
    order,
    step: "out",
    kind: "rail_refunded",
    lines: [
      { account: held(userId), amount: -amount },
      { account: "wechat", amount },
    ],
  });
}

/** What ledger entries of an order refer to. */
export function referenceOf(id: number): string {
  return `rail_order:${id}`;
}

interface Step {
  order: RailRow;
  /**
   * An order's money comes in once and goes out once, to the merchant or back: both ways out are one step,
   * so the ledger refuses the second.
   */
  step: "in" | "out";
  kind: string;
  lines: readonly Line[];
}

async function book(tx: Tx, { ids }: Deps, { order, step, kind, lines }: Step): Promise<void> {
  const reference = referenceOf(order.id);
  const at = order.updatedAt;
  await post(tx, { id: ids.next(), key: `${reference}:${step}`, kind, reference, at, lines });
}
