import type { App } from "../app.ts";
import { isAllowedPage } from "../services/allowed-pages.ts";
import { sidAttributes } from "./cookies.ts";
import type { PageOrigins } from "./dialects/pulse-origin.ts";

/** What the doors for browsers know of the deployment. */
export interface Browsers {
  /** Whether browsers may be sent to that URL of another server's. */
  isAllowedPage(url: string): boolean;
  /** Where a browser goes that names no page. */
  defaultPage: string;
  /** What the session cookie carries besides its value. */
  cookieAttributes: string;
  origins: PageOrigins;
  /**
   * The server's address as a browser sees it whose requests go to `host`: PUBLIC_URL, or in the sandbox
   * what the browser calls it, since its cookies belong to that name. Undefined where neither is known.
   */
  addressFor(host: string | undefined): string | undefined;
}

const anyHost = /^(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i;
const loopback = /^(?:127\.0\.0\.1|localhost|\[::1\])(?::\d{1,5})?$/;

export function browsers(settings: App["settings"]): Browsers {
  const { PUBLIC_URL, WECHAT_PAGES, CORS_ORIGINS, COOKIE_DOMAIN: domain, sandbox } = settings;
  const ownHost = settings.SANDBOX_REMOTE ? anyHost : loopback;
  const own = PUBLIC_URL ? [new URL(PUBLIC_URL).origin] : [];
  return {
    isAllowedPage: (url) => isAllowedPage(url, WECHAT_PAGES, { loopback: sandbox }),
    defaultPage: WECHAT_PAGES[0] ?? "/wx/api/measurements",
    cookieAttributes: sidAttributes({ secure: !sandbox, domain }),
    origins: { listed: [...CORS_ORIGINS, ...own], scheme: sandbox ? "http" : "https" },
    addressFor(host) {
      if (PUBLIC_URL) return PUBLIC_URL.replace(/\/+$/, "");
      return sandbox && host !== undefined && ownHost.test(host) ? `http://${host}` : undefined;
    },
  };
}
