import { randomBytes } from "node:crypto";
import { expect } from "vitest";
import { type Auth, type AuthSettings, openAuth } from "../../src/auth/auth.ts";
import { AppError, type Reason } from "../../src/errors.ts";
import { openStore } from "../../src/storage/open.ts";
import type { Store } from "../../src/storage/store.ts";
import { openTestStore, type TestDatabase, type TestStore } from "../databases.ts";
import { testIds } from "../storage/test-ids.ts";
import { settings } from "./settings.ts";

export const SECOND = 1000;
export const HOUR = 3600 * SECOND;
export const DAY = 24 * HOUR;

/** A clock that stands until it is moved. */
export function manualClock(start = Date.UTC(2026, 6, 1)) {
  let now = start;
  return {
    now: () => now,
    pass(ms: number) {
      now += ms;
    },
  };
}

export interface Process extends AsyncDisposable {
  store: Store;
  auth: Auth;
  /** Adds a person; gives the uid. */
  person(role?: "customer" | "business"): Promise<number>;
}

/** One database, which any number of servers open, each with caches of its own. */
export async function openWorld(database: TestDatabase = "sqlite") {
  const store = await openTestStore(database);
  const clock = manualClock();
  const encryptionKey = randomBytes(32);
  const running: Process[] = [];
  return {
    store,
    clock,
    encryptionKey,
    async start(changes: Partial<AuthSettings> = {}): Promise<Process> {
      const started = await startOn({ store, clock, encryptionKey }, changes);
      running.push(started);
      return started;
    },
    async [Symbol.asyncDispose]() {
      for (const one of running) await one[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
    },
  };
}

interface Place {
  store: TestStore;
  clock: { now(): number };
  encryptionKey: Uint8Array;
}

/** With a connection of its own, but on PGlite, which has one only. */
async function startOn(place: Place, changes: Partial<AuthSettings>): Promise<Process> {
  const { clock, encryptionKey } = place;
  const ids = testIds();
  const { url } = place.store;
  const store = url ? await openStore({ url, ids }) : place.store;
  const auth = await openAuth({ store, clock, ids, encryptionKey, settings: { ...settings, ...changes } });
  return {
    store,
    auth,
    async person(role = "customer") {
      const id = ids.next();
      await store.tx(async ({ db, t }) => {
        await db.insert(t.users).values({ id, role, createdAt: clock.now() });
      });
      return id;
    },
    async [Symbol.asyncDispose]() {
      await auth.close();
      if (store !== place.store) await store.close();
    },
  };
}

/** What a token says, unchecked. */
export function claims(token: string): { sid: string; gen: number; exp: number } {
  return JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
}

/** Expects an AppError of this reason, thrown or rejected; gives it. */
export async function refused(work: () => unknown, reason: Reason, what = ""): Promise<AppError> {
  let error: unknown;
  try {
    await work();
  } catch (thrown) {
    error = thrown;
  }
  expect(error, `${what}: expected ${reason}`).toBeInstanceOf(AppError);
  expect((error as AppError).reason, what).toBe(reason);
  return error as AppError;
}
