import fc from "fast-check";
import { expect, test } from "vitest";
import { AppError } from "../../src/errors.ts";
import { type Account, available, held, isPersons } from "../../src/ledger/accounts.ts";
import { balance, type Line, post } from "../../src/ledger/ledger.ts";
import type { Store } from "../../src/storage/store.ts";
import { databases, openTestStore, type TestDatabase } from "../databases.ts";

/** How many histories are tried; LEDGER_HISTORIES=10000 for the full measure. PGlite is slow. */
function numRuns(database: TestDatabase): number {
  return Number(process.env.LEDGER_HISTORIES ?? (database === "postgres (pglite)" ? 20 : 200));
}

/** Three customers and two merchants, four orders. */
const customers = [1, 2, 3];
const merchants = [4, 5];
const orders = [1, 2, 3, 4];

const amount = fc.oneof(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 2 ** 31 - 1 }));
/** A notification may come twice. */
const times = fc.constantFrom(1, 2);
const step = fc.oneof(
  fc.record({
    do: fc.constant("pay" as const),
    times,
    order: fc.constantFrom(...orders),
    amount,
    customer: fc.constantFrom(...customers),
  }),
  fc.record({
    do: fc.constantFrom("payOut" as const, "giveBack" as const),
    times,
    order: fc.constantFrom(...orders),
    amount,
    customer: fc.constantFrom(...customers),
    merchant: fc.constantFrom(...merchants),
    rate: fc.integer({ min: 0, max: 10_000 }),
  }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

interface Posting {
  key: string;
  lines: Line[];
}

/** People and orders of each history are its own, so that many fit into one database. */
function postingOf(taken: Step, history: number): Posting {
  const own = (n: number) => history * 10 + n;
  const order = `history:${history}:${taken.order}`;
  const from = held(own(taken.customer));
  if (taken.do === "pay") {
    return {
      key: `${order}:in`,
      lines: [
        { account: "wechat", amount: -taken.amount },
        { account: from, amount: taken.amount },
      ],
    };
  }
  const out = { account: from, amount: -taken.amount };
  if (taken.do === "giveBack") {
    return { key: `${order}:out`, lines: [out, { account: "wechat", amount: taken.amount }] };
  }
  const fee = Math.floor((taken.amount * taken.rate) / 10_000);
  const lines: Line[] = [
    out,
    { account: available(own(taken.merchant)), amount: taken.amount - fee },
    { account: "fees", amount: fee },
  ];
  return { key: `${order}:out`, lines: lines.filter((line) => line.amount !== 0) };
}

/** What the books should say, by the simplest means: numbers in a map. */
class Model {
  readonly balances = new Map<Account, number>();
  readonly posted = new Map<string, string>();

  post({ key, lines }: Posting): string {
    const text = JSON.stringify(lines.map(({ account, amount }) => `${account} ${amount}`).sort());
    const there = this.posted.get(key);
    if (there !== undefined) return there === text ? "again" : "other";
    if (lines.some(({ account, amount }) => isPersons(account) && this.of(account) + amount < 0)) {
      return "BALANCE_TOO_LOW";
    }
    for (const { account, amount } of lines) this.balances.set(account, this.of(account) + amount);
    this.posted.set(key, text);
    return "posted";
  }

  of(account: Account): number {
    return this.balances.get(account) ?? 0;
  }
}

let newest = 0;

async function really(store: Store, { key, lines }: Posting): Promise<string> {
  const entry = { id: ++newest, key, kind: "test", reference: key, at: 1, lines };
  try {
    return (await store.tx((tx) => post(tx, entry))) ? "posted" : "again";
  } catch (error) {
    if (error instanceof AppError) return error.reason;
    if (String(error).includes("something else was posted")) return "other";
    throw error;
  }
}

async function sumOfAll(store: Store): Promise<number> {
  const lines = await store.read.db
    .select({ amount: store.read.t.ledgerLines.amount })
    .from(store.read.t.ledgerLines);
  return Number(lines.reduce((sum, { amount }) => sum + BigInt(amount), 0n));
}

/** The persons' accounts of a history, each with what is in it. */
async function personsIn(store: Store, history: number): Promise<[Account, number][]> {
  const people = [...customers, ...merchants].map((n) => history * 10 + n);
  const accounts = people.flatMap((uid) => [held(uid), available(uid)]);
  return Promise.all(
    accounts.map(
      async (account): Promise<[Account, number]> => [account, await balance(store.read, account)],
    ),
  );
}

async function histories(
  database: TestDatabase,
  play: (store: Store, postings: Posting[], history: number) => Promise<void>,
) {
  await using store = await openTestStore(database);
  let history = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 16 }), async (steps) => {
      const own = ++history;
      const postings = steps.flatMap((taken) => Array(taken.times).fill(postingOf(taken, own)));
      await play(store, postings, own);
      for (const [account, amount] of await personsIn(store, own)) {
        expect(amount, account).toBeGreaterThanOrEqual(0);
      }
    }),
    { numRuns: numRuns(database) },
  );
  expect(await sumOfAll(store)).toBe(0);
}

for (const database of databases) {
  test(`whatever happens in whatever order, the books say what the model says (${database})`, async () => {
    const outcomes = new Map<string, number>();
    await histories(database, async (store, postings, history) => {
      const model = new Model();
      for (const posting of postings) {
        const outcome = await really(store, posting);
        expect(outcome, JSON.stringify(posting)).toBe(model.post(posting));
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      }
      for (const [account, amount] of await personsIn(store, history)) {
        expect(amount, account).toBe(model.of(account));
      }
    });
    // The histories were no dull ones.
    expect([...outcomes.keys()].sort()).toEqual(["BALANCE_TOO_LOW", "again", "other", "posted"]);
  }, 3_600_000);

  test(`also when all of it happens at once (${database})`, async () => {
    await histories(database, async (store, postings, history) => {
      const outcomes = await Promise.all(postings.map((posting) => really(store, posting)));
      // Each key was posted once at most.
      const model = new Map<Account, number>();
      const keys = new Set<string>();
      postings.forEach((posting, i) => {
        if (outcomes[i] !== "posted") return;
        expect(keys.has(posting.key), posting.key).toBe(false);
        keys.add(posting.key);
        for (const { account, amount } of posting.lines)
          model.set(account, (model.get(account) ?? 0) + amount);
      });
      for (const [account, amount] of await personsIn(store, history)) {
        expect(amount, account).toBe(model.get(account) ?? 0);
      }
    });
  }, 3_600_000);
}
