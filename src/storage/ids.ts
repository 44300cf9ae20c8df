import { createHash } from "node:crypto";
import { hostname, networkInterfaces } from "node:os";
import type { Renode } from "./store.ts";

const EPOCH = Date.UTC(2026, 0, 1);
const NODES = 512;
const PER_MS = 16;
/** How far ids may run ahead of the clock, in ms: less than a process needs to start again. */
const LEAD = 250;

export interface Ids extends Renode {
  /** The next id: larger than all before it in this process, below 2^53. */
  next(): number;
}

interface Dependencies {
  /** ms since 1970. */
  clock: { now(): number };
  /** A whole number from 0 to below `limit`: crypto.randomInt. */
  random: (limit: number) => number;
  /** 0 to 511; made of the machine and the process if not given. */
  node?: number;
}

/**
 * Makes ids that are ordered by time and unique over processes and machines, without asking anyone:
 *
 *     id = (ms since 2026-01-01T00:00Z) * 2^13 + node * 2^4 + sequence
 *
 * 40 bits of ms last until November 2060, 9 bits tell 512 nodes apart, 4 bits give 16 ids a ms; together
 * 53 bits, so an id is a safe integer.
 *
 * - A burst of more than 16 a ms borrows from the ms to come, up to 250 ms ahead of the clock: 4000 ids at
 *   once. Beyond that `next` sleeps, so 16000 a second is the lasting rate. Were the lead unbounded, a
 *   process that takes this one's place and node would give the borrowed ids again.
 * - When the clock steps back, ids go on from where they were, at the clock's pace.
 * - Node = (hash of host name, network addresses + pid) mod 512: processes on one machine differ unless
 *   their pids are 512 apart. Two machines may meet, by a chance of 1/512 a pair; then both have to make
 *   an id of the same ms, for the same table, and the second to write gets a primary key conflict. The
 *   store answers that with `renode`, a random node, and runs the transaction again.
 */
export function createIds({ clock, random, node = localNode() }: Dependencies): Ids {
  let ms = -1;
  let sequence = 0;
  let lastNow = 0;
  /** What is added to a clock that stepped back, in ms. */
  let correction = 0;

  function time(): number {
    const now = clock.now() - EPOCH;
    if (now < 0) throw new Error("the system's clock stands before 2026");
    if (now < lastNow) correction += lastNow - now;
    if (now >= ms) correction = 0;
    lastNow = now;
    return now + correction;
  }

  function advance(): void {
    let now = time();
    while (ms + 1 - now > LEAD) {
      sleep(1);
      // At least 1 ms went by, even if the clock was set back meanwhile or does not run.
      const later = time();
      if (later <= now) correction += now + 1 - later;
      now = Math.max(later, now + 1);
    }
    ms = Math.max(ms + 1, now);
    sequence = 0;
  }

  return {
    next() {
      if (sequence === PER_MS || time() > ms) advance();
      return (ms * NODES + node) * PER_MS + sequence++;
    },
    renode() {
      node = random(NODES);
      // The new node may be the smaller one, and ids have to grow.
      sequence = PER_MS;
    },
  };
}

function localNode(): number {
  // IPv4 alone, since IPv6 addresses come and go and neighbours would no longer agree on their machine.
  const addresses = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter(({ family, internal }) => family === "IPv4" && !internal)
    .map(({ mac, address }) => `${mac} ${address}`);
  const host = createHash("sha256")
    .update([hostname(), ...addresses.sort()].join("\n"))
    .digest();
  return (host.readUInt32BE() + process.pid) % NODES;
}

function sleep(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
