import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";

/**
 * Who sent a request. X-Forwarded-For counts only as far as trusted proxies wrote it: each adds whom it got
 * the request from at the right end, so the caller is the `proxies`-th from there, and what stands to the
 * left of it is the caller's own word. Without the header, or with no address in that place, it is whoever
 * opened the connection.
 */
export function callerAddress({ headers, socket }: IncomingMessage, proxies: number): string {
  const peer = socket.remoteAddress ?? "";
  if (proxies === 0) return peer;
  const chain = `${headers["x-forwarded-for"] ?? ""}`.split(",");
  // Fewer than there are proxies: the request came in behind the first of them.
  const named = withoutPort((chain.at(-proxies) ?? chain[0] ?? "").trim());
  return isIP(named) ? named : peer;
}

/** Some proxies write `192.0.2.1:4711` or `[2001:db8::1]:4711`. */
function withoutPort(text: string): string {
  return /^\[([^\]]*)\](?::\d+)?$/.exec(text)?.[1] ?? /^([\d.]+):\d+$/.exec(text)?.[1] ?? text;
}
