import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import Sqlite from "better-sqlite3";
import { backoff } from "./backoff.ts";
import { isBusy } from "./errors.ts";
import { groupCommit } from "./group-commit.ts";
import { CREATE_APPLIED, type Migration, migrationsOf, missing } from "./migrations.ts";
import { gatedDb } from "./sqlite-connection.ts";
import { sqliteTables } from "./sqlite-tables.ts";
import type { Renode, Store } from "./store.ts";
import { sqlitePath } from "./url.ts";

/** How many ms a start waits for another process that migrates. */
const START_MS = 30_000;
/** For how many ms a read may block: only while another process recovers the file or closes it for good. */
const READ_BUSY_MS = 100;

/**
 * Opens (or creates) the file and brings its tables up to date. One connection writes, one reads; a commit
 * is on the disk before it is acknowledged. Several processes may use one file, but they share its one
 * write lock: better one that writes.
 */
export async function sqliteStore({ url, ids }: { url: string; ids: Renode }): Promise<Store> {
  const file = sqlitePath(url);
  const { connection } = await openMigrated(file);
  const reading = new Sqlite(file, { readonly: true, timeout: READ_BUSY_MS });
  const group = groupCommit({ connection, tables: sqliteTables, ids });
  const probe = reading.prepare("select 1");
  let closing: Promise<void> | undefined;

  async function close(): Promise<void> {
    await group.close();
    reading.close();
    connection.close();
  }

  return {
    kind: "sqlite",
    read: { db: gatedDb(reading, { turn: { open: true } }), t: sqliteTables },
    tx: group.tx,
    async ping() {
      probe.get();
    },
    close: () => (closing ??= close()),
  };
}

/** Applies what is missing; gives the tags of what was. */
export async function migrateSqlite(url: string): Promise<string[]> {
  const { connection, applied } = await openMigrated(sqlitePath(url));
  connection.close();
  return applied;
}

interface Opened {
  connection: Sqlite.Database;
  /** Tags. */
  applied: string[];
}

async function openMigrated(file: string): Promise<Opened> {
  try {
    // What is in it is nobody else's business.
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    // A timeout of the driver would block the event loop; who waits for the lock does so asynchronously.
    return await migrated(new Sqlite(file, { timeout: 0 }));
  } catch (error) {
    throw new Error(`can't open the database ${file}: ${(error as Error).message}`, { cause: error });
  }
}

async function migrated(connection: Sqlite.Database): Promise<Opened> {
  try {
    await whenFree(() => connection.pragma("journal_mode = wal"));
    connection.pragma("synchronous = full");
    // A migration may rebuild a table that others reference.
    connection.pragma("foreign_keys = off");
    const applied = await whenFree(() => migrate(connection));
    connection.pragma("foreign_keys = on");
    return { connection, applied };
  } catch (error) {
    connection.close();
    throw error;
  }
}

function migrate(connection: Sqlite.Database): string[] {
  const all = migrationsOf("sqlite");
  if (!missing(all, appliedTags(connection)).length) return [];
  const apply = connection.transaction(() => {
    connection.exec(CREATE_APPLIED);
    // Another process may have been faster.
    const lacking = missing(all, appliedTags(connection));
    for (const migration of lacking) applyOne(connection, migration);
    return lacking.map(({ tag }) => tag);
  });
  return apply.immediate();
}

function applyOne(connection: Sqlite.Database, { tag, statements }: Migration): void {
  for (const statement of statements()) connection.exec(statement);
  const broken = connection.pragma("foreign_key_check") as unknown[];
  if (broken.length)
    throw new Error(`migration ${tag} would leave ${broken.length} rows that refer to nothing`);
  connection.prepare("insert into schema_migrations values (?, ?)").run(tag, Date.now());
}

function appliedTags(connection: Sqlite.Database): string[] {
  const exists = connection.prepare("select 1 from sqlite_master where name = 'schema_migrations'").get();
  return exists ? (connection.prepare("select tag from schema_migrations").pluck().all() as string[]) : [];
}

async function whenFree<T>(run: () => T): Promise<T> {
  const until = performance.now() + START_MS;
  for (let attempt = 0; ; attempt++) {
    try {
      return run();
    } catch (error) {
      if (!isBusy(error) || performance.now() > until) throw error;
      await backoff(attempt);
    }
  }
}
