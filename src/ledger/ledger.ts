import { AppError } from "../errors.ts";
import type { Reader, Tx } from "../storage/store.ts";
import { type Account, isPersons } from "./accounts.ts";
import * as rows from "./store.ts";

/** Money put into an account (above zero) or taken out of it (below zero). */
export interface Line {
  account: Account;
  /** Fen. */
  amount: number;
}

/** Something that happened to money. */
export interface Entry {
  /** From ids.ts. */
  id: number;
  /** Names this posting among all: posting it again changes nothing. */
  key: string;
  kind: string;
  /** What it is about, such as `rail_order:17`. */
  reference: string;
  /** Unix ms. */
  at: number;
  /** At least two, each account once; together zero. */
  lines: readonly Line[];
}

/**
 * Puts an entry into the books; false when the very same is there already.
 *
 * On PostgreSQL two transactions may take out of one account at once: each writes the account's row before
 * it adds up, so the second one waits for the first and sees what that one took.
 *
 * @throws AppError BALANCE_TOO_LOW when a person's account would go below zero
 * @throws Error for lines that do not add up to zero, and for a key under which something else is there
 */
export async function post(tx: Tx, entry: Entry): Promise<boolean> {
  check(entry);
  // In one order, so that two entries never wait for each other.
  const takings = sorted(entry.lines).filter(({ account, amount }) => isPersons(account) && amount < 0);
  for (const { account } of takings) await rows.lock(tx, account);
  if (await isThere(tx, entry)) return false;
  for (const { account, amount } of takings) {
    if ((await balance(tx, account)) + amount < 0) throw new AppError("BALANCE_TOO_LOW");
  }
  if (await rows.insert(tx, entry)) return true;
  // Another transaction posted it between our look and our write.
  if (await isThere(tx, entry)) return false;
  throw new AppError("UNAVAILABLE");
}

/** What is in an account (fen): the sum of its lines. */
export async function balance(reader: Reader, account: Account): Promise<number> {
  const sum = await rows.sum(reader, account);
  if (!Number.isSafeInteger(sum)) throw new Error(`${account} has more in it than a number holds`);
  return sum;
}

/** Every entry about something, oldest first, with its lines by account. */
export const entriesAbout = rows.entriesAbout;

async function isThere(tx: Tx, entry: Entry): Promise<boolean> {
  const there = await rows.findByKey(tx, entry.key);
  if (!there) return false;
  if (there.kind !== entry.kind || there.reference !== entry.reference || !sameLines(there, entry)) {
    throw new Error(`something else was posted as ${entry.key}`);
  }
  return true;
}

function sameLines(a: Pick<Entry, "lines">, b: Pick<Entry, "lines">): boolean {
  const text = ({ lines }: Pick<Entry, "lines">) =>
    sorted(lines)
      .map(({ account, amount }) => `${account} ${amount}`)
      .join();
  return text(a) === text(b);
}

function sorted(lines: readonly Line[]): Line[] {
  return [...lines].sort((a, b) => (a.account < b.account ? -1 : 1));
}

function check({ key, lines }: Entry): void {
  const whole = lines.every(({ amount }) => Number.isSafeInteger(amount) && amount !== 0);
  const accounts = new Set(lines.map(({ account }) => account));
  if (!whole || lines.length < 2 || accounts.size !== lines.length || !isBalanced(lines)) {
    throw new Error(`${key} is no balanced entry`);
  }
}

function isBalanced(lines: readonly Line[]): boolean {
  // Partial sums may be larger than a number holds exactly.
  return lines.reduce((total, { amount }) => total + BigInt(amount), 0n) === 0n;
}
