import type { Reason } from "../errors.ts";
import type { SubjectKind } from "../storage/schema.ts";
import type { Reader, Tx } from "../storage/store.ts";

/** One thing that can be paid for. */
export interface Subject {
  kind: SubjectKind;
  id: number;
}

/** What is asked for it, and how it stands. */
export interface Due {
  userId: number;
  /** Fen. */
  amount: number;
  /** What the person sees at WeChat. */
  description: string;
  /** OVER: it can't be paid any more, or not yet. */
  standing: "UNPAID" | "PAID" | "OVER";
  /** Its state by the contract's name, for the error that says why it can't be paid. */
  state: string;
  /** When it was paid (unix ms); 0 when it was not. */
  paidAt: number;
}

/**
 * What a kind of thing tells the payments of itself. The functions that write run in the transaction in
 * which the payment's own row changes, so that both are true or neither.
 */
export interface Payable {
  /** The error for one that is not there or not the caller's, and for one in the wrong state. */
  readonly reasons: { readonly missing: Reason; readonly state: Reason };
  find(reader: Reader, id: number): Promise<Due | undefined>;
  /** The person's newest one that waits to be paid. */
  newestUnpaid(reader: Reader, userId: number): Promise<number | undefined>;
  /** Marks it as paid at `at` (unix ms, WeChat's clock). False when it can't be paid any more: then the money goes back. */
  paid(tx: Tx, id: number, at: number): Promise<boolean>;
  /** The refund that was asked for came through. */
  refunded(tx: Tx, id: number): Promise<void>;
  /** The refund that was asked for was turned down: it counts as paid again. */
  refundFailed(tx: Tx, id: number): Promise<void>;
}

/** Everything that can be paid for, by its kind. */
export type Payables = Readonly<Partial<Record<SubjectKind, Payable>>>;
