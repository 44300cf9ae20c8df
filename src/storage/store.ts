import { createHash } from "node:crypto";
import type { PgDatabase, PgQueryResultHKT } from "drizzle-orm/pg-core";
import type { Tables } from "./schema.ts";

/** A write without `returning` gives each engine's own answer: of no use to code that runs on both. */
interface Written extends PgQueryResultHKT {
  type: unknown;
}

type Database = PgDatabase<Written, Record<string, never>>;

/** Selects, and nothing else. Both engines are typed as PostgreSQL; `.for("update")` exists there alone. */
export type ReadDb = Pick<Database, "select" | "selectDistinct">;
export type WriteDb = Pick<Database, "select" | "selectDistinct" | "insert" | "update" | "delete">;

/** What a function needs that only reads: `store.read`, or a `Tx` to see the transaction's own writes. */
export interface Reader {
  readonly db: ReadDb;
  readonly t: Tables;
}

declare const madeByStore: unique symbol;

/** What a function needs that writes. Only `store.tx` makes one, and it ends with the transaction. */
export interface Tx extends Reader {
  readonly db: WriteDb;
  readonly [madeByStore]: true;
}

export interface Store {
  readonly kind: "sqlite" | "postgres";
  /** Sees what is committed. Each select stands alone: for a consistent view of several use `tx`. */
  readonly read: Reader;
  /**
   * Runs `body` in a transaction and gives its result once that is durable. If `body` throws, nothing
   * of it stays and its error comes back.
   *
   * - `body` may run more than once (a conflict with another transaction, an id that was taken), so it
   *   changes nothing but the database.
   * - `body` awaits nothing but the database: no call to WeChat, no timer, no WebCrypto, no other `tx`.
   *   SQLite ends one that does.
   * - An error of a statement ends the transaction even if `body` catches it, as PostgreSQL has it:
   *   catch it outside, or prevent it by `onConflictDoNothing`.
   * - Transactions run one after another on SQLite, read committed on PostgreSQL: what was read may have
   *   changed by the time of the write. So decide in the write: `update … where state = 1 returning`.
   *
   * Throws UNAVAILABLE when the database is busy, full or away; the work is not done then, except that
   * a connection which breaks during COMMIT leaves that open.
   */
  tx<T>(body: (tx: Tx) => Promise<T>): Promise<T>;
  /** Resolves when the database answers. */
  ping(): Promise<void>;
  /** Lets running transactions finish, then closes. */
  close(): Promise<void>;
}

/** What a store asks of the id generator (ids.ts). */
export interface Renode {
  /** An id was taken already: another process counts like this one. */
  renode(): void;
}

/** A query that is built but not run. */
interface Query<T> extends PromiseLike<T> {
  toSQL(): { sql: string };
  prepare(name: string): { execute(values?: Record<string, unknown>): Promise<T> };
}

/**
 * A select that is built once for each connection, for hot paths (a query that is built anew costs
 * about 160 us). It runs on `store.read` as in a transaction:
 * ```ts
 * const byId = prepared((db, t) => db.select({ name: t.users.name }).from(t.users)
 *   .where(eq(t.users.id, sql.placeholder("id"))));
 * const [user] = await byId(tx, { id });
 * ```
 * Placeholders in `where` and `limit` take numbers, strings and bytes; a boolean stands there literally.
 */
export function prepared<T>(
  build: (db: ReadDb, t: Tables) => Query<T>,
): (reader: Reader, values?: Record<string, unknown>) => Promise<T> {
  return preparedOn(build);
}

/** The same for insert, update and delete; it needs a `Tx`. Placeholders in `values` and `set` take any type. */
export function preparedWrite<T>(
  build: (db: WriteDb, t: Tables) => Query<T>,
): (tx: Tx, values?: Record<string, unknown>) => Promise<T> {
  return preparedOn(build);
}

function preparedOn<R extends Reader, T>(build: (db: R["db"], t: Tables) => Query<T>) {
  const cache = new WeakMap<ReadDb, ReturnType<Query<T>["prepare"]>>();
  return async ({ db, t }: R, values?: Record<string, unknown>): Promise<T> => {
    let query = cache.get(db);
    if (!query) {
      const built = build(db, t);
      // PostgreSQL knows a prepared statement by its name, so the same text has to have the same one.
      query = built.prepare(createHash("sha1").update(built.toSQL().sql).digest("base64url"));
      cache.set(db, query);
    }
    return query.execute(values);
  };
}

/**
 * One prepared statement for each number of placeholders, for `in (…)` and for several rows at once:
 * `perCount((count) => prepared(…))`, used as `statement(3)(reader, values)`. The count must be bounded.
 */
export function perCount<T>(make: (count: number) => T): (count: number) => T {
  const made: T[] = [];
  return (count) => {
    made[count] ??= make(count);
    return made[count];
  };
}
