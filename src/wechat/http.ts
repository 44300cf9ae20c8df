import { AppError } from "../errors.ts";
import { type Answer, parseAnswer } from "./answer.ts";
import { givenUp, type Reasons, refusal, unavailable } from "./errors.ts";

export interface HttpOptions {
  /** Where WeChat answers: `https://api.weixin.qq.com`, or the simulator. */
  base: string;
  fetch?: typeof globalThis.fetch;
  /** For the whole exchange, the answer's body included; 5 s unless told. */
  timeoutMs?: number;
  /** Decoded bytes; 1 MiB unless told. */
  maxAnswerBytes?: number;
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
export function createHttp({
  base,
  fetch = globalThis.fetch,
  timeoutMs = 5_000,
  maxAnswerBytes = 1024 * 1024,
}: HttpOptions) {
  const root = rootOf(base);

  /**
   * GET; the answer's JSON object. Its Content-Type is not looked at: `/sns/` says text/plain.
   * @throws AppError the reason that fits the errcode; WX_UNAVAILABLE for a broken connection, a time-out,
   * a status other than 200 and an answer that is no JSON object or too large; CALL_CANCELLED or
   * DEADLINE_PASSED when `signal` ended the call.
   */
  async function getJson(call: JsonCall): Promise<Answer> {
    return ask(call, { method: "GET" });
  }

  /** POST with a JSON body; the answer's JSON object. @throws AppError as getJson. */
  async function postJson({ body, ...call }: JsonPost): Promise<Answer> {
    const headers = { "content-type": "application/json" };
    return ask(call, { method: "POST", headers, body: JSON.stringify(body) }, textsIn(body));
  }

  async function ask(
    { path, query, reasons, signal }: JsonCall,
    init: RequestInit,
    sent: string[] = [],
  ): Promise<Answer> {
    const where = `${init.method} ${root}${path}`;
    const search = new URLSearchParams(query).toString();
    const url = `${root}${path}${search && `?${search}`}`;
    const answer = parseAnswer(where, await exchange({ where, url, init }, signal));
    const { errcode = 0, errmsg } = answer;
    if (errcode === 0) return answer;
    if (!Number.isSafeInteger(errcode)) throw unavailable(where, "an errcode that is no integer");
    const text = typeof errmsg === "string" ? without([...Object.values(query), ...sent], errmsg) : "";
    throw refusal({ where, errcode: errcode as number, errmsg: text }, reasons);
  }

  async function exchange(
    { where, url, init }: { where: string; url: string; init: RequestInit },
    signal: AbortSignal | undefined,
  ): Promise<string> {
    if (signal?.aborted) throw givenUp(where, signal);
    const stop = new AbortController();
    const abort = () => stop.abort();
    const timer = setTimeout(abort, timeoutMs);
    signal?.addEventListener("abort", abort, { once: true });
    try {
      // A redirect would carry the query to a host that nobody chose: it counts as a wrong status.
      const response = await fetch(url, { ...init, redirect: "manual", signal: stop.signal });
      if (response.status !== 200) throw unavailable(where, `HTTP ${response.status}`);
      return await readText(where, response);
    } catch (error) {
      const timedOut = stop.signal.aborted;
      stop.abort(); // lets go of a body nobody reads
      if (signal?.aborted) throw givenUp(where, signal);
      if (error instanceof AppError) throw error;
      throw unavailable(where, timedOut ? `no answer within ${timeoutMs} ms` : codeOf(error));
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
    }
  }

  async function readText(where: string, response: Response): Promise<string> {
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of response.body ?? []) {
      size += chunk.byteLength;
      if (size > maxAnswerBytes) throw unavailable(where, `an answer of more than ${maxAnswerBytes} bytes`);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString("utf8");
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

/** ECONNRESET, UND_ERR_SOCKET, …: the first code down the causes, which is all that is safe to show. */
function codeOf(error: unknown): string {
  for (let e = error; e instanceof Error; e = e.cause) {
    const { code } = e as Error & { code?: unknown };
    if (typeof code === "string" && /^[A-Z][A-Z0-9_]{1,40}$/.test(code))
      return `the connection failed: ${code}`;
  }
  return "the connection failed";
}
