import type { Piscina } from "piscina";
import { AppError } from "../../errors.ts";

export interface ThreadsOptions {
  /** The module whose default export does a task. */
  file: URL;
  /** How many tasks run at once, each in a thread of its own. */
  threads: number;
  /** How many more may wait. */
  waiting: number;
  /** How long a task may run (ms). */
  deadlineMs: number;
  /** After how long without work a thread ends (ms). */
  idleMs: number;
  /** Told of a thread that failed while it had no task. */
  onError(error: unknown): void;
}

/** Threads that start when there is a task and end when there has been none for a while. */
export function createThreads<Task, Result>(options: ThreadsOptions) {
  const { threads, waiting, deadlineMs, onError } = options;
  let pool: Promise<Piscina> | undefined;
  let running = 0;
  /** Each lets one go on that waits. They wait here and not in the pool, so that its time runs for none of them. */
  const queue: (() => void)[] = [];
  let closed = false;

  async function open(): Promise<Piscina> {
    // Loaded when it is needed: 40 ms and 8 MB.
    const { Piscina } = await import("piscina");
    const opened = new Piscina({
      filename: options.file.href,
      minThreads: 0,
      maxThreads: threads,
      idleTimeout: options.idleMs,
      recordTiming: false,
      // A thread gets its task and nothing else: no settings, so no secrets.
      env: {},
      resourceLimits: { maxOldGenerationSizeMb: 256 },
    });
    return opened.on("error", onError);
  }

  async function inThread(task: Task): Promise<Result> {
    const signal = AbortSignal.timeout(deadlineMs);
    pool ??= open();
    try {
      return await (await pool).run(task, { signal });
    } catch (error) {
      if (closed || signal.aborted) throw new AppError("UNAVAILABLE", {}, { cause: error });
      throw error;
    }
  }

  return {
    /**
     * Does a task; one whose caller went away while it waited is left. A thread that dies or takes too
     * long fails the task that it had and no other.
     * @throws AppError UNAVAILABLE when too many wait, it takes too long or the threads are closed
     */
    async run(task: Task, caller: AbortSignal): Promise<Result> {
      if (running < threads) running++;
      else if (queue.length < waiting) await new Promise<void>((resolve) => queue.push(resolve));
      else throw new AppError("UNAVAILABLE", {}, { cause: new Error("too many wait for a thread") });
      try {
        caller.throwIfAborted();
        if (closed) throw new AppError("UNAVAILABLE");
        return await inThread(task);
      } finally {
        const next = queue.shift();
        if (next) next();
        else running--;
      }
    },

    /** Ends the threads, whatever they do. */
    async close(): Promise<void> {
      closed = true;
      await (await pool)?.destroy();
    },
  };
}
