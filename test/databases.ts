import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PGlite } from "@electric-sql/pglite";
import { getTableName } from "drizzle-orm";
import pg from "pg";
import { vi } from "vitest";
import { migrate, openStore } from "../src/storage/open.ts";
import { postgresStore } from "../src/storage/postgres.ts";
import { postgresTables } from "../src/storage/postgres-tables.ts";
import type { Renode, Store } from "../src/storage/store.ts";
import { migratedPglite, pglitePool } from "./pglite.ts";
import { testIds } from "./storage/test-ids.ts";

export type TestDatabase = "sqlite" | "postgres (pglite)" | "postgres";

export interface TestStore extends Store, AsyncDisposable {
  /** For openStore, also in another process; PGlite has none. */
  url?: string;
}

// The first test of a file waits for PGlite.
vi.setConfig({ testTimeout: 30_000 });

const server = process.env.TEST_DATABASE_URL;

/** What a test of the storage runs on; a real PostgreSQL if TEST_DATABASE_URL names one. */
export const databases: TestDatabase[] = [
  "sqlite",
  "postgres (pglite)",
  ...(server ? ["postgres" as const] : []),
];

interface Options {
  ids?: Renode;
}

/** An empty store with all migrations applied: `await using store = await openTestStore(database)`. */
export function openTestStore(database: TestDatabase, { ids = testIds() }: Options = {}): Promise<TestStore> {
  if (database === "sqlite") return openSqlite(ids);
  return database === "postgres" ? openServer(ids) : openPglite(ids);
}

async function openSqlite(ids: Renode): Promise<TestStore> {
  const folder = mkdtempSync(join(tmpdir(), "liveuser-"));
  const url = `file:${folder}/test.db`;
  return disposable(await openStore({ url, ids }), async () => rmSync(folder, { recursive: true }), url);
}

/** In a database of its own. */
async function openServer(ids: Renode): Promise<TestStore> {
  const name = `test_${randomUUID().replaceAll("-", "")}`;
  await onServer(`create database ${name}`);
  const url = new URL(server ?? "");
  url.pathname = name;
  await migrate(url.href);
  return disposable(
    await openStore({ url: url.href, ids }),
    () => onServer(`drop database ${name}`),
    url.href,
  );
}

async function onServer(sql: string): Promise<void> {
  const client = new pg.Client(server);
  await client.connect();
  await client.query(sql);
  await client.end();
}

let pglite: Promise<PGlite> | undefined;
let inUse = false;

async function openPglite(ids: Renode): Promise<TestStore> {
  if (inUse) throw new Error("PGlite serves one store at a time: dispose of the other one first");
  inUse = true;
  pglite ??= migratedPglite();
  const store = await postgresStore({ pool: pglitePool(await pglite), ids });
  return disposable(store, async () => {
    const names = Object.values(postgresTables).map(getTableName);
    // Without the triggers of foreign keys, so in any order; TRUNCATE takes five times as long.
    const deletes = names.map((name) => `delete from ${name};`).join("\n");
    await (await pglite)?.exec(
      `set session_replication_role = replica; ${deletes} set session_replication_role = default;`,
    );
    inUse = false;
  });
}

function disposable(store: Store, cleanUp: () => Promise<void>, url?: string): TestStore {
  return Object.assign(store, {
    url,
    async [Symbol.asyncDispose]() {
      await store.close();
      await cleanUp();
    },
  });
}
