import { Code, ConnectError } from "@connectrpc/connect";
import { AppError, type Reason } from "../errors.ts";

/** What WeChat's errcodes mean to our callers. */
export type Reasons = Readonly<Record<number, Reason>>;

/**
 * The codes that mean the same on every endpoint
 * (https://developers.weixin.qq.com/doc/oplatform/developers/errCode/errCode.html).
 */
const everywhere: Reasons = {
  [-1]: "WX_UNAVAILABLE",
  40001: "WX_MISCONFIGURED", // secret or access token
  40013: "WX_MISCONFIGURED", // appid
  40125: "WX_MISCONFIGURED", // secret
  40164: "WX_MISCONFIGURED", // this server's address is not on the app's list
  40243: "WX_MISCONFIGURED", // secret frozen
  41002: "WX_MISCONFIGURED", // appid missing
  41004: "WX_MISCONFIGURED", // secret missing
  45011: "RATE_LIMITED", // by the minute
  48001: "WX_MISCONFIGURED", // the account has no right to this API
};

/** WeChat counts its 45011 by the minute. */
const rateWindowMs = 60_000;

/** How much of WeChat's text goes into the log. */
const longestErrmsg = 300;

/** One refusal of WeChat's; `errmsg` must be free of secrets, it is logged with its rid. */
export interface Refusal {
  where: string;
  errcode: number;
  errmsg: string;
}

/**
 * The error for an answer with an errcode other than 0. The caller is told the reason and `errcode`;
 * WeChat's text, which ends in the rid that its support asks for, is kept in the cause.
 * A code that neither table knows is WX_UNAVAILABLE: nothing says that it is the caller's fault.
 * @param own what this endpoint's codes mean; goes before the common ones.
 */
export function refusal({ where, errcode, errmsg }: Refusal, own: Reasons): AppError {
  const reason = own[errcode] ?? everywhere[errcode] ?? "WX_UNAVAILABLE";
  return new AppError(
    reason,
    { errcode: String(errcode) },
    {
      retryAfterMs: reason === "RATE_LIMITED" ? rateWindowMs : undefined,
      cause: new Error(`${where}: errcode ${errcode}: ${errmsg.slice(0, longestErrmsg)}`),
    },
  );
}

/** WX_UNAVAILABLE: no answer, or one that makes no sense. `what` is logged and must be free of secrets. */
export function unavailable(where: string, what: string): AppError {
  return new AppError("WX_UNAVAILABLE", {}, { cause: new Error(`${where}: ${what}`) });
}

/** DEADLINE_PASSED or CALL_CANCELLED, by why the call's own signal ended it; an AppError comes as it is. */
export function givenUp(where: string, signal: AbortSignal): AppError {
  const reason: unknown = signal.reason;
  if (reason instanceof AppError) return reason;
  const late =
    (reason instanceof DOMException && reason.name === "TimeoutError") ||
    (reason instanceof ConnectError && reason.code === Code.DeadlineExceeded);
  const cause = new Error(`${where}: the call ended before the answer`);
  return new AppError(late ? "DEADLINE_PASSED" : "CALL_CANCELLED", {}, { cause });
}
