import { Code, ConnectError } from "@connectrpc/connect";
import { AppError } from "../errors.ts";
import { type Reasons, refusal, unavailable } from "./errors.ts";

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
  signal?: AbortSignal;
}

/** A JSON object of WeChat's without a refusal in it; its fields are still to be checked. */
export type Answer = Record<string, unknown>;

export type Http = ReturnType<typeof createHttp>;

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
  const { origin, pathname } = new URL(base);
  const root = origin + pathname.replace(/\/+$/, "");

  /**
   * GET; the answer's JSON object. Its Content-Type is not looked at: `/sns/` says text/plain.
   * @throws AppError the reason that fits the errcode; WX_UNAVAILABLE for a broken connection, a time-out,
   * a status other than 200 and an answer that is no JSON object or too large; CALL_CANCELLED or
   * DEADLINE_PASSED when `signal` ended the call.
   */
  async function getJson({ path, query, reasons, signal }: JsonCall): Promise<Answer> {
    const where = `GET ${root}${path}`;
    const url = `${root}${path}?${new URLSearchParams(query)}`;
    const answer = parse(where, await exchange(where, url, signal));
    const { errcode = 0, errmsg } = answer;
    if (errcode === 0) return answer;
    if (!Number.isSafeInteger(errcode)) throw unavailable(where, "an errcode that is no integer");
    const text = typeof errmsg === "string" ? withoutValues(errmsg, query) : "";
    throw refusal({ where, errcode: errcode as number, errmsg: text }, reasons);
  }

  async function exchange(where: string, url: string, signal: AbortSignal | undefined): Promise<string> {
    if (signal?.aborted) throw givenUp(where, signal);
    const stop = new AbortController();
    const abort = () => stop.abort();
    const timer = setTimeout(abort, timeoutMs);
    signal?.addEventListener("abort", abort, { once: true });
    try {
      // A redirect would carry the query to a host that nobody chose: it counts as a wrong status.
      const response = await fetch(url, { redirect: "manual", signal: stop.signal });
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

  return { getJson };
}

function parse(where: string, text: string): Answer {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // SyntaxError quotes the text: dropped.
    throw unavailable(where, "an answer that is no JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw unavailable(where, "an answer that is no JSON object");
  }
  return value as Answer;
}

/** The text with every value of the query struck out, should an answer quote the request. */
function withoutValues(text: string, query: Record<string, string>): string {
  const rid = /, rid: [\w-]{1,64}$/.exec(text)?.[0] ?? "";
  let head = text.slice(0, text.length - rid.length);
  for (const value of Object.values(query)) {
    for (const form of [value, encodeURIComponent(value)]) {
      if (form !== "") head = head.replaceAll(form, "***");
    }
  }
  return head + rid;
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

function givenUp(where: string, signal: AbortSignal): AppError {
  const reason: unknown = signal.reason;
  if (reason instanceof AppError) return reason;
  const late =
    (reason instanceof DOMException && reason.name === "TimeoutError") ||
    (reason instanceof ConnectError && reason.code === Code.DeadlineExceeded);
  const cause = new Error(`${where}: the call ended before the answer`);
  return new AppError(late ? "DEADLINE_PASSED" : "CALL_CANCELLED", {}, { cause });
}
