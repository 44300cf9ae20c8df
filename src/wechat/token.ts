import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { givenUp, unavailable } from "./errors.ts";

/** A value that all servers of the deployment share. */
export interface SharedValue {
  value: string;
  /** Unix ms. */
  expiresAt: number;
  /** Counts the values. */
  version: number;
}

/** Where shared values are kept: the database in a server, a Map in a test. */
export interface TokenStore {
  /** The newest value, whether it is still good or not; undefined before the first. */
  read(name: string): Promise<SharedValue | undefined>;
  /**
   * Takes the right to renew a value for `ms`. False while somebody else has it.
   * @param holder a random text that names who asks
   */
  lease(name: string, holder: string, ms: number): Promise<boolean>;
  /**
   * Writes the value that follows `version` (0 before the first), and gives the lease back. False, and
   * nothing written, when `version` is not the newest any more, or somebody else took the lease.
   */
  write(
    name: string,
    holder: string,
    next: { value: string; expiresAt: number; version: number },
  ): Promise<boolean>;
  /** Gives the lease back without a new value. */
  release(name: string, holder: string): Promise<void>;
}

/** How a shared value is made. */
export interface TokenSource {
  /** For the log. */
  what: string;
  /** In the store. */
  name: string;
  /**
   * Asks WeChat for the value. One server of the deployment does so at a time.
   * @param refused a value that WeChat gave and does not take
   * @returns the value, and for how long it is good (s)
   */
  ask(refused: string | undefined): Promise<{ value: string; expiresIn: number }>;
}

export interface KeeperOptions {
  store: TokenStore;
  clock: { now(): number };
  /** For how long one server may be busy with renewing before another one takes over. */
  leaseMs: number;
}

/** An app's access token, or another value with its manners. */
export interface SharedToken {
  /** The value to use now: good when it is given. */
  current(signal?: AbortSignal): Promise<SharedValue>;
  /** Another value than `refused`, which WeChat said is over: the one it was replaced with, or a new one. */
  after(refused: string, signal?: AbortSignal): Promise<SharedValue>;
}

/**
 * A value is renewed when this little of its life is left. WeChat hands out the next one from 300 s on,
 * and the old one stays good meanwhile.
 */
const renewalMs = 270_000;
/** For how long a value is used without a look into the store. */
const memoryMs = 10_000;
/** After a renewal that failed or brought the same value; as long as the value at hand is good. */
const quietMs = 5_000;
const longestPauseMs = 400;

/**
 * Keeps one value for the whole deployment. Whoever finds it near its end takes the lease, looks again,
 * asks WeChat once and writes the answer over the very value that was seen. The others go on with the old
 * value while it is good, else they wait. Callers in one process share the work, and it goes on when one
 * of them leaves.
 */
export function keepToken({ store, clock, leaseMs }: KeeperOptions, source: TokenSource): SharedToken {
  const { what, name } = source;
  const flights = new Map<string | undefined, Promise<SharedValue>>();
  let memory: (SharedValue & { readAt: number }) | undefined;
  let quietUntil = 0;

  const leftMs = ({ expiresAt }: SharedValue) => expiresAt - clock.now();

  async function current(signal?: AbortSignal): Promise<SharedValue> {
    if (memory && leftMs(memory) > renewalMs && clock.now() < memory.readAt + memoryMs) return memory;
    const resting = clock.now() < quietUntil || flights.has(undefined);
    if (memory && leftMs(memory) > 0 && resting) return memory;
    try {
      return await within(signal, renewed(undefined));
    } catch (error) {
      if (signal?.aborted || !memory || leftMs(memory) <= 0) throw error;
      return memory;
    }
  }

  async function after(refused: string, signal?: AbortSignal): Promise<SharedValue> {
    if (memory?.value === refused) memory = undefined;
    return within(signal, renewed(refused));
  }

  /** Starts a renewal, or joins the one under way. */
  function renewed(refused: string | undefined): Promise<SharedValue> {
    const underWay = flights.get(refused);
    if (underWay) return underWay;
    const flight = renew(refused)
      .then(remember)
      .catch((error: unknown) => {
        quietUntil = clock.now() + quietMs;
        throw error;
      })
      .finally(() => flights.delete(refused));
    flights.set(refused, flight);
    return flight;
  }

  async function renew(refused: string | undefined): Promise<SharedValue> {
    const holder = randomUUID();
    const usable = (value: SharedValue | undefined, ms: number) =>
      value && value.value !== refused && leftMs(value) > ms ? value : undefined;

    let pauseMs = 25;
    for (let waitedMs = 0; waitedMs < leaseMs + 2 * longestPauseMs; waitedMs += pauseMs) {
      const stored = await store.read(name);
      if (usable(stored, renewalMs)) return stored as SharedValue;
      if (usable(stored, 0)) remember(stored as SharedValue);
      if (await store.lease(name, holder, leaseMs)) {
        const next = await underLease(holder);
        if (next) return next;
      } else if (usable(stored, 0)) return stored as SharedValue;
      pauseMs = Math.min(pauseMs * 2, longestPauseMs) * (0.5 + Math.random() / 2);
      await delay(pauseMs);
    }
    throw unavailable(what, "another server did not renew it in time");

    /** Undefined when somebody else wrote one meanwhile. */
    async function underLease(holder: string): Promise<SharedValue | undefined> {
      let written = false;
      try {
        const newest = await store.read(name);
        if (usable(newest, renewalMs)) return newest;
        const askedAt = clock.now();
        const { value, expiresIn } = await source.ask(refused);
        if (value === refused) throw unavailable(what, "WeChat refuses the one that it gives");
        const next = { value, expiresAt: askedAt + expiresIn * 1000, version: newest?.version ?? 0 };
        written = await store.write(name, holder, next);
        return written ? { ...next, version: next.version + 1 } : undefined;
      } finally {
        // If that fails too, the lease runs out.
        if (!written) await store.release(name, holder).catch(() => {});
      }
    }
  }

  function remember(value: SharedValue): SharedValue {
    if (!memory || leftMs(memory) <= 0 || value.version >= memory.version) {
      memory = { ...value, readAt: clock.now() };
    }
    if (leftMs(value) <= renewalMs) quietUntil = clock.now() + quietMs;
    return value;
  }

  function within<T>(signal: AbortSignal | undefined, work: Promise<T>): Promise<T> {
    if (!signal) return work;
    return new Promise((resolve, reject) => {
      const leave = () => reject(givenUp(what, signal));
      if (signal.aborted) leave();
      signal.addEventListener("abort", leave, { once: true });
      work.then(resolve, reject).finally(() => signal.removeEventListener("abort", leave));
    });
  }

  return { current, after };
}
