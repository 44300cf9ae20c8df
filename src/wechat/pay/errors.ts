import { AppError, type Reason } from "../../errors.ts";
import { unavailable } from "../errors.ts";
import type { RawAnswer } from "../exchange.ts";
import { parseFields } from "./fields.ts";

/**
 * The codes that are no refusal of what was asked for
 * (the table at the end of each method, such as https://pay.weixin.qq.com/doc/v3/merchant/4012556398).
 */
const reasons: Readonly<Record<string, Reason>> = {
  SIGN_ERROR: "WX_MISCONFIGURED", // the merchant's key or its serial
  NO_AUTH: "WX_MISCONFIGURED", // the merchant may not use this
  MCH_NOT_EXISTS: "WX_MISCONFIGURED",
  APPID_MCHID_NOT_MATCH: "WX_MISCONFIGURED", // the app is not bound to the merchant
  SYSTEM_ERROR: "WX_UNAVAILABLE",
  BANK_ERROR: "WX_UNAVAILABLE",
  FREQUENCY_LIMITED: "WX_UNAVAILABLE",
  RATELIMIT_EXCEEDED: "WX_UNAVAILABLE",
  RULE_LIMIT: "WX_UNAVAILABLE", // asked too often as well, under a rule of this method's
};

/** How much of WeChat Pay's text goes into the log. */
const longestMessage = 300;

/** The code of an answer that is no success; undefined when it tells none. */
export function codeOf({ body }: Pick<RawAnswer, "body">): string | undefined {
  try {
    const code = parseFields(body).text("code");
    return /^[A-Z0-9_]{1,64}$/.test(code) ? code : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The error for a verified answer that is no success. The caller is told the reason and `code`; WeChat
 * Pay's text is kept in the cause, with the number that its support asks for.
 */
export function refusal({ where, ...answer }: RawAnswer & { where: string }): AppError {
  const { status } = answer;
  const code = codeOf(answer);
  if (code === undefined) return unavailable(where, `HTTP ${status} without a code`);
  const busy = status === 429 || status >= 500;
  const reason = reasons[code] ?? (busy ? "WX_UNAVAILABLE" : "WX_PAY_REFUSED");
  const cause = new Error(`${where}: HTTP ${status} ${code}: ${messageOf(answer)}${requestIdOf(answer)}`);
  return new AppError(reason, { code }, { cause });
}

/** The error for an answer that nobody vouches for: what it says is shown in the log and not believed. */
export function unverified(answer: RawAnswer & { where: string }, why: string): AppError {
  const { where, status } = answer;
  const claim = status === 200 ? "" : ` ${codeOf(answer) ?? ""}`.trimEnd();
  return unavailable(where, `HTTP ${status}${claim}, not to be believed: ${why}${requestIdOf(answer)}`);
}

/** What looks like a key, a signature or an openid is struck out, should the text quote the request. */
function messageOf({ body }: RawAnswer): string {
  try {
    const message = parseFields(body).anyText("message", 8192);
    return message.replace(/[\w+/=-]{24,}/g, "***").slice(0, longestMessage);
  } catch {
    return "";
  }
}

function requestIdOf({ header }: RawAnswer): string {
  const id = header("request-id") ?? "";
  return /^[\w-]{1,128}$/.test(id) ? `, request ${id}` : "";
}
