import { expect, test } from "vitest";
import { sessionState } from "../../src/auth/store.ts";
import { databases, type TestDatabase } from "../databases.ts";
import { type Outcome, startProcess, type Work } from "./processes.ts";
import { claims, HOUR, openWorld } from "./world.ts";

/** Rounds of the races; the full number is run by hand. */
const ROUNDS = Number(process.env.ROUNDS ?? 8);

async function race(database: TestDatabase, processes: number): Promise<void> {
  await using world = await openWorld(database);
  const url = world.store.url ?? "";
  world.clock.pass(Date.now() - world.clock.now());
  const { auth, person } = await world.start();
  await using stack = new AsyncDisposableStack();
  const starting = Array.from({ length: processes }, () => startProcess(url, world.encryptionKey));
  const started = (await Promise.all(starting)).map((process) => stack.use(process));
  let { refreshToken } = await auth.sessions.create({ uid: await person(), appid: "wx-test", device: "" });
  for (let round = 0; round < ROUNDS; round++) {
    const attemptId = round % 2 ? `attempt ${round}` : undefined;
    const shares = started.map((_, at) => Math.floor((100 + at) / processes));
    const outcomes = await Promise.all(
      started.map((process, at) => process.renew({ refreshToken, attemptId, times: shares[at] ?? 0 })),
    );
    const all = outcomes.flatMap((list): Outcome[] => list ?? []);
    expect(all).toHaveLength(100);
    expect(all.filter(({ error }) => error)).toEqual([]);
    const successors = new Set(all.map((outcome) => outcome.refreshToken ?? ""));
    expect(successors.size).toBe(1);
    const [successor = ""] = successors;
    expect(claims(successor).gen).toBe(claims(refreshToken).gen + 1);
    refreshToken = successor;
  }
}

test("100 renewals of one token at once over two processes: 100 successes, one successor", () =>
  race("sqlite", 2));

test.skipIf(!databases.includes("postgres"))("the same over three processes on PostgreSQL", () =>
  race("postgres", 3),
);

const deaths: [Work["die"], generation: number][] = [
  ["at the body's start", 0],
  ["before the commit", 0],
  ["before the answer", 1],
];
for (const [die, generation] of deaths) {
  test(`a process killed ${die}: asking another one again gives the one successor`, async () => {
    await using world = await openWorld();
    world.clock.pass(Date.now() - world.clock.now());
    const { auth, store, person } = await world.start();
    const { refreshToken } = await auth.sessions.create({
      uid: await person(),
      appid: "wx-test",
      device: "",
    });
    {
      await using doomed = await startProcess(world.store.url ?? "", world.encryptionKey);
      expect(await doomed.renew({ refreshToken, attemptId: "a", times: 1, die })).toBeUndefined();
    }
    expect(await sessionState(store.read, { sid: claims(refreshToken).sid })).toMatchObject([{ generation }]);
    // Long after, so that nothing but the attempt counts.
    world.clock.pass(12 * HOUR);
    const second = await auth.sessions.renew(refreshToken, "a");
    expect(claims(second.refreshToken).gen).toBe(1);
    expect(await auth.authenticate(second.accessToken)).toMatchObject({ kind: "user" });
    const third = await auth.sessions.renew(second.refreshToken, "b");
    expect(claims(third.refreshToken).gen).toBe(2);
  });
}
