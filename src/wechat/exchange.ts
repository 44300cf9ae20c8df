import { AppError, connectionFailure } from "../errors.ts";
import { givenUp, unavailable } from "./errors.ts";

export interface ExchangeOptions {
  fetch?: typeof globalThis.fetch;
  /** For the whole exchange, the answer's body included; 5 s unless told. */
  timeoutMs?: number;
  /** Decoded bytes; 1 MiB unless told. */
  maxAnswerBytes?: number;
}

export interface RawRequest {
  /** Method and address for the log. */
  where: string;
  url: string;
  method: string;
  headers: Record<string, string>;
  /** None for a GET. */
  body?: string | undefined;
  signal: AbortSignal | undefined;
  /** The only status worth reading: any other is WX_UNAVAILABLE, and its body is not waited for. */
  only?: number;
}

/** An answer as it came, whatever its status; nobody has checked yet who sent it. */
export interface RawAnswer {
  status: number;
  /** A header by its name in lower case. */
  header(name: string): string | undefined;
  body: Uint8Array;
}

export type Exchange = (request: RawRequest) => Promise<RawAnswer>;

/**
 * One HTTP exchange, never repeated, and never redirected to a host that nobody chose. It hands over
 * bytes, headers and status, for WeChat Pay's signature is over the bytes, of refusals too.
 *
 * The errors of fetch are dropped: they may quote the request with its query and its Authorization.
 * @throws AppError (from the exchange) WX_UNAVAILABLE for a broken connection, a time-out and an answer
 * that is too large; CALL_CANCELLED or DEADLINE_PASSED when `signal` ended the call.
 */
export function createExchange({
  fetch = globalThis.fetch,
  timeoutMs = 5_000,
  maxAnswerBytes = 1024 * 1024,
}: ExchangeOptions): Exchange {
  async function read(where: string, response: Response): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of response.body ?? []) {
      size += chunk.byteLength;
      if (size > maxAnswerBytes) throw unavailable(where, `an answer of more than ${maxAnswerBytes} bytes`);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  }

  return async function exchange({ where, url, method, headers, body, signal, only }) {
    if (signal?.aborted) throw givenUp(where, signal);
    const stop = new AbortController();
    const abort = () => stop.abort();
    const timer = setTimeout(abort, timeoutMs);
    signal?.addEventListener("abort", abort, { once: true });
    try {
      const sent = { method, headers, redirect: "manual", signal: stop.signal } as const;
      const response = await fetch(url, body === undefined ? sent : { ...sent, body });
      if (only !== undefined && response.status !== only) throw unavailable(where, `HTTP ${response.status}`);
      const header = (name: string) => response.headers.get(name) ?? undefined;
      return { status: response.status, header, body: await read(where, response) };
    } catch (error) {
      const timedOut = stop.signal.aborted;
      stop.abort(); // lets go of a body nobody reads
      if (signal?.aborted) throw givenUp(where, signal);
      if (error instanceof AppError) throw error;
      throw unavailable(where, timedOut ? `no answer within ${timeoutMs} ms` : connectionFailure(error));
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
    }
  };
}
