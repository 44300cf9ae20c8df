/** How often something was asked in the window that runs. */
export interface Quota {
  /** Unix ms; when the window began. */
  since: number;
  calls: number;
}

/**
 * Counts a call, in a new window when the last one is over.
 * @param windowMs how long a window is
 * @returns how many calls the window has now.
 */
export function count(quota: Quota, now: number, windowMs: number): number {
  if (now - quota.since >= windowMs) {
    quota.since = now;
    quota.calls = 0;
  }
  quota.calls += 1;
  return quota.calls;
}
