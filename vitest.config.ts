import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // Files share what takes seconds to start: PGlite, the modules.
    isolate: false,
    // Much of the time is waiting for processes: one worker would leave a second core idle.
    maxWorkers: 2,
    // Starting processes and PGlite takes seconds on a busy machine; no test measures time.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
