import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { createSeal } from "../../src/auth/seal.ts";
import { openStore } from "../../src/storage/open.ts";
import { sharedValues } from "../../src/storage/shared-values.ts";
import type { Store } from "../../src/storage/store.ts";
import type { TokenStore } from "../../src/wechat/token.ts";
import { databases, openTestStore, type TestStore } from "../databases.ts";
import { testIds } from "./test-ids.ts";

const seal = createSeal(Buffer.alloc(32, 1), "shared values");

function setUp(store: Store) {
  const clock = { ms: Date.UTC(2030, 0, 1), now: () => clock.ms };
  const values: TokenStore = sharedValues({ store, clock, seal });
  return { clock, values };
}

const token = { value: "t0ken", expiresAt: Date.UTC(2030, 0, 1, 2), version: 0 };

for (const database of databases) {
  const on = (name: string, run: (parts: ReturnType<typeof setUp> & { store: TestStore }) => Promise<void>) =>
    test(`${name} (${database})`, async () => {
      await using store = await openTestStore(database);
      await run({ ...setUp(store), store });
    });

  on("before the first value there is none, with a lease and without", async ({ values }) => {
    expect(await values.read("a")).toBeUndefined();
    expect(await values.lease("a", "one", 1000)).toBe(true);
    expect(await values.read("a")).toBeUndefined();
  });

  on("a value comes back as it was written, with the next version", async ({ values }) => {
    const long = { ...token, value: `王 '"\\ ${randomBytes(1024).toString("base64")}` };
    await values.lease("a", "one", 1000);
    expect(await values.write("a", "one", long)).toBe(true);
    expect(await values.read("a")).toEqual({ ...long, version: 1 });
    await values.lease("a", "two", 1000);
    expect(await values.write("a", "two", { ...token, version: 1 })).toBe(true);
    expect(await values.read("a")).toEqual({ ...token, version: 2 });
  });

  on("values of different names know nothing of each other", async ({ values }) => {
    expect([await values.lease("a", "one", 1000), await values.lease("b", "two", 1000)]).toEqual([
      true,
      true,
    ]);
    await values.write("a", "one", token);
    expect(await values.read("b")).toBeUndefined();
    expect(await values.write("b", "one", token)).toBe(false);
  });

  on("a lease is one's own until it is given back, or its time is over", async ({ values, clock }) => {
    expect(await values.lease("a", "one", 1000)).toBe(true);
    expect(await values.lease("a", "two", 1000)).toBe(false);
    expect(await values.lease("a", "one", 1000)).toBe(false);
    await values.release("a", "two");
    expect(await values.lease("a", "two", 1000)).toBe(false);
    await values.release("a", "one");
    expect(await values.lease("a", "two", 1000)).toBe(true);
    clock.ms += 999;
    expect(await values.lease("a", "three", 1000)).toBe(false);
    clock.ms += 1;
    expect(await values.lease("a", "three", 1000)).toBe(true);
  });

  on("a write gives the lease back", async ({ values }) => {
    await values.lease("a", "one", 1000);
    await values.write("a", "one", token);
    expect(await values.lease("a", "two", 1000)).toBe(true);
  });

  on("nobody writes over a newer value, or without the lease", async ({ values, clock }) => {
    expect(await values.write("a", "one", token)).toBe(false);
    await values.lease("a", "one", 1000);
    expect(await values.write("a", "two", token)).toBe(false);
    expect(await values.write("a", "one", { ...token, version: 1 })).toBe(false);
    clock.ms += 1000;
    await values.lease("a", "two", 1000);
    expect(await values.write("a", "one", token)).toBe(false);
    expect(await values.write("a", "two", { ...token, value: "new" })).toBe(true);
    await values.lease("a", "one", 1000);
    expect(await values.write("a", "one", { ...token, value: "stale" })).toBe(false);
    expect(await values.read("a")).toMatchObject({ value: "new", version: 1 });
  });

  on("of many who ask at once one gets the lease", async ({ values }) => {
    const holders = Array.from({ length: 20 }, (_, i) => `holder ${i}`);
    const got = await Promise.all(holders.map((holder) => values.lease("a", holder, 1000)));
    expect(got.filter(Boolean)).toHaveLength(1);
  });

  on("the database holds no plain value, and one row's bytes are of no use in another", async (parts) => {
    const { values, store } = parts;
    for (const name of ["a", "b"]) {
      await values.lease(name, "one", 1000);
      await values.write(name, "one", { ...token, value: `${name}-t0ken-in-the-clear` });
    }
    const rows = await store.read.db.select().from(store.read.t.sharedValues);
    expect(rows).toHaveLength(2);
    for (const row of rows) {
      expect(Buffer.from(row.sealed as Uint8Array).includes("t0ken")).toBe(false);
      expect(JSON.stringify({ ...row, sealed: "" })).not.toContain("t0ken");
    }
    await store.tx(async ({ db, t }) => {
      await db.update(t.sharedValues).set({ sealed: rows[0]?.sealed });
    });
    const [swapped] = await Promise.allSettled([values.read(rows[1]?.name as string)]);
    expect(swapped).toMatchObject({
      status: "rejected",
      reason: { message: expect.stringContaining("altered") },
    });
  });
}

test("two servers on one SQLite file: one lease, one value", async () => {
  await using first = await openTestStore("sqlite");
  const second = await openStore({ url: first.url as string, ids: testIds() });
  try {
    const here = setUp(first).values;
    const there = setUp(second).values;
    for (let round = 0; round < 10; round += 1) {
      const tries = [here, there].flatMap((values, i) =>
        [1, 2, 3].map(async (n) => {
          const holder = `${i} ${n}`;
          if (!(await values.lease("a", holder, 1000))) return [];
          // Whoever comes after the first has the lease, but an old version.
          if (await values.write("a", holder, { ...token, value: holder, version: round })) return [holder];
          await values.release("a", holder);
          return [];
        }),
      );
      const written = (await Promise.all(tries)).flat();
      expect(written).toHaveLength(1);
      expect(await here.read("a")).toMatchObject({ value: written[0], version: round + 1 });
      expect(await there.read("a")).toEqual(await here.read("a"));
    }
  } finally {
    await second.close();
  }
});
