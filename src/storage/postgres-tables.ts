import * as pg from "drizzle-orm/pg-core";
import { asBuffer } from "./bytes.ts";
import { defineTables, type Tables } from "./schema.ts";

const bytea = pg.customType<{ data: Uint8Array<ArrayBuffer>; driverData: Uint8Array<ArrayBuffer> }>({
  dataType: () => "bytea",
  fromDriver: asBuffer,
});

/**
 * The columns and keys that tables are made of, once for each engine. Numbers are JS numbers, so a
 * 64-bit column holds up to 2^53 - 1; times are such numbers, in ms since 1970.
 */
export const postgresKit = {
  table: pg.pgTable,
  index: pg.index,
  uniqueIndex: pg.uniqueIndex,
  primaryKey: pg.primaryKey,
  /** An id of ids.ts, or a reference to one. */
  id: (name: string) => pg.bigint(name, { mode: "number" }),
  /** 32 bits: fen, counts, states. */
  int: (name: string) => pg.integer(name),
  /** 53 bits: sums, versions. */
  long: (name: string) => pg.bigint(name, { mode: "number" }),
  /** A floating point number of 64 bits, as JS has them. */
  real: (name: string) => pg.doublePrecision(name),
  /** ms since 1970. */
  time: (name: string) => pg.bigint(name, { mode: "number" }),
  bool: (name: string) => pg.boolean(name),
  bytes: (name: string) => bytea(name),
  text: <T extends string = string>(name: string) => pg.text(name).$type<T>(),
};

/** What `defineTables` is given: the PostgreSQL types stand for both engines. */
export type Kit = typeof postgresKit;

export const postgresTables: Tables = defineTables(postgresKit);
