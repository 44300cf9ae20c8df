import type Sqlite from "better-sqlite3";
import { drizzle } from "drizzle-orm/better-sqlite3";
import { translate } from "./errors.ts";
import type { WriteDb } from "./store.ts";
import { overError, type Turn } from "./turn.ts";

/** Decides whether statements may run: `turn` is the transaction that has the connection now. */
export interface Gate {
  turn?: Turn;
}

/** Drizzle on a connection, behind a gate. Statements outside of an open turn throw. */
export function gatedDb(connection: Sqlite.Database, gate: Gate): WriteDb {
  const client = {
    prepare: (sql: string) => through(gate, sql, () => gated(connection.prepare(sql), gate, sql)),
  };
  // Awaited, the synchronous builders do the same as PostgreSQL's.
  return drizzle({ client: client as Sqlite.Database }) as unknown as WriteDb;
}

/** The part of a statement that Drizzle uses. */
function gated(statement: Sqlite.Statement<unknown[]>, gate: Gate, sql: string) {
  const self = {
    run: (...values: unknown[]) => through(gate, sql, () => statement.run(...values)),
    all: (...values: unknown[]) => through(gate, sql, () => statement.all(...values)),
    get: (...values: unknown[]) => through(gate, sql, () => statement.get(...values)),
    raw() {
      statement.raw();
      return self;
    },
  };
  return self;
}

function through<T>(gate: Gate, sql: string, run: () => T): T {
  if (!gate.turn?.open) throw overError();
  try {
    return run();
  } catch (error) {
    const translated = translate(error, sql);
    gate.turn.failure ??= { error: translated };
    throw translated;
  }
}
