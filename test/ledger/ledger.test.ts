import { eq, sql } from "drizzle-orm";
import { expect, test } from "vitest";
import { AppError } from "../../src/errors.ts";
import { type Account, available, held } from "../../src/ledger/accounts.ts";
import { balance, entriesAbout, type Line, post } from "../../src/ledger/ledger.ts";
import { sale, saleReturned } from "../../src/ledger/sales.ts";
import type { Store } from "../../src/storage/store.ts";
import { databases, openTestStore } from "../databases.ts";

let newest = 0;

/** Moves an amount from one account to another. */
function transfer(key: string, from: Account, to: Account, amount: number) {
  const lines: Line[] = [
    { account: from, amount: -amount },
    { account: to, amount },
  ];
  return { id: ++newest, key, kind: "test", reference: `test:${key}`, at: 1_700_000_000_000, lines };
}

async function posted(store: Store, ...[key, from, to, amount]: Parameters<typeof transfer>) {
  return store.tx((tx) => post(tx, transfer(key, from, to, amount)));
}

async function reasonOf(call: Promise<unknown>): Promise<string> {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return error instanceof AppError ? error.reason : String(error);
}

for (const database of databases) {
  test(`a balance is the sum of what went in and out (${database})`, async () => {
    await using store = await openTestStore(database);
    expect(await balance(store.read, held(1))).toBe(0);
    expect(await posted(store, "a", "wechat", held(1), 300)).toBe(true);
    expect(await posted(store, "b", held(1), available(2), 120)).toBe(true);
    expect(await posted(store, "c", "wechat", held(11), 7)).toBe(true);
    expect(await balance(store.read, held(1))).toBe(180);
    expect(await balance(store.read, available(2))).toBe(120);
    expect(await balance(store.read, available(1))).toBe(0);
    expect(await balance(store.read, "wechat")).toBe(-307);
    expect(await entriesAbout(store.read, "test:b")).toMatchObject([
      {
        key: "b",
        kind: "test",
        at: 1_700_000_000_000,
        lines: [
          { account: "available:2", amount: 120 },
          { account: "held:1", amount: -120 },
        ],
      },
    ]);
  });

  test(`more than 32 bits of fen are kept exactly (${database})`, async () => {
    await using store = await openTestStore(database);
    const most = Number.MAX_SAFE_INTEGER - 1;
    await posted(store, "a", "wechat", available(1), most);
    expect(await balance(store.read, available(1))).toBe(most);
    await posted(store, "b", "wechat", available(1), 1000);
    await expect(balance(store.read, available(1))).rejects.toThrow("more in it than a number holds");
  });

  test(`the same posting twice is one entry, another one under its key is refused (${database})`, async () => {
    await using store = await openTestStore(database);
    await posted(store, "a", "wechat", held(1), 100);
    expect(await posted(store, "a", "wechat", held(1), 100)).toBe(false);
    const before = await posted(store, "b", held(1), available(2), 100);
    // Nothing is left to take, and yet it is the same posting: nothing to complain of.
    expect([before, await posted(store, "b", held(1), available(2), 100)]).toEqual([true, false]);
    for (const other of [
      posted(store, "a", "wechat", held(1), 101),
      posted(store, "a", "wechat", held(2), 100),
      posted(store, "a", held(1), "wechat", 100),
    ]) {
      expect(await reasonOf(other)).toBe("Error: something else was posted as a");
    }
    expect(await balance(store.read, held(1))).toBe(0);
    expect(await balance(store.read, held(2))).toBe(0);
  });

  test(`a person's account never goes below zero, and a refused entry leaves nothing (${database})`, async () => {
    await using store = await openTestStore(database);
    await posted(store, "a", "wechat", held(1), 100);
    expect(await reasonOf(posted(store, "b", held(1), available(2), 101))).toBe("BALANCE_TOO_LOW");
    expect(await reasonOf(posted(store, "c", available(9), "fees", 1))).toBe("BALANCE_TOO_LOW");
    // Even for one who catches that and goes on.
    await store.tx(async (tx) => {
      await post(tx, transfer("d", held(1), "fees", 500)).catch(() => undefined);
    });
    expect(await entriesAbout(store.read, "test:d")).toEqual([]);
    expect(await balance(store.read, held(1))).toBe(100);
    expect(await posted(store, "e", held(1), available(2), 100)).toBe(true);
    expect(await balance(store.read, held(1))).toBe(0);
  });

  test(`of thirty takings at once exactly as many succeed as the money lasts for (${database})`, async () => {
    await using store = await openTestStore(database);
    await posted(store, "in", "wechat", held(1), 100);
    const takings = Array.from({ length: 30 }, (_, i) => posted(store, `out${i}`, held(1), available(2), 9));
    const answers = await Promise.all(takings.map((taking) => taking.catch(() => "refused")));
    expect(answers.filter((answer) => answer === true)).toHaveLength(11);
    expect(await balance(store.read, held(1))).toBe(1);
    expect(await balance(store.read, available(2))).toBe(99);
  });

  test(`thirty times the same posting at once is one (${database})`, async () => {
    await using store = await openTestStore(database);
    const once = await Promise.all(
      Array.from({ length: 30 }, () => posted(store, "in", "wechat", held(1), 100)),
    );
    expect(once.filter(Boolean)).toHaveLength(1);
    const out = await Promise.all(
      Array.from({ length: 30 }, () => posted(store, "out", held(1), available(1), 100)),
    );
    expect(out.filter(Boolean)).toHaveLength(1);
    expect(await balance(store.read, available(1))).toBe(100);
  });

  test(`crossing takings wait for each other in one order (${database})`, async () => {
    await using store = await openTestStore(database);
    await posted(store, "a", "wechat", held(1), 1000);
    await posted(store, "b", "wechat", held(2), 1000);
    const both = (i: number): Line[] => [
      { account: held(i % 2 ? 1 : 2), amount: -1 },
      { account: held(i % 2 ? 2 : 1), amount: -2 },
      { account: "fees", amount: 3 },
    ];
    await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        store.tx((tx) => post(tx, { ...transfer(`x${i}`, "fees", "sales", 1), lines: both(i) })),
      ),
    );
    expect(await balance(store.read, "fees")).toBe(60);
    expect((await balance(store.read, held(1))) + (await balance(store.read, held(2)))).toBe(1940);
  });

  test(`what does not add up to zero is no entry (${database})`, async () => {
    await using store = await openTestStore(database);
    const unbalanced: Line[][] = [
      [],
      [{ account: "fees", amount: 0 }],
      [
        { account: "wechat", amount: -100 },
        { account: "fees", amount: 99 },
      ],
      [
        { account: "wechat", amount: -0.5 },
        { account: "fees", amount: 0.5 },
      ],
      [
        { account: "fees", amount: -100 },
        { account: "fees", amount: 100 },
      ],
      [
        { account: "wechat", amount: Number.NaN },
        { account: "fees", amount: 1 },
      ],
      [
        { account: "wechat", amount: 2 ** 53 },
        { account: "fees", amount: -(2 ** 53) },
      ],
    ];
    for (const lines of unbalanced) {
      const entry = { ...transfer("bad", "wechat", "fees", 1), lines };
      expect(await reasonOf(store.tx((tx) => post(tx, entry)))).toBe("Error: bad is no balanced entry");
    }
  });

  test(`the database itself lets nobody change or delete what was posted (${database})`, async () => {
    await using store = await openTestStore(database);
    await posted(store, "a", "wechat", held(1), 100);
    const attempts = [
      store.tx(({ db, t }) => db.update(t.ledgerLines).set({ amount: 1 }).execute()),
      store.tx(({ db, t }) =>
        db
          .delete(t.ledgerLines)
          .where(eq(t.ledgerLines.account, held(1)))
          .execute(),
      ),
      store.tx(({ db, t }) => db.update(t.ledgerEntries).set({ key: sql`'b'` }).execute()),
      store.tx(({ db, t }) => db.delete(t.ledgerEntries).execute()),
    ];
    for (const attempt of await Promise.allSettled(attempts)) expect(attempt.status).toBe("rejected");
    expect(await reasonOf(attempts[0] as Promise<unknown>)).toMatch(/ledger_lines|Failed query/);
    expect(await balance(store.read, held(1))).toBe(100);
  });

  test(`a sale and its return (${database})`, async () => {
    await using store = await openTestStore(database);
    const sold = { reference: "order:7", at: 1, amount: 6800 };
    expect(await store.tx((tx) => sale(tx, { ...sold, id: ++newest }))).toBe(true);
    expect(await store.tx((tx) => sale(tx, { ...sold, id: ++newest }))).toBe(false);
    expect(await balance(store.read, "sales")).toBe(6800);
    expect(await store.tx((tx) => saleReturned(tx, { ...sold, id: ++newest }))).toBe(true);
    expect(await balance(store.read, "sales")).toBe(0);
    expect(await balance(store.read, "wechat")).toBe(0);
  });
}
