import { NodePgSession } from "drizzle-orm/node-postgres";
import { PgDatabase, PgDialect } from "drizzle-orm/pg-core";
import pg from "pg";
import { translate } from "./errors.ts";
import type { WriteDb } from "./store.ts";

/** What is asked of pg.Pool and its clients; a test puts PGlite behind it. */
export interface Connection {
  query(query: string | QueryConfig, values?: unknown[]): Promise<{ rows: unknown[] }>;
}

export interface QueryConfig {
  text: string;
  /** Then it is a prepared statement. */
  name?: string;
  rowMode?: "array";
  /** Given the type's oid: how its text becomes a value. */
  types?: { getTypeParser(oid: number): (text: string) => unknown };
}

export interface Client extends Connection {
  /** `destroy` says that the connection is of no further use. */
  release(destroy?: boolean): void;
}

export interface Pool extends Connection {
  connect(): Promise<Client>;
  end(): Promise<void>;
}

/** int8 and numeric (the sum of int8): counts and sums are JS numbers, as on SQLite. */
const NUMBERS = new Set([20, 1700]);
const types: NonNullable<QueryConfig["types"]> = {
  getTypeParser: (oid) => (NUMBERS.has(oid) ? Number : pg.types.getTypeParser(oid, "text")),
};

/** Drizzle on a connection, or on a pool for reads. `onError` hears of every statement that fails. */
export function postgresDb(connection: Connection, onError: (error: unknown) => void): WriteDb {
  const dialect = new PgDialect();
  const session = new NodePgSession(connection as pg.Pool, dialect, undefined);
  const prepareQuery = session.prepareQuery;
  session.prepareQuery = ((...args: Parameters<typeof prepareQuery>) => {
    const query = prepareQuery.apply(session, args);
    const configs = query as unknown as { queryConfig: QueryConfig; rawQueryConfig: QueryConfig };
    configs.queryConfig.types = types;
    configs.rawQueryConfig.types = types;
    const execute = query.execute;
    query.execute = async (values) => {
      try {
        return await execute.call(query, values);
      } catch (error) {
        const translated = translate(error);
        onError(translated);
        throw translated;
      }
    };
    return query;
  }) as typeof prepareQuery;
  return new PgDatabase(dialect, session, undefined) as WriteDb;
}
