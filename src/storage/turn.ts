import type { Tables } from "./schema.ts";
import type { Tx, WriteDb } from "./store.ts";

/** One run of a transaction's body. */
export interface Turn {
  open: boolean;
  /** The first error of a statement, wrapped so that an error which is thrown as `undefined` counts too. */
  failure?: { error: unknown };
}

/** The transaction as its body sees it: `tx.db` throws once the turn is over. */
export function turnTx(turn: Turn, db: WriteDb, t: Tables): Tx {
  const tx = {
    get db() {
      if (!turn.open) throw overError();
      return db;
    },
    t,
  };
  // The brand exists in the types alone.
  return tx as Tx;
}

/** What stands in the way of a commit although the body ended well. */
export function swallowedError({ error }: NonNullable<Turn["failure"]>): Error {
  return new Error(
    "a statement of the transaction failed, so it can't be committed; catch its error outside",
    {
      cause: error,
    },
  );
}

export function overError(): Error {
  return new Error("the transaction is over");
}

export function nestedError(): Error {
  return new Error("store.tx inside a transaction: hand its tx on instead");
}

export function closedError(): Error {
  return new Error("the store is closed");
}
