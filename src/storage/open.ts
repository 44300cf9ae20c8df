import { AppError } from "../errors.ts";
import type { Pool } from "./postgres-session.ts";
import type { Renode, Store } from "./store.ts";
import { engineOf } from "./url.ts";

/**
 * Opens the store that `url` names: `file:./data/liveuser.db` (SQLite: its tables are made or brought up
 * to date) or `postgres://…` (throws when migrations are missing). Every error has a message of one line.
 */
export async function openStore({ url, ids }: { url: string; ids: Renode }): Promise<Store> {
  if (engineOf(url) === "sqlite") return (await import("./sqlite.ts")).sqliteStore({ url, ids });
  const { postgresPool, postgresStore } = await import("./postgres.ts");
  const pool = postgresPool(url);
  return orEnd(pool, postgresStore({ pool, ids }));
}

/** Applies the missing migrations, on either engine; gives their tags. */
export async function migrate(url: string): Promise<string[]> {
  if (engineOf(url) === "sqlite") return (await import("./sqlite.ts")).migrateSqlite(url);
  const { postgresPool, migratePostgres } = await import("./postgres.ts");
  const pool = postgresPool(url);
  const tags = await orEnd(pool, migratePostgres(pool));
  await pool.end();
  return tags;
}

/** Ends the pool when the work on it fails, and says why it could not be reached. */
async function orEnd<T>(pool: Pool, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    await pool.end();
    if (!(error instanceof AppError)) throw error;
    const { message, code } = error.cause as { message: string; code?: string };
    throw new Error(`can't reach the database: ${message || code}`, { cause: error });
  }
}
