import type { Caller, Incoming, Row } from "./table.ts";

/** Whose pages may write with a browser's session. */
export interface PageOrigins {
  /** Origins that are listed, and the server's own if it is known. */
  listed: readonly string[];
  /** Of the server's own pages; their host is the request's. */
  scheme: "http" | "https";
}

const jsonType = /^application\/json\s*(?:;|$)/i;

/**
 * Refuses a write that another site's page may have made in a browser that is signed in. The cookie is
 * SameSite=Lax; this is for what that leaves: sibling subdomains, and browsers that don't know it.
 *
 * - The body is JSON, which no form can send, and no script of another origin without being asked for by
 *   a preflight.
 * - Origin, which browsers send with every POST, has to be the server's own or a listed one; without it
 *   Sec-Fetch-Site has to be same-origin.
 * - Old WebViews and programs send neither. They get in with a JSON type, if no Referer says that the page
 *   is another's: a browser that can be made to send that type across origins names the origin.
 */
export function refuseForeignWrite(
  incoming: Incoming,
  { identity }: Caller,
  origins: PageOrigins,
): Row | undefined {
  const bySession = identity !== undefined && incoming.header("authorization") === undefined;
  if (!bySession || incoming.method === "GET" || incoming.method === "HEAD") return undefined;
  const type = incoming.header("content-type");
  const isJson = type !== undefined && jsonType.test(type);
  if (!isJson && (type !== undefined || incoming.text !== "")) {
    return { status: 415, code: "INVALID_REQUEST", text: "content-type: expected application/json" };
  }
  const own = ownWord(incoming, origins);
  const allowed = own ?? (isJson && isOwn(refererOf(incoming), incoming, origins) !== false);
  return allowed
    ? undefined
    : { status: 403, code: "ACCESS_DENIED", text: "the request comes from another site" };
}

/** What the browser says of the page that made the request; undefined if nothing. */
function ownWord(incoming: Incoming, origins: PageOrigins): boolean | undefined {
  const origin = incoming.header("origin");
  if (origin !== undefined) return isOwn(origin, incoming, origins);
  const site = incoming.header("sec-fetch-site");
  return site === undefined ? undefined : site === "same-origin";
}

function isOwn(
  origin: string | undefined,
  incoming: Incoming,
  { listed, scheme }: PageOrigins,
): boolean | undefined {
  if (origin === undefined) return undefined;
  const host = incoming.header("host") ?? incoming.header(":authority");
  return listed.includes(origin) || (host !== undefined && origin === `${scheme}://${host}`);
}

function refererOf(incoming: Incoming): string | undefined {
  const referer = incoming.header("referer");
  return referer === undefined ? undefined : (URL.parse(referer)?.origin ?? "null");
}
