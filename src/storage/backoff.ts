import { setTimeout as delay } from "node:timers/promises";

/** Waits before try number `attempt` (from 0): a random time of up to 2, 4, 8, … 32 ms, so that rivals part. */
export function backoff(attempt: number): Promise<void> {
  return delay(1 + Math.random() * 2 ** Math.min(attempt + 1, 5));
}
