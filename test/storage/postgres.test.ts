import { eq, sql } from "drizzle-orm";
import { describe, expect, test } from "vitest";
import { migrate, openStore } from "../../src/storage/open.ts";
import type { Tx } from "../../src/storage/store.ts";
import { databases, openTestStore } from "../databases.ts";
import { testIds } from "./test-ids.ts";

const ids = testIds();
const away = "postgres://nobody@127.0.0.1:1/none";

test("a server that is away is named at the start, in one line", async () => {
  await expect(openStore({ url: away, ids })).rejects.toThrow(/^can't reach the database: .*ECONNREFUSED/);
  await expect(migrate(away)).rejects.toThrow(/^can't reach the database: .*ECONNREFUSED/);
});

// What one session alone, as PGlite has, can't show.
describe.runIf(databases.includes("postgres"))("on a server", () => {
  const rename = ({ db, t }: Tx, id: number, name: string) =>
    db
      .update(t.users)
      .set({ name: sql`${t.users.name} || ${name}` })
      .where(eq(t.users.id, id));

  async function openWithTwo() {
    const store = await openTestStore("postgres");
    await store.tx(({ db, t }) => db.insert(t.users).values([1, 2].map((id) => ({ id, createdAt: 1 }))));
    return store;
  }

  test("transactions that lock each other out run again", async () => {
    await using store = await openWithTwo();
    let runs = 0;
    const started = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const crossing = (mine: 0 | 1) =>
      store.tx(async (tx) => {
        runs++;
        await rename(tx, 1 + mine, "x");
        started[mine]?.resolve();
        await started[1 - mine]?.promise;
        await rename(tx, 2 - mine, "y");
      });
    await Promise.all([crossing(0), crossing(1)]);
    expect(runs).toBe(3);
    const { db, t } = store.read;
    const names = (await db.select({ name: t.users.name }).from(t.users)).map(({ name }) => name);
    expect(names.map((name) => [...name].sort().join(""))).toEqual(["xy", "xy"]);
  });

  test("a connection that breaks is UNAVAILABLE, and the next call has another", async () => {
    await using store = await openWithTwo();
    const breaking = store.tx(async (tx) => {
      await rename(tx, 1, "lost");
      await tx.db.select({ ended: sql`pg_terminate_backend(pg_backend_pid())` }).from(tx.t.users);
    });
    await expect(breaking).rejects.toMatchObject({ reason: "UNAVAILABLE" });
    const { db, t } = store.read;
    const reading = db.select({ ended: sql`pg_terminate_backend(pg_backend_pid())` }).from(t.users);
    await expect(reading).rejects.toMatchObject({ reason: "UNAVAILABLE" });
    expect(await db.select({ name: t.users.name }).from(t.users)).toEqual([{ name: "" }, { name: "" }]);
  });

  test("more transactions than connections wait for their turn", async () => {
    await using store = await openWithTwo();
    await Promise.all(Array.from({ length: 60 }, () => store.tx((tx) => rename(tx, 1, "a").execute())));
    const { db, t } = store.read;
    const [row] = await db.select({ name: t.users.name }).from(t.users).where(eq(t.users.id, 1));
    expect(row?.name).toBe("a".repeat(60));
  });
});
