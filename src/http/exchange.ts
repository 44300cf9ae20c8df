import type { IncomingMessage, ServerResponse } from "node:http";
import type { AppError } from "../errors.ts";
import type { Arrival } from "../rpc/call.ts";
import { callerAddress } from "./address.ts";

/**
 * One request and its response. HTTP/2's compatibility objects stand here too: the doors use only
 * what both kinds have.
 */
export interface Exchange {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  /** The path, without host and query. */
  readonly path: string;
  readonly requestId: string;
  /** How many proxies' word of the caller's address is taken. */
  readonly trustedProxies: number;
  /** When the request came in (performance.now()). */
  readonly started: number;
  /** Headers that every response carries. */
  readonly headers: Record<string, string>;
  /** The response is complete, or the caller went away. */
  closed: boolean;
  /** Called when the caller goes away before the response is complete, with CALL_CANCELLED. */
  onGone: ((reason: AppError) => void) | undefined;
}

/** Writes a whole response. One that nobody waits for any more is dropped. */
export function send(
  exchange: Exchange,
  status: number,
  headers: Record<string, string>,
  body: string | Uint8Array,
): void {
  const { res } = exchange;
  if (res.headersSent || exchange.closed) return;
  Object.assign(exchange.headers, headers);
  // A 204 has no body, so it has no length either (RFC 9110, 8.6).
  if (status !== 204) exchange.headers["content-length"] = String(Buffer.byteLength(body));
  res.writeHead(status, exchange.headers);
  res.end(body);
}

/** What the pipeline is told of a request that came in by `door`. */
export function arrivalOf(exchange: Exchange, door: string, timeoutMs?: number): Arrival {
  const { req, requestId, trustedProxies } = exchange;
  const { headers } = req;
  return {
    requestId,
    door,
    timeoutMs,
    get peer() {
      return callerAddress(req, trustedProxies);
    },
    header: (name) => headerText(headers[name]),
  };
}

/** The parameters behind the path's question mark. */
export function queryOf({ req }: Exchange): URLSearchParams {
  const { url = "" } = req;
  const at = url.indexOf("?");
  return new URLSearchParams(at < 0 ? "" : url.slice(at + 1));
}

export function headerText(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(", ") : value;
}
