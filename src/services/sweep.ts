import type { App } from "../app.ts";

/** How many rows one transaction expires at most. */
const batch = 100;
/** Pauses between looks at the database (ms). Another process may have made what runs out next. */
const longestPause = 1_000;
const shortestPause = 50;

/** Things that run out when their time is over. */
export interface Expiring {
  /** What they are, for the log. */
  what: string;
  /** When the next one runs out (unix ms); nothing when there is none. */
  next(): Promise<number | undefined>;
  /** Writes down that up to `limit` ran out; says how many. */
  expire(limit: number): Promise<number>;
}

/**
 * Writes down what ran out, soon after it did. One timer serves all of them, and the database says when
 * it has to ring; any number of processes may run it on one database. Nothing may depend on how soon it
 * comes: who reads compares the time. Returns the function that stops it.
 */
export function startSweep(
  { clock, log }: Pick<App, "clock" | "log">,
  { what, next, expire }: Expiring,
): () => Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  let running = Promise.resolve();
  let stopped = false;

  /** How long to wait until the next look (ms). */
  async function look(): Promise<number> {
    const due = await next();
    if (due === undefined) return longestPause;
    const wait = due - clock.now();
    if (wait > 0) return Math.min(Math.max(wait, shortestPause), longestPause);
    const expired = await expire(batch);
    if (expired > 0) log.info({ expired }, `${what} expired`);
    return expired === batch ? 0 : shortestPause;
  }

  function schedule(pause: number): void {
    if (stopped) return;
    timer = setTimeout(() => {
      running = look()
        .catch((error: unknown) => {
          log.error({ err: error }, `${what} could not be expired`);
          return longestPause;
        })
        .then(schedule);
    }, pause);
    timer.unref();
  }

  schedule(0);
  return async () => {
    stopped = true;
    clearTimeout(timer);
    await running;
  };
}
