import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Sqlite from "better-sqlite3";
import { inArray } from "drizzle-orm";
import { afterEach, expect, test, vi } from "vitest";
import { groupCommit } from "../../src/storage/group-commit.ts";
import { openStore } from "../../src/storage/open.ts";
import { sqliteTables } from "../../src/storage/sqlite-tables.ts";
import type { Reader, Tx } from "../../src/storage/store.ts";
import { openTestStore, type TestStore } from "../databases.ts";
import { startChild } from "./child.ts";
import { testIds } from "./test-ids.ts";

const addUser = ({ db, t }: Tx, id: number, name = "") =>
  db.insert(t.users).values({ id, name, createdAt: 1 });

const userIds = async ({ db, t }: Reader) =>
  (await db.select({ id: t.users.id }).from(t.users).orderBy(t.users.id)).map(({ id }) => id);

/** Another connection to the file, as another process would have. */
function connectTo({ url = "" }: TestStore): Sqlite.Database {
  return new Sqlite(url.slice("file:".length));
}

/** A file with a table whose foreign key is checked at COMMIT, and a group commit on it. */
function bareGroup() {
  const folder = mkdtempSync(join(tmpdir(), "liveuser-"));
  const connection = new Sqlite(join(folder, "bare.db"));
  connection.pragma("journal_mode = wal");
  connection.exec(`
    create table parents (id integer primary key);
    create table rows (id integer primary key, parent integer references parents (id) deferrable initially deferred);
  `);
  const store = groupCommit({ connection, tables: sqliteTables, ids: { renode() {} } });
  return {
    connection,
    tx: store.tx,
    rows: () => connection.prepare("select id from rows order by id").pluck().all(),
    async [Symbol.asyncDispose]() {
      await store.close();
      connection.close();
      rmSync(folder, { recursive: true });
    },
  };
}

afterEach(() => vi.restoreAllMocks());

test("waiting transactions share a commit and are acknowledged after it", async () => {
  await using store = await openTestStore("sqlite");
  const other = connectTo(store);
  const version = () => other.pragma("data_version", { simple: true }) as number;
  const visible = other.prepare("select count(*) from users").pluck();
  version();
  let commits = 0;
  let last = version();
  const seen = await Promise.all(
    Array.from({ length: 32 }, (_, i) =>
      store
        .tx((tx) => addUser(tx, i + 1))
        .then(() => {
          if (version() !== last) commits++;
          last = version();
          return visible.get();
        }),
    ),
  );
  other.close();
  expect(commits).toBe(1);
  expect(seen).toEqual(Array(32).fill(32));
});

test("a failing COMMIT rejects all of its group, and the next group goes on", async () => {
  await using group = bareGroup();
  const insert = (id: number, parent: number | null) =>
    group.tx(async () => void group.connection.prepare("insert into rows values (?, ?)").run(id, parent));
  const results = await Promise.allSettled([insert(1, null), insert(2, 99), insert(3, null)]);
  expect(results.map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
  expect(results[0]).toMatchObject({ reason: { code: "SQLITE_CONSTRAINT_FOREIGNKEY" } });
  expect(group.rows()).toEqual([]);
  await insert(4, null);
  expect(group.rows()).toEqual([4]);
});

test("when an error undid the whole transaction, all that ran in it are rejected and the others run", async () => {
  await using group = bareGroup();
  const insert = (id: number) =>
    group.tx(async () => void group.connection.prepare("insert into rows values (?, null)").run(id));
  const lose = () =>
    group.tx(async () => {
      group.connection.exec("rollback");
      throw new Error("disk i/o");
    });
  const results = await Promise.allSettled([insert(1), lose(), insert(2)]);
  expect(results).toMatchObject([
    { status: "rejected", reason: { message: expect.stringContaining("disk i/o") } },
    { status: "rejected" },
    { status: "fulfilled" },
  ]);
  expect(group.rows()).toEqual([2]);
});

test("a full disk is UNAVAILABLE, and what was acknowledged is there", async () => {
  await using group = bareGroup();
  group.connection.exec("create table blobs (id integer primary key, data blob)");
  group.connection.pragma("max_page_count = 40");
  const add = group.connection.prepare("insert into blobs values (?, zeroblob(20000))");
  const results = await Promise.allSettled(
    Array.from({ length: 20 }, (_, i) => group.tx(async () => void add.run(i))),
  );
  const acknowledged = results.flatMap(({ status }, i) => (status === "fulfilled" ? [i] : []));
  const failed = results.filter(({ status }) => status === "rejected");
  expect(failed.length).toBeGreaterThan(0);
  for (const failure of failed) expect(failure).toMatchObject({ reason: { reason: "UNAVAILABLE" } });
  expect(group.connection.prepare("select id from blobs order by id").pluck().all()).toEqual(acknowledged);
});

test("a body that waits for a timer is ended and its neighbours are not", async () => {
  await using store = await openTestStore("sqlite");
  let late: unknown;
  const woken = Promise.withResolvers<void>();
  const slow = async (tx: Tx) => {
    const { db, t } = tx;
    await addUser(tx, 2);
    await new Promise((resolve) => setTimeout(resolve, 20));
    // It goes on later, perhaps amid another's transaction: nothing of it may work.
    late = await db
      .insert(t.users)
      .values({ id: 3, createdAt: 1 })
      .catch((error: unknown) => error);
    woken.resolve();
  };
  const results = await Promise.allSettled([
    store.tx((tx) => addUser(tx, 1)),
    store.tx(slow),
    store.tx((tx) => addUser(tx, 4)),
    store.tx(slow),
    store.tx((tx) => addUser(tx, 5)),
  ]);
  expect(results.map(({ status }) => status)).toEqual([
    "fulfilled",
    "rejected",
    "fulfilled",
    "rejected",
    "fulfilled",
  ]);
  expect(results[1]).toMatchObject({
    reason: { message: expect.stringMatching(/awaited something other than the database.*async \(tx\)/s) },
  });
  const busy = (async () => {
    for (let id = 10; !late; id++) await store.tx((tx) => addUser(tx, id));
  })();
  await Promise.all([woken.promise, busy]);
  expect((late as Error).message).toBe("the transaction is over");
  expect((await userIds(store.read)).filter((id) => id < 10)).toEqual([1, 4, 5]);
});

test("a body runs in the asynchronous context of its caller", async () => {
  const { AsyncLocalStorage } = await import("node:async_hooks");
  const call = new AsyncLocalStorage<number>();
  await using store = await openTestStore("sqlite");
  const seen = await Promise.all(
    [1, 2, 3].map((i) => call.run(i, () => store.tx(async () => call.getStore()))),
  );
  expect(seen).toEqual([1, 2, 3]);
});

test("while another process holds the lock, writers wait, reads answer and the event loop turns", async () => {
  await using store = await openTestStore("sqlite");
  await store.tx((tx) => addUser(tx, 1));
  const other = connectTo(store);
  other.exec("begin immediate; insert into users (id, created_at) values (7, 1)");
  let acknowledged = false;
  const writing = store
    .tx((tx) => addUser(tx, 2))
    .then(() => {
      acknowledged = true;
    });
  let turns = 0;
  const until = Date.now() + 200;
  while (Date.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(await userIds(store.read)).toEqual([1]);
    turns++;
  }
  expect(turns).toBeGreaterThan(10);
  expect(acknowledged).toBe(false);
  other.exec("commit");
  other.close();
  await writing;
  expect(await userIds(store.read)).toEqual([1, 2, 7]);
});

test("a lock that is never given back makes writers give up with UNAVAILABLE", async () => {
  await using store = await openTestStore("sqlite");
  const other = connectTo(store);
  other.exec("begin immediate");
  const now = performance.now.bind(performance);
  const writing = Promise.allSettled([1, 2].map((id) => store.tx((tx) => addUser(tx, id))));
  vi.spyOn(performance, "now").mockImplementation(() => now() + 5100);
  for (const result of await writing) {
    expect(result).toMatchObject({ status: "rejected", reason: { reason: "UNAVAILABLE" } });
  }
  other.exec("rollback");
  other.close();
  await store.tx((tx) => addUser(tx, 3));
  expect(await userIds(store.read)).toEqual([3]);
});

test("what a killed process had acknowledged is there", async () => {
  await using store = await openTestStore("sqlite");
  const child = startChild("writing-process.ts", store.url ?? "", "10000");
  await vi.waitUntil(async () => (await userIds(store.read)).length > 200, { timeout: 10_000 });
  child.process.kill("SIGKILL");
  const printed = (await child.lines).slice(0, -1).map(Number);
  const found = new Set(await userIds(store.read));
  expect(printed.length).toBeGreaterThan(100);
  expect(printed.filter((id) => !found.has(id))).toEqual([]);
  await store.tx((tx) => addUser(tx, 1));
});

test("two processes write one file: no error, nothing lost, both get on", async () => {
  await using store = await openTestStore("sqlite");
  const children = [1, 2].map(() => startChild("writing-process.ts", store.url ?? "", "1500"));
  const [first = [], second = []] = await Promise.all(
    children.map(async ({ lines }) => (await lines).slice(0, -1).map(Number)),
  );
  expect(first.length).toBeGreaterThan(50);
  expect(second.length).toBeGreaterThan(50);
  const all = [...first, ...second].sort((a, b) => a - b);
  expect(new Set(all).size).toBe(all.length);
  expect((await userIds(store.read)).join()).toBe(all.join());
  const { db, t } = store.read;
  const sample = all.slice(0, 50);
  expect(await db.select().from(t.auditEvents).where(inArray(t.auditEvents.id, sample))).toHaveLength(50);
});

test("what can't be opened is named", async () => {
  const ids = testIds();
  await expect(openStore({ url: "file:/etc/hostname/x.db", ids })).rejects.toThrow("/etc/hostname/x.db");
  await expect(openStore({ url: "file:/etc", ids })).rejects.toThrow("can't open the database /etc");
  await expect(openStore({ url: "file:/etc/hostname", ids })).rejects.toThrow("file is not a database");
  await expect(openStore({ url: "mysql://x", ids })).rejects.toThrow("starts with file: or postgres://");
});
