import { type Column, DrizzleQueryError, getTableName } from "drizzle-orm";
import { AppError, invalid } from "../errors.ts";

/** A statement failed. Its values are left out, so that they reach no log; `cause` is the engine's error. */
export class StatementError extends Error {
  readonly sql: string;

  constructor(sql: string, cause: unknown) {
    super(`${(cause as Error).message} (${sql})`, { cause });
    this.name = "StatementError";
    this.sql = sql;
  }
}

/** What the engines' errors carry: better-sqlite3's SqliteError, pg's DatabaseError, Node's own. */
interface EngineError extends Error {
  code?: string;
  detail?: string;
  table?: string;
  constraint?: string;
}

/**
 * Whether a row was refused because another one has the same values; if columns are named, because of
 * the unique index on exactly these.
 */
export function isUnique(error: unknown, ...columns: Column[]): boolean {
  const found = engineError(error);
  if (!found || !UNIQUE.test(found.code ?? "")) return false;
  if (!columns.length) return true;
  const named = columns.map((column) => `${getTableName(column.table)}.${column.name}`);
  return named.sort().join() === uniqueColumns(found).sort().join();
}

/**
 * Whether a primary key was taken already. PostgreSQL names the keys of ids `…_pkey` by itself; the
 * composite keys have names of their own.
 */
export function isIdConflict(error: unknown): boolean {
  const { code, constraint } = engineError(error) ?? {};
  return code === "SQLITE_CONSTRAINT_PRIMARYKEY" || (code === "23505" && !!constraint?.endsWith("_pkey"));
}

/** Whether two transactions got in each other's way, so that running this one again may help. */
export function isConflict(error: unknown): boolean {
  const code = engineError(error)?.code;
  return code === "40001" || code === "40P01";
}

/** Whether another process holds SQLite's write lock. */
export function isBusy(error: unknown): boolean {
  return /^SQLITE_(BUSY|LOCKED)/.test(engineError(error)?.code ?? "");
}

export function unavailable(cause: unknown): AppError {
  return new AppError("UNAVAILABLE", {}, { cause });
}

/** An engine's error as callers get it: UNAVAILABLE if trying again may help, otherwise with its statement. */
export function translate(error: unknown, sql?: string): unknown {
  if (error instanceof AppError || error instanceof StatementError) return error;
  const text = error instanceof DrizzleQueryError ? error.query : sql;
  const cause = error instanceof DrizzleQueryError ? error.cause : error;
  if (cause instanceof AppError) return cause;
  if (isUnavailable(cause)) return unavailable(cause);
  if ((cause as EngineError | undefined)?.code === NUL_IN_TEXT) {
    return invalid({ field: "", description: "text can't hold the character U+0000" }, cause);
  }
  return text === undefined || !(cause instanceof Error) ? cause : new StatementError(text, cause);
}

/** PostgreSQL's text has no U+0000; SQLite's has. */
const NUL_IN_TEXT = "22021";

const UNIQUE = /^(SQLITE_CONSTRAINT_(UNIQUE|PRIMARYKEY)|23505)$/;

/**
 * SQLite: locked, or the disk is full. PostgreSQL (https://www.postgresql.org/docs/current/errcodes-appendix.html):
 * 08 connection, 53 resources, 57P0x shutdown, 57014 statement timeout, 55P03 lock timeout, 25P03 idle
 * timeout, 25006 the server became a replica. Node: the network.
 */
const UNAVAILABLE =
  /^(SQLITE_(BUSY|LOCKED|FULL)\w*|08\w{3}|53\w{3}|57P\w\w|57014|55P03|25P03|25006|E(CONN\w+|PIPE|TIMEDOUT|HOSTUNREACH|NETUNREACH|NOTFOUND|AI_AGAIN))$/;

/** pg's own failures have no code. */
const LOST =
  /^(Connection terminated|Client (was closed|has encountered a connection error)|timeout exceeded when trying to connect|Query read timeout|Cannot use a pool after)/;

function isUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code, message } = error as EngineError;
  return code === undefined ? LOST.test(message) : UNAVAILABLE.test(code);
}

/** The first error in the chain of causes that an engine gave. */
function engineError(error: unknown): EngineError | undefined {
  for (let at = error; at instanceof Error; at = at.cause) {
    if (typeof (at as EngineError).code === "string") return at as EngineError;
  }
}

/** SQLite: "UNIQUE constraint failed: t.a, t.b"; PostgreSQL: "Key (a, b)=(1, 2) already exists." in any language. */
function uniqueColumns({ code, message, detail, table }: EngineError): string[] {
  if (code !== "23505") return message.slice(message.indexOf(":") + 2).split(", ");
  const names = detail?.match(/\(([^)]*)\)=\(/)?.[1]?.split(", ") ?? [];
  return names.map((name) => `${table}.${name}`);
}
