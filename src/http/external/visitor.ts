import { httpStatus, invalid } from "../../errors.ts";
import type { Logger } from "../../log.ts";
import { toAppError } from "../../rpc/errors.ts";
import { type Exchange, send } from "../exchange.ts";

/** What comes in a query here is for nobody else: not for a cache, not for the next page. */
export const discreet = { "cache-control": "no-store", "referrer-policy": "no-referrer" };
export const plainText = { ...discreet, "content-type": "text/plain; charset=utf-8" };

/** As in WxOauthLoginRequest. */
const longestCode = 512;

/** A parameter that may be left out, but not be there twice. @throws AppError INVALID_REQUEST */
export function single(query: URLSearchParams, field: string): string {
  const [value = "", ...more] = query.getAll(field);
  if (more.length > 0) throw invalid({ field, description: "given twice" });
  return value;
}

/** WeChat's code; empty where somebody refused. @throws AppError INVALID_REQUEST */
export function codeOf(query: URLSearchParams): string {
  const code = single(query, "code");
  if (code.length > longestCode) throw invalid({ field: "code", description: "too long" });
  return code;
}

/** Tells somebody with a browser in plain words that it did not work, and the log why. */
export function refuseVisitor(
  exchange: Exchange,
  thrown: unknown,
  { log, what, failed }: { log: Logger; what: string; failed: string },
): void {
  const error = toAppError(thrown);
  const fields = { path: exchange.path, result: error.reason, requestId: exchange.requestId };
  if (error.reason === "INTERNAL") log.error({ ...fields, err: thrown }, what);
  else log.warn({ ...fields, why: error.why }, what);
  const [broken] = error.violations;
  const why = broken ? `${error.message}: ${broken.field}: ${broken.description}` : error.message;
  const wait: Record<string, string> =
    error.retryAfterMs === undefined ? {} : { "retry-after": `${Math.ceil(error.retryAfterMs / 1000)}` };
  send(exchange, httpStatus(error.reason), { ...plainText, ...wait }, `${failed}\n${why}\n`);
}
