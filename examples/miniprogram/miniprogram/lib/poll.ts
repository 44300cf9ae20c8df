import { pollEveryMs } from "../config";

/** Calls `look` every few seconds from start to stop, as long as `wanted` says yes. */
export function polling(look: () => Promise<void>, wanted: () => boolean) {
  let timer = 0;

  function wait(): void {
    timer = setTimeout(async () => {
      const mine = timer;
      if (wanted()) await look();
      // Stopped, or started anew, while it looked.
      if (timer === mine) wait();
    }, pollEveryMs);
  }

  return {
    start(): void {
      clearTimeout(timer);
      wait();
    },
    stop(): void {
      clearTimeout(timer);
      timer = 0;
    },
  };
}
