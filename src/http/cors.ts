import type { IncomingMessage } from "node:http";
import { cors } from "@connectrpc/connect";

/** How long a browser may keep the answer to its preflight (s). */
const maxAge = 7200;

const allowedHeaders = [...cors.allowedHeaders, "Authorization", "X-Request-Id"].join(", ");
const exposedHeaders = [...cors.exposedHeaders, "X-Request-Id", "Retry-After"].join(", ");

/** What a browser has to be told (https://fetch.spec.whatwg.org/#http-cors-protocol). */
export interface Cors {
  /** Headers for a response to the request; none when no origin may call. */
  headersFor(req: IncomingMessage): Record<string, string> | undefined;
}

export function createCors(origins: readonly string[]): Cors {
  const allowed = new Set(origins);
  return {
    headersFor(req) {
      if (allowed.size === 0) return undefined;
      const { origin } = req.headers;
      const headers: Record<string, string> = { vary: "Origin" };
      if (origin === undefined || !allowed.has(origin)) return headers;
      headers["access-control-allow-origin"] = origin;
      headers["access-control-expose-headers"] = exposedHeaders;
      return headers;
    },
  };
}

/** Whether a browser asks beforehand if it may call. */
export function isPreflight(req: IncomingMessage): boolean {
  return (
    req.method === "OPTIONS" &&
    req.headers.origin !== undefined &&
    req.headers["access-control-request-method"] !== undefined
  );
}

export const preflightHeaders: Record<string, string> = {
  "access-control-allow-methods": "POST, GET, PUT, DELETE",
  "access-control-allow-headers": allowedHeaders,
  "access-control-max-age": String(maxAge),
};
