import { AppError } from "../errors.ts";

/**
 * What the work gives, if that is within `ms`. Late work goes on, and nobody hears how it ends.
 * @throws AppError DEADLINE_PASSED
 */
export async function inTime<T>(work: Promise<T>, ms: number): Promise<T> {
  work.catch(() => {});
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new AppError("DEADLINE_PASSED")), ms);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}
