import type { Tx } from "../storage/store.ts";
import { type Entry, post } from "./ledger.ts";

/** Something that was sold through WeChat Pay, and for how much (fen). */
export interface Sale extends Pick<Entry, "id" | "reference" | "at"> {
  amount: number;
}

/** Books what was paid for something that the business sells itself; false when that was done before. */
export function sale(tx: Tx, { amount, ...about }: Sale): Promise<boolean> {
  const lines = [
    { account: "wechat", amount: -amount },
    { account: "sales", amount },
  ] as const;
  return post(tx, { ...about, key: `${about.reference}:sale`, kind: "sale", lines });
}

/** Books that the money for it went back; false when that was done before. */
export function saleReturned(tx: Tx, { amount, ...about }: Sale): Promise<boolean> {
  const lines = [
    { account: "sales", amount: -amount },
    { account: "wechat", amount },
  ] as const;
  return post(tx, { ...about, key: `${about.reference}:sale_returned`, kind: "sale_returned", lines });
}
