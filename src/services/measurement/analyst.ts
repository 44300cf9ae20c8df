import { availableParallelism } from "node:os";
import type { App } from "../../app.ts";
import type { AnalysisResult, AnalysisTask } from "./analysis.ts";
import { createThreads } from "./threads.ts";

/** How many more analyses than threads may be asked for at once. */
const waiting = 64;
/** How long one may take (ms): 60 s of a wave take some 20 ms, an hour 2 s. */
const deadlineMs = 15_000;
const idleMs = 30_000;

/** Has waves analysed off the event loop. */
export function createAnalyst({ settings, log }: Pick<App, "settings" | "log">) {
  const threads = createThreads<AnalysisTask, AnalysisResult>({
    file: new URL("./analysis.ts", import.meta.url),
    threads: settings.WORKERS ?? Math.max(1, availableParallelism() - 1),
    waiting,
    deadlineMs,
    idleMs,
    onError: (error) => log.error({ err: error }, "a thread for analyses failed"),
  });

  return {
    /** @throws AppError UNAVAILABLE when too many wait or it takes too long */
    analyze({ packed, ...task }: AnalysisTask, caller: AbortSignal): Promise<AnalysisResult> {
      // A driver's buffer may be a view of a larger one, all of which would be copied.
      return threads.run({ ...task, packed: new Uint8Array(packed) }, caller);
    },
    close: threads.close,
  };
}

export type Analyst = ReturnType<typeof createAnalyst>;
