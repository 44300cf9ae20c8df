import { type Answer, parseAnswer } from "./answer.ts";
import { type Reasons, refusal, unavailable } from "./errors.ts";
import { createExchange, type ExchangeOptions, type RawRequest } from "./exchange.ts";

export interface HttpOptions extends ExchangeOptions {
  /** Where WeChat answers: `https://api.weixin.qq.com`, or the simulator. */
  base: string;
}

export interface JsonCall {
  path: string;
  /** May hold secrets: it never stands in an error or a log line. */
  query: Record<string, string>;
  /** What this endpoint's errcodes mean. */
  reasons: Reasons;
  /** The call's own signal. */
  signal?: AbortSignal | undefined;
}

export interface JsonPost extends JsonCall {
  /** Its texts never stand in an error or a log line either. */
  body: Readonly<Record<string, unknown>>;
}

export type Http = ReturnType<typeof createHttp>;

/** The address without a slash, query or fragment at its end. @throws TypeError when it is no URL. */
export function rootOf(base: string): string {
  const { origin, pathname } = new URL(base);
  return origin + pathname.replace(/\/+$/, "");
}

/**
 * HTTP to one of WeChat's hosts.
 *
 * Nothing is repeated here. When a connection breaks before the answer, nobody can tell whether WeChat
 * did the work: asking again uses a one-use code twice or sends a message twice. Whoever knows that its
 * call may be repeated does so itself.
 *
 * WeChat carries secrets in the query. So a failure's cause is written anew, from the address without
 * its query and an error code, and the errors of fetch, which may quote the whole URL, are dropped.
 * @throws TypeError when `base` is no URL.
 */
export function createHttp({ base, ...options }: HttpOptions) {
  const root = rootOf(base);
  const exchange = createExchange(options);

  /**
   * GET; the answer's JSON object. Its Content-Type is not looked at: `/sns/` says text/plain.
   * @throws AppError the reason that fits the errcode; WX_UNAVAILABLE for a broken connection, a time-out,
   * a status other than 200 and an answer that is no JSON object or too large; CALL_CANCELLED or
   * DEADLINE_PASSED when `signal` ended the call.
   */
  async function getJson(call: JsonCall): Promise<Answer> {
    return ask(call, { method: "GET", headers: {} });
  }

  /** POST with a JSON body; the answer's JSON object. @throws AppError as getJson. */
  async function postJson({ body, ...call }: JsonPost): Promise<Answer> {
    const headers = { "content-type": "application/json" };
    return ask(call, { method: "POST", headers, body: JSON.stringify(body) }, textsIn(body));
  }

  async function ask(
    { path, query, reasons, signal }: JsonCall,
    request: Pick<RawRequest, "method" | "headers" | "body">,
    sent: string[] = [],
  ): Promise<Answer> {
    const where = `${request.method} ${root}${path}`;
    const search = new URLSearchParams(query).toString();
    const url = `${root}${path}${search && `?${search}`}`;
    const { body } = await exchange({ ...request, where, url, signal, only: 200 });
    const answer = parseAnswer(where, Buffer.from(body).toString("utf8"));
    const { errcode = 0, errmsg } = answer;
    if (errcode === 0) return answer;
    if (!Number.isSafeInteger(errcode)) throw unavailable(where, "an errcode that is no integer");
    const text = typeof errmsg === "string" ? without([...Object.values(query), ...sent], errmsg) : "";
    throw refusal({ where, errcode: errcode as number, errmsg: text }, reasons);
  }

  return { getJson, postJson };
}

/** Every text of a body, however deep. */
function textsIn(value: unknown): string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(textsIn) : [];
}

/** The text with every value struck out, should an answer quote the request; its rid stays. */
function without(values: string[], text: string): string {
  const rid = /, rid: [\w-]{1,64}$/.exec(text)?.[0] ?? "";
  const forms = values.flatMap((value) => [
    value,
    encodeURIComponent(value.toWellFormed()),
    JSON.stringify(value).slice(1, -1),
  ]);
  // In one pass, the longest first: a value may stand in another one, and in what replaces it.
  const found = [...new Set(forms)]
    .filter((form) => form !== "")
    .sort((a, b) => b.length - a.length)
    .map((form) => form.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&"));
  if (found.length === 0) return text;
  const head = text.slice(0, text.length - rid.length);
  return head.replace(new RegExp(found.join("|"), "g"), "***") + rid;
}
