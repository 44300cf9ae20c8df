import type { JsonObject } from "@bufbuild/protobuf";
import { httpStatus } from "../../errors.ts";
import { oauthPath } from "../external/wechat-oauth.ts";
import { isOwnPath } from "../own-path.ts";
import { type PageOrigins, refuseForeignWrite } from "./pulse-origin.ts";
import { pulseRoutes } from "./pulse-routes.ts";
import type { Dialect, Failure, Incoming, Refusal } from "./table.ts";

export interface PulseOptions {
  origins: PageOrigins;
  /** Whether browsers may be sent to that URL of another server's. */
  isAllowedPage(url: string): boolean;
  /** What the session cookie carries besides its value. */
  cookieAttributes: string;
}

/**
 * The pulse pages inside WeChat. They are signed in by the session cookie that /wx/oauth sets; programs may
 * bring an access token instead. Nothing else of the contract takes the cookie: the RPC paths are open to
 * pages of other origins, and what a browser sends by itself must open nothing there.
 */
export function pulse({ origins, isAllowedPage, cookieAttributes }: PulseOptions): Dialect {
  return {
    name: "pulse",
    doc: pulseDocument,
    credential: "bearer",
    prefix: ["/wx/", "/pulse/"],
    routes: pulseRoutes,
    admit: (incoming, caller) => refuseForeignWrite(incoming, caller, origins),
    errors: {
      rows: {
        TOKEN_MISSING: { status: 401, text: "nobody is signed in" },
        MEASUREMENT_UNPAID: { status: 402 },
        MEASUREMENTS_FULL: { status: 409 },
        ALREADY_PAID: { status: 409 },
        NOTHING_TO_PAY: { status: 409 },
        SIGNAL_POOR: { status: 422 },
      },
      otherwise: ({ reason }) => ({ status: httpStatus(reason) }),
      write: (failure) => writeFailure(failure, isAllowedPage),
    },
    cookieAttributes,
  };
}

const pulseDocument = [
  "The pulse pages of an official account: measurements of the person who looks at them.",
  "`GET /wx/oauth?redirect_uri=…&scope=snsapi_base|snsapi_userinfo` begins a sign-in: it sends the browser to WeChat, which sends it back to `GET /wx/oauth/callback?code=…&state=…`; signed in, it goes on to redirect_uri, a path of this server or a page listed in WECHAT_PAGES.",
  "The session is the cookie `sid` (HttpOnly, SameSite=Lax, Secure outside the sandbox, Domain as COOKIE_DOMAIN says); it ends like any other session of the person, in `User.ListSessions` and elsewhere. An access token in `Authorization: Bearer` does instead of it.",
  "A write with the cookie needs a JSON body, or none, from a page of this server or of an origin in CORS_ORIGINS.",
  "Failures are `{error, message}`, with `details` where there is more to say. A browser that opens a URL without being signed in is sent to /wx/oauth (302); a script gets 401 and, in `login`, where to send the browser.",
  "`GET` and `POST /wx` take WeChat's verification and events, as `/wx/callback` does.",
].join(" ");

function writeFailure(failure: Failure, isAllowedPage: PulseOptions["isAllowedPage"]): Refusal {
  const { status, reason, code = reason, text, metadata, incoming } = failure;
  // Logging out twice.
  if (status === 200) return { json: {} };
  const json: JsonObject = { error: code, message: text };
  if (Object.keys(metadata).length > 0) json.details = { ...metadata };
  if (status !== 401) return { json };
  if (isNavigation(incoming)) return { status: 302, headers: { location: signInFor(pageOf(incoming)) } };
  const referer = incoming.header("referer") ?? "";
  const login = signInFor(isAllowedPage(referer) ? referer : "");
  return { json: { ...json, login } };
}

/** Whether a browser opens the URL, instead of a script that asks for it. */
function isNavigation({ method, header }: Incoming): boolean {
  if (method !== "GET" && method !== "HEAD") return false;
  return header("sec-fetch-mode") === "navigate" || /\btext\/html\b/i.test(header("accept") ?? "");
}

function pageOf({ path, query }: Incoming): string {
  const page = query.size > 0 ? `${path}?${query}` : path;
  return isOwnPath(page) ? page : "";
}

function signInFor(page: string): string {
  return page === "" ? oauthPath : `${oauthPath}?redirect_uri=${encodeURIComponent(page)}`;
}
