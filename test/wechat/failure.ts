import { inspect } from "node:util";
import { AppError } from "../../src/errors.ts";

/** The AppError that a promise must fail with. */
export async function failure(promise: Promise<unknown>): Promise<AppError> {
  const error = await promise.then(
    (value) => new Error(`succeeded with ${inspect(value)}`),
    (reason: unknown) => reason,
  );
  if (!(error instanceof AppError)) throw error;
  return error;
}

/** Everything that a log or a careless door could print of an error. */
export function printed(error: AppError): string {
  const parts = [
    inspect(error, { depth: Number.POSITIVE_INFINITY, showHidden: true, getters: true }),
    JSON.stringify(error),
    String(error),
  ];
  for (let e: unknown = error; e instanceof Error; e = e.cause) parts.push(e.message, e.stack ?? "");
  return parts.join("\n");
}
