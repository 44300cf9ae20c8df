import { randomInt } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { createIds } from "../../src/storage/ids.ts";
import { startChild } from "./child.ts";
import { testIds } from "./test-ids.ts";

const START = Date.UTC(2026, 0, 1);

function parts(id: number) {
  return { ms: Math.floor(id / 8192), node: Math.floor(id / 16) % 512, sequence: id % 16 };
}

function fakeClock(at: number) {
  const clock = { at, now: () => clock.at };
  return clock;
}

test("an id is made of ms since 2026, node and sequence", () => {
  const clock = fakeClock(START + 1000);
  const ids = createIds({ clock, random: randomInt, node: 300 });
  const made = Array.from({ length: 17 }, () => parts(ids.next()));
  expect(made[0]).toEqual({ ms: 1000, node: 300, sequence: 0 });
  expect(made[15]).toEqual({ ms: 1000, node: 300, sequence: 15 });
  expect(made[16]).toEqual({ ms: 1001, node: 300, sequence: 0 });
  clock.at += 50;
  expect(parts(ids.next())).toEqual({ ms: 1050, node: 300, sequence: 0 });
});

test("the last id of the last ms is a safe integer", () => {
  const clock = fakeClock(START + 2 ** 40 - 1);
  const ids = createIds({ clock, random: randomInt, node: 511 });
  const made = Array.from({ length: 16 }, () => ids.next());
  expect(made.at(-1)).toBe(Number.MAX_SAFE_INTEGER);
});

test("a clock before 2026 is refused", () => {
  expect(() => createIds({ clock: { now: () => 0 }, random: randomInt }).next()).toThrow("before 2026");
});

test("ids grow whatever the clock does, also over a change of node", () => {
  const step = fc.record({
    ms: fc.integer({ min: -5000, max: 5000 }),
    ids: fc.nat(40),
    renode: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const clock = fakeClock(START + 1_000_000);
      const ids = createIds({ clock, random: randomInt });
      let last = 0;
      for (const { ms, ids: count, renode } of steps) {
        clock.at += ms;
        if (renode) ids.renode();
        for (let i = 0; i < count; i++) {
          const id = ids.next();
          expect(id).toBeGreaterThan(last);
          last = id;
        }
      }
    }),
  );
});

test("after a step back of the clock ids go on at its pace", () => {
  const clock = fakeClock(START + 100_000);
  const ids = createIds({ clock, random: randomInt });
  ids.next();
  clock.at -= 60_000;
  const before = parts(ids.next()).ms;
  clock.at += 1000;
  const after = parts(ids.next()).ms;
  expect(before).toBe(100_000);
  expect(after).toBe(101_000);
});

test("a burst runs 250 ms ahead of the clock and then waits for it", () => {
  const ids = testIds();
  let lead = 0;
  const made = new Set<number>();
  const from = Date.now();
  for (let i = 0; i < 6000; i++) {
    const id = ids.next();
    made.add(id);
    lead = Math.max(lead, parts(id).ms + START - Date.now());
  }
  expect(made.size).toBe(6000);
  expect(lead).toBeGreaterThan(50);
  expect(lead).toBeLessThanOrEqual(250);
  // 6000 ids are 375 ms, of which 250 were borrowed.
  expect(Date.now() - from).toBeGreaterThanOrEqual(120);
});

test("a clock that stands still delays ids, no more", () => {
  const clock = fakeClock(START + 5);
  const ids = createIds({ clock, random: randomInt });
  expect(new Set(Array.from({ length: 5000 }, () => ids.next())).size).toBe(5000);
});

test("renode takes another node", () => {
  const clock = fakeClock(START + 5);
  const ids = createIds({ clock, random: (limit) => limit - 1, node: 3 });
  ids.next();
  ids.renode();
  expect(parts(ids.next())).toEqual({ ms: 6, node: 511, sequence: 0 });
});

test("several processes at once make different ids, each in order", async () => {
  const lists = await Promise.all([1, 2, 3].map(() => startChild("id-process.ts").lines));
  const numbers = lists.map((list) => list.map(Number));
  for (const list of numbers) {
    expect(list).toHaveLength(5000);
    expect(list).toEqual(list.toSorted((a, b) => a - b));
    expect(list.every(Number.isSafeInteger)).toBe(true);
  }
  expect(new Set(numbers.flat()).size).toBe(15_000);
});
