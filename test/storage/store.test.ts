import { and, asc, count, eq, gt, inArray, sql, sum } from "drizzle-orm";
import { expect, test } from "vitest";
import { AppError } from "../../src/errors.ts";
import { isUnique } from "../../src/storage/errors.ts";
import type { Tables } from "../../src/storage/schema.ts";
import { prepared, preparedWrite, type Reader, type Tx } from "../../src/storage/store.ts";
import { databases, openTestStore, type TestStore } from "../databases.ts";

const addUser = preparedWrite((db, t) =>
  db.insert(t.users).values({ id: sql.placeholder("id"), name: sql.placeholder("name"), createdAt: 1 }),
);
const userNames = prepared((db, t) =>
  db.select({ name: t.users.name }).from(t.users).orderBy(asc(t.users.id)),
);
const userById = prepared((db, t) =>
  db
    .select({ id: t.users.id, name: t.users.name, role: t.users.role, unionid: t.users.unionid })
    .from(t.users)
    .where(eq(t.users.id, sql.placeholder("id"))),
);

const names = async (reader: Reader) => (await userNames(reader)).map(({ name }) => name);

for (const database of databases) {
  const on = (name: string, run: (store: TestStore) => Promise<void>) =>
    test(`${name} (${database})`, async () => {
      await using store = await openTestStore(database);
      await run(store);
    });

  on("every type of column comes back as it was written", async (store) => {
    const big = Number.MAX_SAFE_INTEGER;
    const bytes = Buffer.from([0, 1, 255, 39, 92]);
    await store.tx(async ({ db, t }) => {
      await db.insert(t.users).values({ id: big, createdAt: 1793315733123, name: "王 'x' \\ \"y\" 😀" });
      await db.insert(t.sessions).values({
        sid: "s1",
        userId: big,
        generation: -(2 ** 31),
        absoluteExpiresAt: big,
        idleExpiresAt: 0,
        createdAt: 1,
        usedAt: 1,
        attemptHash: bytes,
        successorUsed: true,
      });
      await db
        .insert(t.sessions)
        .values({ sid: "s2", absoluteExpiresAt: 1, idleExpiresAt: 1, createdAt: 1, usedAt: 1 });
    });
    const { db, t } = store.read;
    expect(await db.select().from(t.users)).toEqual([
      {
        id: big,
        openid: null,
        unionid: null,
        role: "customer",
        bannedAt: null,
        createdAt: 1793315733123,
        name: "王 'x' \\ \"y\" 😀",
        agent: "",
        avatar: "",
        updateAt: 0,
      },
    ]);
    const [first, second] = await db.select().from(t.sessions).orderBy(asc(t.sessions.sid));
    expect(first).toMatchObject({
      userId: big,
      generation: -(2 ** 31),
      successorUsed: true,
      absoluteExpiresAt: big,
    });
    expect(first?.attemptHash).toBeInstanceOf(Buffer);
    expect(bytes.equals(first?.attemptHash as Uint8Array)).toBe(true);
    expect(second).toMatchObject({ userId: null, attemptHash: null, successorUsed: false, revokedAt: null });
  });

  on("joins, conditional updates, upserts and deletes give the same rows", async (store) => {
    const results = await store.tx(async ({ db, t }) => {
      await db.insert(t.users).values([1, 2, 3].map((id) => ({ id, createdAt: id, name: `u${id}` })));
      await db.insert(t.orders).values(
        [11, 12, 13].map((id) => ({
          id,
          userId: 1 + (id % 2),
          amount: 2_000_000_000,
          pay: 5,
          createdAt: 1,
          updatedAt: 1,
          expiresAt: id,
        })),
      );
      const paid = await db
        .update(t.orders)
        .set({ state: 1, amount: sql`${t.orders.amount} + 1` })
        .where(and(eq(t.orders.state, 0), gt(t.orders.expiresAt, 11)))
        .returning({ id: t.orders.id, amount: t.orders.amount });
      await db
        .insert(t.apps)
        .values({ appid: "a", secretHash: "h", role: "partner", quotaPerDay: 3, createdAt: 1 });
      const issue = () =>
        db
          .insert(t.appTokensIssued)
          .values({ appid: "a", day: "2026-11-22", count: 1 })
          .onConflictDoUpdate({
            target: [t.appTokensIssued.appid, t.appTokensIssued.day],
            set: { count: sql`${t.appTokensIssued.count} + 1` },
            setWhere: sql`${t.appTokensIssued.count} < 2`,
          })
          .returning({ count: t.appTokensIssued.count });
      const issued = [await issue(), await issue(), await issue()];
      const ignored = await db
        .insert(t.users)
        .values({ id: 1, createdAt: 9 })
        .onConflictDoNothing()
        .returning();
      const joined = await db
        .select({ name: t.users.name, orders: count(t.orders.id), sum: sql<number>`sum(${t.orders.amount})` })
        .from(t.users)
        .leftJoin(t.orders, eq(t.orders.userId, t.users.id))
        .groupBy(t.users.id)
        .orderBy(asc(t.users.id));
      const [total] = await db
        .select({ rows: sql<number>`count(*)`, sum: sum(t.orders.createdAt) })
        .from(t.orders);
      const gone = await db
        .delete(t.orders)
        .where(inArray(t.orders.id, [11, 99]))
        .returning({ id: t.orders.id });
      return { paid: paid.sort((a, b) => a.id - b.id), issued, ignored, joined, total, gone };
    });
    expect(results).toEqual({
      paid: [
        { id: 12, amount: 2_000_000_001 },
        { id: 13, amount: 2_000_000_001 },
      ],
      issued: [[{ count: 1 }], [{ count: 2 }], []],
      ignored: [],
      joined: [
        { name: "u1", orders: 1, sum: 2_000_000_001 },
        { name: "u2", orders: 2, sum: 4_000_000_001 },
        { name: "u3", orders: 0, sum: null },
      ],
      total: { rows: 3, sum: "3" },
      gone: [{ id: 11 }],
    });
  });

  on("a prepared statement runs inside and outside of transactions", async (store) => {
    await store.tx(async (tx) => {
      await addUser(tx, { id: 7, name: "seven" });
      expect(await userById(tx, { id: 7 })).toEqual([
        { id: 7, name: "seven", role: "customer", unionid: null },
      ]);
      expect(await userById(tx, { id: 8 })).toEqual([]);
    });
    await Promise.all(
      [8, 9, 10].map((id) =>
        store.tx(async (tx) => {
          await addUser(tx, { id, name: `n${id}` });
          expect(await userById(tx, { id })).toHaveLength(1);
        }),
      ),
    );
    expect(await userById(store.read, { id: 9 })).toMatchObject([{ name: "n9" }]);
    expect(await names(store.read)).toEqual(["seven", "n8", "n9", "n10"]);
  });

  on("a body's error undoes its own writes and leaves its neighbours", async (store) => {
    const results = await Promise.allSettled(
      Array.from({ length: 40 }, (_, i) =>
        store.tx(async (tx) => {
          await addUser(tx, { id: i + 1, name: `u${i}` });
          if (i % 4 === 1) throw new AppError("CART_EMPTY");
          if (i % 4 === 2) await addUser(tx, { id: "not a number", name: "x" });
          return i;
        }),
      ),
    );
    const failed = results.flatMap((result, i) => (result.status === "rejected" ? [i] : []));
    expect(failed).toEqual(Array.from({ length: 40 }, (_, i) => i).filter((i) => i % 4 === 1 || i % 4 === 2));
    expect(results[1]).toMatchObject({ reason: { reason: "CART_EMPTY" } });
    expect(results[4]).toEqual({ status: "fulfilled", value: 4 });
    expect(await names(store.read)).toEqual(
      Array.from({ length: 40 }, (_, i) => i)
        .filter((i) => !failed.includes(i))
        .map((i) => `u${i}`),
    );
  });

  on("what breaks a unique index is told apart by its columns", async (store) => {
    const { t } = store.read;
    await store.tx(async ({ db }) => {
      await db.insert(t.users).values({ id: 1, unionid: "u", createdAt: 1 });
      await db.insert(t.identities).values({ id: 1, userId: 1, appid: "a", openid: "o" });
    });
    const errorOf = (body: (tx: Tx) => Promise<unknown>) =>
      store.tx(body).then(
        () => expect.unreachable(),
        (error: unknown) => error,
      );
    const twice = await errorOf(({ db }) =>
      db.insert(t.identities).values({ id: 2, userId: 1, appid: "a", openid: "o" }).execute(),
    );
    expect(isUnique(twice)).toBe(true);
    expect(isUnique(twice, t.identities.openid, t.identities.appid)).toBe(true);
    expect(isUnique(twice, t.identities.openid)).toBe(false);
    expect(isUnique(twice, t.users.unionid)).toBe(false);
    expect((twice as Error).message).toContain("insert into");
    const orphan = await errorOf(({ db }) =>
      db.insert(t.identities).values({ id: 3, userId: 99, appid: "a", openid: "p" }).execute(),
    );
    expect(isUnique(orphan)).toBe(false);
    expect(isUnique(new Error("no"))).toBe(false);
  });

  on("an error carries no values of the statement in its own text", async (store) => {
    const secret = "13800138000";
    const writing = store.tx(async ({ db, t }) =>
      db.insert(t.profiles).values({ userId: 99, phone: secret }),
    );
    const error: Error = await writing.then(
      () => expect.unreachable(),
      (error) => error,
    );
    expect(error.name).toBe("StatementError");
    expect(error.message).not.toContain(secret);
    expect(error.message).toContain("profiles");
  });

  on("an error of a statement ends the transaction even if the body catches it", async (store) => {
    const { t } = store.read;
    const swallowing = store.tx(async (tx) => {
      await addUser(tx, { id: 1, name: "kept?" });
      await tx.db
        .insert(t.identities)
        .values({ id: 1, userId: 99, appid: "a", openid: "o" })
        .catch(() => {});
      return "done";
    });
    await expect(swallowing).rejects.toThrow("failed, so it can't be committed");
    expect(await names(store.read)).toEqual([]);
  });

  on("a reader sees what is committed, and a transaction its own writes", async (store) => {
    await store.tx(async (tx) => {
      await addUser(tx, { id: 1, name: "one" });
      expect(await names(tx)).toEqual(["one"]);
      // On PGlite a second connection does not exist.
      if (database !== "postgres (pglite)") expect(await names(store.read)).toEqual([]);
    });
    expect(await names(store.read)).toEqual(["one"]);
  });

  on("a Tx is of no use after its transaction", async (store) => {
    let kept: Tx | undefined;
    let db: Tx["db"] | undefined;
    await store.tx(async (tx) => {
      kept = tx;
      db = tx.db;
    });
    await expect(addUser(kept as Tx, { id: 1, name: "late" })).rejects.toThrow("the transaction is over");
    if (database === "sqlite") {
      await expect(db?.insert(store.read.t.users).values({ id: 2, createdAt: 1 })).rejects.toThrow("is over");
    }
    expect(await names(store.read)).toEqual([]);
  });

  on("a transaction in a transaction is refused", async (store) => {
    const outer = store.tx(async (tx) => {
      await addUser(tx, { id: 1, name: "outer" });
      await store.tx((inner) => addUser(inner, { id: 2, name: "inner" }));
    });
    await expect(outer).rejects.toThrow("store.tx inside a transaction");
    // Afterwards, in the same asynchronous context, it is none.
    await store.tx((tx) => addUser(tx, { id: 3, name: "next" })).then(() => store.tx((tx) => names(tx)));
    expect(await names(store.read)).toEqual(["next"]);
  });

  on("counting up under contention loses nothing", async (store) => {
    await store.tx((tx) => addUser(tx, { id: 1, name: "" }));
    const bump = ({ db, t }: { db: Tx["db"]; t: Tables }) =>
      db
        .update(t.users)
        .set({ updateAt: sql`${t.users.updateAt} + 1` })
        .where(eq(t.users.id, 1))
        .returning({ at: t.users.updateAt });
    const seen = await Promise.all(
      Array.from({ length: 100 }, () => store.tx(async (tx) => (await bump(tx))[0]?.at)),
    );
    expect(seen.sort((a, b) => (a ?? 0) - (b ?? 0))).toEqual(Array.from({ length: 100 }, (_, i) => i + 1));
  });

  test(`an id that is taken makes the body run again with another node (${database})`, async () => {
    let node = 0;
    await using store = await openTestStore(database, { ids: { renode: () => void node++ } });
    await store.tx((tx) => addUser(tx, { id: 1, name: "first" }));
    const runs: number[] = [];
    await store.tx(async (tx) => {
      runs.push(node);
      await addUser(tx, { id: 50 + node, name: "extra" });
      await addUser(tx, { id: 1 + node, name: "second" });
    });
    expect(runs).toEqual([0, 1]);
    expect(await names(store.read)).toEqual(["first", "second", "extra"]);
    const stubborn = await store.tx((tx) => addUser(tx, { id: 1, name: "x" })).catch((error) => error);
    expect(isUnique(stubborn, store.read.t.users.id)).toBe(true);
    expect(node).toBe(3);
  });

  on("ping answers; close lets transactions finish and refuses more", async (store) => {
    await store.ping();
    const running = [1, 2, 3].map((id) => store.tx((tx) => addUser(tx, { id, name: "last" })));
    await store.close();
    await Promise.all(running);
    await expect(store.tx((tx) => addUser(tx, { id: 1, name: "no" }))).rejects.toMatchObject({
      reason: "UNAVAILABLE",
    });
  });
}
