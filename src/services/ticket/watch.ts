import type { App } from "../../app.ts";
import { invalid } from "../../errors.ts";
import * as changes from "./changes.ts";
import type { TicketRow } from "./store.ts";
import { newestChange } from "./totals.ts";

/** How many changes a watcher reads at once, and how many the look compares with whom they concern. */
const readAtOnce = 100;
const comparedAtOnce = 500;

export interface FeedTimes {
  /** After how long without a change a watcher is told that the line stands (ms). */
  heartbeatMs: number;
  /** How often the database is asked for other processes' changes while somebody watches (ms). */
  pollMs: number;
}

/** One message to a watcher: where to go on after it, and a change if there is one. */
export interface FeedMessage {
  cursor: number;
  ticket?: TicketRow;
}

export interface WatchOptions {
  filter: changes.WatchFilter;
  /** The number of the first change to tell of; 0 for those to come. */
  cursor: number;
  signal: AbortSignal;
}

interface Watcher {
  filter: changes.WatchFilter;
  ring(): void;
}

/**
 * Tells watchers of changes of tickets. All they are told comes from the database, by the number they
 * have got to: so a watcher that is slow, or gone for a while, costs no memory and misses nothing. One
 * look at the newest number serves all watchers of the process, and rings only those whom it concerns.
 */
export function ticketFeed(
  { store, log }: Pick<App, "store" | "log">,
  { heartbeatMs, pollMs }: FeedTimes = { heartbeatMs: 15_000, pollMs: 500 },
) {
  const watchers = new Set<Watcher>();
  let timer: NodeJS.Timeout | undefined;
  let looking = false;
  let again = false;
  /** The newest change that was looked at; none while nobody watches. */
  let seen: number | undefined;

  async function look(): Promise<void> {
    clearTimeout(timer);
    if (looking) {
      again = true;
      return;
    }
    looking = true;
    do {
      again = false;
      await ringConcerned().catch((error: unknown) =>
        log.error({ err: error }, "changes of tickets could not be read"),
      );
    } while (again);
    looking = false;
    if (watchers.size > 0) timer = setTimeout(look, pollMs).unref();
    else seen = undefined;
  }

  async function ringConcerned(): Promise<void> {
    const newest = await newestChange(store.read);
    if (newest === seen) return;
    const from = seen === undefined ? undefined : seen + 1;
    const few = from !== undefined && newest - from < comparedAtOnce;
    const concerned = few ? await changes.concerned(store.read, { from, to: newest }) : undefined;
    for (const { filter, ring } of watchers) {
      if (!concerned || concerned.some((change) => fits(filter, change))) ring();
    }
    seen = newest;
  }

  /** Where to begin. @throws AppError INVALID_REQUEST when what came after the cursor is not there any more */
  async function start(cursor: number): Promise<number> {
    const next = (await newestChange(store.read)) + 1;
    if (cursor === 0) return next;
    const oldest = (await changes.oldest(store.read)) ?? next;
    if (cursor >= oldest && cursor <= next) return cursor;
    throw invalid({
      field: "cursor",
      description: "changes after it are no longer kept: list the tickets and begin with 0",
    });
  }

  return {
    /** Looks for changes right now: after a commit that made some. */
    changed(): void {
      if (watchers.size > 0) look();
    },

    /**
     * Changes that fit the filter as they happen, and without them a heartbeat now and then; the first
     * message is one. Ends when the signal does.
     * @throws AppError INVALID_REQUEST for a cursor whose changes are gone
     */
    async *watch({ filter, cursor, signal }: WatchOptions): AsyncGenerator<FeedMessage> {
      const bell = createBell(signal);
      const watcher = { filter, ring: bell.ring };
      watchers.add(watcher);
      try {
        let next = await start(cursor);
        look();
        yield { cursor: next };
        let told = performance.now();
        while (!signal.aborted) {
          const newest = await newestChange(store.read);
          const range = { from: next, to: newest, limit: readAtOnce };
          const rows = newest < next ? [] : await changes.read(store.read, filter, range);
          for (const { number, ticket } of rows) {
            next = number + 1;
            yield { cursor: next, ticket };
            told = performance.now();
          }
          if (rows.length === readAtOnce) continue;
          next = Math.max(next, newest + 1);
          if (performance.now() - told >= heartbeatMs) {
            yield { cursor: next };
            told = performance.now();
          }
          await bell.wait(told + heartbeatMs - performance.now());
        }
      } finally {
        watchers.delete(watcher);
        bell.close();
        if (watchers.size === 0 && !looking) {
          clearTimeout(timer);
          seen = undefined;
        }
      }
    },
  };
}

export type TicketFeed = ReturnType<typeof ticketFeed>;

function fits(filter: changes.WatchFilter, change: { userId: number; vrClientId: string }): boolean {
  if (filter.userId !== undefined && filter.userId !== change.userId) return false;
  return !filter.vrClientId || filter.vrClientId === change.vrClientId;
}

/** What a watcher waits at: it rings for changes and at the end of the call. */
function createBell(signal: AbortSignal) {
  let rung = false;
  let wake: () => void = () => {};

  function ring(): void {
    rung = true;
    wake();
  }

  signal.addEventListener("abort", ring);
  return {
    ring,
    close: () => signal.removeEventListener("abort", ring),
    /** Ends at the next ring, at once if there was one since the last wait. */
    async wait(ms: number): Promise<void> {
      if (!rung) {
        const { promise, resolve } = Promise.withResolvers<void>();
        wake = resolve;
        const timer = setTimeout(resolve, ms);
        await promise;
        clearTimeout(timer);
      }
      rung = false;
    },
  };
}
