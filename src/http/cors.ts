import type { IncomingMessage } from "node:http";
import { cors } from "@connectrpc/connect";

/** How long a browser may keep the answer to its preflight (s). */
const maxAge = 7200;

const allowedHeaders = [...cors.allowedHeaders, "Authorization", "X-Request-Id"].join(", ");
const exposedHeaders = [...cors.exposedHeaders, "X-Request-Id", "Retry-After"].join(", ");

/** What a browser has to be told (https://fetch.spec.whatwg.org/#http-cors-protocol). */
export interface Cors {
  /** Headers for a response to the request at that path; none when no origin may call. */
  headersFor(req: IncomingMessage, path: string): Record<string, string> | undefined;
}

/** Only pages of the listed origins may call, and only where `readsCookies` says so with their cookies. */
export function createCors(origins: readonly string[], readsCookies: (path: string) => boolean): Cors {
  const allowed = new Set(origins);
  return {
    headersFor(req, path) {
      if (allowed.size === 0) return undefined;
      const { origin } = req.headers;
      const headers: Record<string, string> = { vary: "Origin" };
      if (origin === undefined || !allowed.has(origin)) return headers;
      headers["access-control-allow-origin"] = origin;
      headers["access-control-expose-headers"] = exposedHeaders;
      if (readsCookies(path)) headers["access-control-allow-credentials"] = "true";
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
