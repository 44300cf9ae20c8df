import { asc, eq, inArray, sql } from "drizzle-orm";
import { prepared, preparedWrite, type Reader, type Tx } from "../storage/store.ts";
import type { Account } from "./accounts.ts";
import type { Entry } from "./ledger.ts";

const lockAccount = preparedWrite((db, t) =>
  db
    .insert(t.ledgerAccounts)
    .values({ account: sql.placeholder("account"), takings: 1 })
    .onConflictDoUpdate({
      target: t.ledgerAccounts.account,
      set: { takings: sql`${t.ledgerAccounts.takings} + 1` },
    }),
);

const byKey = prepared((db, t) =>
  db
    .select(entryColumns(t))
    .from(t.ledgerEntries)
    .where(eq(t.ledgerEntries.key, sql.placeholder("key"))),
);

const sumOf = prepared((db, t) =>
  db
    .select({ sum: sql`coalesce(sum(${t.ledgerLines.amount}), 0)`.mapWith(Number) })
    .from(t.ledgerLines)
    .where(eq(t.ledgerLines.account, sql.placeholder("account"))),
);

function entryColumns(t: Reader["t"]) {
  const { id, key, kind, reference, at } = t.ledgerEntries;
  return { id, key, kind, reference, at };
}

/** Makes every other transaction that wants the same wait until this one is through. */
export async function lock(tx: Tx, account: Account): Promise<void> {
  await lockAccount(tx, { account });
}

/** The sum of an account's lines (fen). */
export async function sum(reader: Reader, account: Account): Promise<number> {
  const [row] = await sumOf(reader, { account });
  return row?.sum ?? 0;
}

/** Writes an entry with its lines; false when one with this key is there. */
export async function insert({ db, t }: Tx, { lines, ...entry }: Entry): Promise<boolean> {
  const { id, key, kind, reference, at } = entry;
  const inserted = await db
    .insert(t.ledgerEntries)
    .values({ id, key, kind, reference, at })
    .onConflictDoNothing({ target: t.ledgerEntries.key })
    .returning({ id: t.ledgerEntries.id });
  if (inserted.length === 0) return false;
  await db
    .insert(t.ledgerLines)
    .values(lines.map(({ account, amount }) => ({ entryId: id, account, amount })));
  return true;
}

export async function findByKey(reader: Reader, key: string): Promise<Entry | undefined> {
  const [entry] = await withLines(reader, await byKey(reader, { key }));
  return entry;
}

export async function entriesAbout(reader: Reader, reference: string): Promise<Entry[]> {
  const { db, t } = reader;
  const found = await db
    .select(entryColumns(t))
    .from(t.ledgerEntries)
    .where(eq(t.ledgerEntries.reference, reference))
    .orderBy(asc(t.ledgerEntries.id));
  return withLines(reader, found);
}

async function withLines(reader: Reader, entries: readonly Omit<Entry, "lines">[]): Promise<Entry[]> {
  if (entries.length === 0) return [];
  const { db, t } = reader;
  const lines = await db
    .select({
      entryId: t.ledgerLines.entryId,
      account: t.ledgerLines.account,
      amount: t.ledgerLines.amount,
    })
    .from(t.ledgerLines)
    .where(
      inArray(
        t.ledgerLines.entryId,
        entries.map(({ id }) => id),
      ),
    )
    .orderBy(asc(t.ledgerLines.entryId), asc(t.ledgerLines.account));
  return entries.map((entry) => ({
    ...entry,
    lines: lines
      .filter(({ entryId }) => entryId === entry.id)
      .map(({ account, amount }) => ({ account: account as Account, amount })),
  }));
}
