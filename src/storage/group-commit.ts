import { AsyncLocalStorage, AsyncResource } from "node:async_hooks";
import type Sqlite from "better-sqlite3";
import { backoff } from "./backoff.ts";
import { isBusy, isIdConflict, translate, unavailable } from "./errors.ts";
import type { Tables } from "./schema.ts";
import { type Gate, gatedDb } from "./sqlite-connection.ts";
import type { Renode, Store, Tx } from "./store.ts";
import { closedError, nestedError, swallowedError, type Turn, turnTx } from "./turn.ts";

/** How many transactions share a commit at most, and for how many ms others may join it. */
const GROUP_SIZE = 64;
const GROUP_MS = 20;
/** How many ms a transaction waits for its turn before it is given up. */
const QUEUE_MS = 5000;
/** How often a transaction runs again after an id was taken. */
const RENODES = 2;
/** For how many ms another process counts as a writer after it was noticed. */
const SHARED_MS = 1000;

interface Job {
  body: (tx: Tx) => Promise<unknown>;
  /** The asynchronous context of the caller of `tx` (AsyncLocalStorage.snapshot takes 20 times as long). */
  context: AsyncResource;
  resolve: (value: unknown) => void;
  reject: (error: unknown) => void;
  deadline: number;
}

type Outcome = { value: unknown } | { error: unknown };

interface Dependencies {
  connection: Sqlite.Database;
  tables: Tables;
  ids: Renode;
}

/**
 * Transactions on the one writing connection. Those that wait share one BEGIN IMMEDIATE … COMMIT, each in
 * a savepoint of its own, and all hear of their end only after the commit: one fsync serves them all.
 *
 * The driver is synchronous, so a body that awaits the database alone goes on in microtasks, and a whole
 * group ends before the event loop turns. When the loop does turn, the body that has the turn is waiting
 * for something else, and is ended.
 */
export function groupCommit({ connection, tables, ids }: Dependencies): Pick<Store, "tx" | "close"> {
  const statements = prepareControl(connection);
  const insideOf = new AsyncLocalStorage<Turn>();
  const queue: Job[] = [];
  let gate: Gate = {};
  let db = gatedDb(connection, gate);
  let scheduled = false;
  let closed = false;
  let whenIdle: () => void = () => {};
  let otherVersion = statements.otherVersion();
  let sharedUntil = 0;
  let endTurn: (error: Error) => void = () => {};

  function schedule(): void {
    if (scheduled) return;
    scheduled = true;
    // A lock that is given back and taken at once never reaches another process.
    if (performance.now() < sharedUntil) setTimeout(flush, 1 + Math.random() * 3);
    else setImmediate(flush);
  }

  async function flush(): Promise<void> {
    try {
      if (await begin()) await runGroup();
    } catch (error) {
      // The lock could not be had at all.
      undo();
      for (const job of queue.splice(0)) job.reject(translate(error));
    }
    scheduled = false;
    if (queue.length) schedule();
    else whenIdle();
  }

  /** False when everybody gave up waiting for the lock. */
  async function begin(): Promise<boolean> {
    for (let attempt = 0; ; attempt++) {
      dropLate();
      if (!queue.length) return false;
      try {
        statements.begin();
        break;
      } catch (error) {
        if (!isBusy(error)) throw error;
        sharedUntil = performance.now() + SHARED_MS;
        await backoff(attempt);
      }
    }
    const version = statements.otherVersion();
    if (version !== otherVersion) sharedUntil = performance.now() + SHARED_MS;
    otherVersion = version;
    return true;
  }

  function dropLate(): void {
    const now = performance.now();
    while (queue[0] && queue[0].deadline < now) {
      queue.shift()?.reject(unavailable(new Error(`waited ${QUEUE_MS} ms for the database`)));
    }
  }

  async function runGroup(): Promise<void> {
    const done: { job: Job; outcome: Outcome }[] = [];
    const until = performance.now() + GROUP_MS;
    let guard = setImmediate(function turned() {
      discardDb();
      endTurn(waitingError(done.at(-1)?.job.body));
      guard = setImmediate(turned);
    });
    try {
      while (queue[0] && done.length < GROUP_SIZE && performance.now() < until) {
        const job = queue.shift() as Job;
        const entry = { job, outcome: { error: undefined } as Outcome };
        done.push(entry);
        entry.outcome = await run(job);
      }
      statements.commit();
    } catch (error) {
      for (const entry of done) entry.outcome = { error: translate(error) };
      undo();
    } finally {
      clearImmediate(guard);
    }
    for (const { job, outcome } of done) {
      if ("value" in outcome) job.resolve(outcome.value);
      else job.reject(outcome.error);
    }
  }

  function undo(): void {
    try {
      if (connection.inTransaction) statements.rollback();
    } catch {
      // Then the next BEGIN fails, says so to those who wait for it, and it is tried again.
    }
  }

  /** Throws only what ends the whole group. */
  async function run(job: Job): Promise<Outcome> {
    for (let renodes = 0; ; renodes++) {
      statements.savepoint();
      const outcome = await runBody(job);
      // Some errors (disk full, i/o) undo the whole transaction and not their statement alone.
      if (!connection.inTransaction) throw "error" in outcome ? outcome.error : new Error("transaction lost");
      if ("error" in outcome) statements.rollbackTo();
      statements.release();
      if ("value" in outcome || renodes === RENODES || !isIdConflict(outcome.error)) return outcome;
      ids.renode();
    }
  }

  async function runBody({ body, context }: Job): Promise<Outcome> {
    const turn: Turn = { open: true };
    gate.turn = turn;
    const outcome = await new Promise<Outcome>((resolve) => {
      endTurn = (error) => resolve({ error });
      context
        .runInAsyncScope(() => insideOf.run(turn, async () => body(turnTx(turn, db, tables))))
        .then(
          (value) => resolve({ value }),
          (error) => resolve({ error: translate(error) }),
        );
    });
    turn.open = false;
    gate.turn = undefined;
    return "value" in outcome && turn.failure ? { error: swallowedError(turn.failure) } : outcome;
  }

  /** A body that was ended may wake up and go on: what it holds must never work again. */
  function discardDb(): void {
    if (gate.turn) gate.turn.open = false;
    gate.turn = undefined;
    gate = {};
    db = gatedDb(connection, gate);
  }

  return {
    tx<T>(body: (tx: Tx) => Promise<T>): Promise<T> {
      if (insideOf.getStore()?.open) return Promise.reject(nestedError());
      if (closed) return Promise.reject(unavailable(closedError()));
      return new Promise((resolve, reject) => {
        queue.push({
          body,
          context: new AsyncResource("transaction"),
          resolve: resolve as (value: unknown) => void,
          reject,
          deadline: performance.now() + QUEUE_MS,
        });
        schedule();
      });
    },
    async close() {
      closed = true;
      if (scheduled) await new Promise<void>((resolve) => (whenIdle = resolve));
    },
  };
}

function waitingError(body: unknown): Error {
  return new Error(
    `a transaction awaited something other than the database and was rolled back: ${String(body).slice(0, 200)}`,
  );
}

function prepareControl(connection: Sqlite.Database) {
  const control = (sql: string) => {
    const statement = connection.prepare(sql);
    return () => void statement.run();
  };
  const version = connection.prepare("pragma data_version").pluck();
  return {
    begin: control("begin immediate"),
    commit: control("commit"),
    rollback: control("rollback"),
    savepoint: control("savepoint body"),
    rollbackTo: control("rollback to body"),
    release: control("release body"),
    /** Changes when another process commits. */
    otherVersion: () => version.get() as number,
  };
}
