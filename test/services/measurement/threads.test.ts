import { expect, test } from "vitest";
import { AppError } from "../../../src/errors.ts";
import { createThreads, type ThreadsOptions } from "../../../src/services/measurement/threads.ts";

const patient = new AbortController().signal;

function start(options: Partial<ThreadsOptions> = {}) {
  const errors: unknown[] = [];
  const threads = createThreads<{ how: string; value: number }, number>({
    file: new URL("./worker.ts", import.meta.url),
    threads: 1,
    waiting: 20,
    deadlineMs: 20_000,
    idleMs: 60_000,
    onError: (error) => errors.push(error),
    ...options,
  });
  return {
    errors,
    run: (how: string, value = 0, caller = patient) => threads.run({ how, value }, caller),
    close: threads.close,
    [Symbol.asyncDispose]: threads.close,
  };
}

/** What became of each: its value, or in what way it failed. */
async function ends(tasks: Promise<number>[]): Promise<(number | string)[]> {
  const settled = await Promise.allSettled(tasks);
  return settled.map((end) => {
    if (end.status === "fulfilled") return end.value;
    return end.reason instanceof AppError ? end.reason.reason : "failed";
  });
}

test("a thread that dies fails the task that it had, and the others are done", async () => {
  for (const threads of [1, 2]) {
    await using pool = start({ threads });
    const ways = ["echo", "exit", "echo", "throw", "burst", "echo", "exit", "exit", "echo"];
    const tasks = ways.map((how, i) => pool.run(how, i));
    expect(await ends(tasks)).toEqual([0, "failed", 2, "failed", "failed", 5, "failed", "failed", 8]);
    expect(await pool.run("echo", 9)).toBe(9);
    expect(pool.errors).toEqual([]);
  }
});

test("a task that takes too long is ended, and the next one has its whole time", async () => {
  await using pool = start({ deadlineMs: 1_000 });
  await pool.run("echo");
  const tasks = [pool.run("hang"), pool.run("hang"), pool.run("echo", 3)];
  expect(await ends(tasks)).toEqual(["UNAVAILABLE", "UNAVAILABLE", 3]);
});

test("more than may wait are refused at once", async () => {
  await using pool = start({ waiting: 2 });
  const tasks = [1, 2, 3, 4, 5].map((value) => pool.run("echo", value));
  expect(await ends(tasks)).toEqual([1, 2, 3, "UNAVAILABLE", "UNAVAILABLE"]);
  expect(await pool.run("echo", 6)).toBe(6);
});

test("what a caller who left had waiting is not done", async () => {
  await using pool = start();
  const caller = new AbortController();
  const tasks = [pool.run("echo", 1), pool.run("hang", 2, caller.signal), pool.run("echo", 3)];
  caller.abort(new AppError("CALL_CANCELLED"));
  expect(await ends(tasks)).toEqual([1, "CALL_CANCELLED", 3]);
});

test("closing ends what runs and what waits", async () => {
  const pool = start();
  await pool.run("echo");
  const ended = ends([pool.run("hang"), pool.run("echo")]);
  await pool.close();
  expect(await ended).toEqual(["UNAVAILABLE", "UNAVAILABLE"]);
  expect(await ends([pool.run("echo")])).toEqual(["UNAVAILABLE"]);
  await pool.close();
  await start().close();
});

test("a thread that ended for want of work is started again; it knows no settings", async () => {
  await using pool = start({ idleMs: 1 });
  for (const value of [1, 2, 3]) {
    expect(await pool.run("echo", value)).toBe(value);
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
  expect(await pool.run("settings")).toBe(0);
});
