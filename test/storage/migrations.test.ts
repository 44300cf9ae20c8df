import { mkdtempSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Sqlite from "better-sqlite3";
import {
  generateDrizzleJson,
  generateMigration,
  generateSQLiteDrizzleJson,
  generateSQLiteMigration,
} from "drizzle-kit/api";
import { describe, expect, test } from "vitest";
import * as postgresExports from "../../src/storage/drizzle-kit/postgres.ts";
import * as sqliteExports from "../../src/storage/drizzle-kit/sqlite.ts";
import { migrationsOf, missing } from "../../src/storage/migrations.ts";
import { migrate, openStore } from "../../src/storage/open.ts";
import { migratePostgres, postgresStore } from "../../src/storage/postgres.ts";
import { postgresTables } from "../../src/storage/postgres-tables.ts";
import { sqliteTables } from "../../src/storage/sqlite-tables.ts";
import { openTestStore } from "../databases.ts";
import { migratedPglite, pglitePool } from "../pglite.ts";
import { startChild } from "./child.ts";
import { testIds } from "./test-ids.ts";

const ids = testIds();
const allTags = (kind: "sqlite" | "postgres") => migrationsOf(kind).map(({ tag }) => tag);

async function newestSnapshot(kind: "sqlite" | "postgres") {
  const number = allTags(kind).at(-1)?.slice(0, 4);
  const path = new URL(`../../src/storage/migrations/${kind}/meta/${number}_snapshot.json`, import.meta.url);
  return JSON.parse(await readFile(path, "utf8"));
}

function freshFile() {
  const folder = mkdtempSync(join(tmpdir(), "liveuser-"));
  return { url: `file:${folder}/sub/x.db`, [Symbol.dispose]: () => rmSync(folder, { recursive: true }) };
}

describe("the migrations lead to the schema: `npm run db:generate` has nothing to add", () => {
  test("sqlite", async () => {
    const schema = await generateSQLiteDrizzleJson({ ...sqliteTables });
    expect(await generateSQLiteMigration(await newestSnapshot("sqlite"), schema)).toEqual([]);
    expect(Object.keys(sqliteExports).sort()).toEqual(Object.keys(sqliteTables).sort());
  });

  test("postgres", async () => {
    const schema = generateDrizzleJson({ ...postgresTables });
    expect(await generateMigration(await newestSnapshot("postgres"), schema)).toEqual([]);
    expect(Object.keys(postgresExports).sort()).toEqual(Object.keys(postgresTables).sort());
  });

  test("both have as many", () => {
    expect(allTags("sqlite").length).toBe(allTags("postgres").length);
  });
});

test("what is missing comes in order, and what is unknown ends the start", () => {
  const all = ["0000_a", "0001_b", "0002_c"].map((tag) => ({ tag, statements: () => [] }));
  expect(missing(all, ["0001_b"]).map(({ tag }) => tag)).toEqual(["0000_a", "0002_c"]);
  expect(missing(all, ["0000_a", "0001_b", "0002_c"])).toEqual([]);
  expect(() => missing(all, ["0000_a", "0003_d"])).toThrow(
    "newer than this program: it has the migration 0003_d",
  );
});

describe("SQLite", () => {
  test("a new file gets everything, once", async () => {
    using file = freshFile();
    expect(await migrate(file.url)).toEqual(allTags("sqlite"));
    expect(await migrate(file.url)).toEqual([]);
  });

  test("processes that start at once on a new file do not disturb each other", async () => {
    using file = freshFile();
    const starts = [1, 2, 3].map(() => startChild("opening-process.ts", file.url).lines);
    await Promise.all([...starts, openStore({ url: file.url, ids }).then((store) => store.close())]);
    expect(await migrate(file.url)).toEqual([]);
  });

  test("a newer file is refused", async () => {
    await using store = await openTestStore("sqlite");
    const url = store.url ?? "";
    const connection = new Sqlite(url.slice("file:".length));
    connection.exec("insert into schema_migrations values ('9999_later', 1)");
    connection.close();
    await expect(openStore({ url, ids })).rejects.toThrow(/newer than this program.*9999_later/);
  });

  test("foreign keys hold afterwards", async () => {
    await using store = await openTestStore("sqlite");
    const orphan = store.tx(({ db, t }) => db.insert(t.profiles).values({ userId: 99 }).execute());
    await expect(orphan).rejects.toThrow("FOREIGN KEY constraint failed");
  });
});

test("PostgreSQL: the server only checks, and says what to run", async () => {
  await using pglite = await migratedPglite();
  const pool = pglitePool(pglite);
  await pglite.exec("insert into schema_migrations values ('9999_later', 1)");
  await expect(postgresStore({ pool, ids })).rejects.toThrow(/newer than this program.*9999_later/);
  await pglite.exec("drop schema public cascade; create schema public");
  await expect(postgresStore({ pool, ids })).rejects.toThrow("run `npm run migrate`");
  const applied = await Promise.all([migratePostgres(pool), migratePostgres(pool)]);
  expect(applied.flat()).toEqual(allTags("postgres"));
  const store = await postgresStore({ pool, ids });
  await store.ping();
  // A migration that fails leaves nothing of it.
  await pglite.exec("delete from schema_migrations");
  await expect(migratePostgres(pool)).rejects.toThrow("already exists");
  expect((await pglite.query("select * from schema_migrations")).rows).toEqual([]);
});
