import * as sqlite from "drizzle-orm/sqlite-core";
import { asBuffer } from "./bytes.ts";
import type { Kit } from "./postgres-tables.ts";
import { defineTables, type Tables } from "./schema.ts";

const blob = sqlite.customType<{ data: Uint8Array<ArrayBuffer>; driverData: Uint8Array<ArrayBuffer> }>({
  dataType: () => "blob",
  fromDriver: asBuffer,
});

/** The columns and keys of postgres-tables.ts, for SQLite. The one place where its columns are passed off as PostgreSQL's. */
export const sqliteKit = {
  table: sqlite.sqliteTable,
  index: sqlite.index,
  uniqueIndex: sqlite.uniqueIndex,
  primaryKey: sqlite.primaryKey,
  id: (name: string) => sqlite.integer(name),
  int: (name: string) => sqlite.integer(name),
  long: (name: string) => sqlite.integer(name),
  real: (name: string) => sqlite.real(name),
  time: (name: string) => sqlite.integer(name),
  bool: (name: string) => sqlite.integer(name, { mode: "boolean" }),
  bytes: (name: string) => blob(name),
  text: (name: string) => sqlite.text(name),
} satisfies Record<keyof Kit, unknown> as unknown as Kit;

export const sqliteTables: Tables = defineTables(sqliteKit);
