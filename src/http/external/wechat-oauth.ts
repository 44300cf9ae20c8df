import type { WebCookie, WebSessions } from "../../auth/web-sessions.ts";
import { AppError, invalid } from "../../errors.ts";
import type { Logger } from "../../log.ts";
import { deviceOf } from "../../services/wx/sign-in.ts";
import type { Wechat } from "../../wechat/wechat.ts";
import { callerAddress } from "../address.ts";
import { cookieText, cookieValues, sidName } from "../cookies.ts";
import { type Exchange, queryOf, send } from "../exchange.ts";
import { isOwnPath } from "../own-path.ts";
import { codeOf, discreet, plainText, refuseVisitor, single } from "./visitor.ts";

export const oauthPath = "/wx/oauth";
export const oauthCallbackPath = "/wx/oauth/callback";

const longestTarget = 2048;

const notBegun =
  "登录请求无效、已使用或已过期，请重新打开页面。\nThe sign-in was not begun in this browser, was used or took too long: open the page again.\n";
const notAllowed = "您没有允许登录。\nYou did not allow the sign-in.\n";
const failed = "登录没有成功，请稍后重试。";

export interface WechatOauthOptions {
  sessions: Pick<WebSessions, "begin" | "targetOf" | "signIn">;
  /** Who came back with that code. Asked once a code. */
  visitor(coming: { code: string; requestId: string }): Promise<{ uid: number; appid: string }>;
  authorizeUrl: Wechat["authorizeUrl"];
  /** Whether browsers may be sent to that URL of another server's. */
  isAllowedPage(url: string): boolean;
  /** Where a browser goes that names no page. */
  defaultPage: string;
  /** The server's address as the browser sees it. */
  address(exchange: Exchange): string;
  cookieAttributes: string;
  /** Counts sign-ins that begin. @throws AppError RATE_LIMITED */
  limit?: ((peer: string) => Promise<void>) | undefined;
  log: Logger;
}

/**
 * The page authorisation of the official account, for browsers that keep a cookie:
 * `GET /wx/oauth?redirect_uri=…&scope=…` sends them to WeChat, which sends them back to
 * `GET /wx/oauth/callback?code=…&state=…`, and that one, signed in, to redirect_uri.
 * (https://developers.weixin.qq.com/doc/service/guide/h5/auth.html)
 */
export function createWechatOauth(options: WechatOauthOptions) {
  const { sessions, log } = options;

  /** @throws AppError INVALID_REQUEST, WX_PAGE_NOT_ALLOWED */
  function targetOf(query: URLSearchParams): string {
    const target = single(query, "redirect_uri");
    if (target === "") return options.defaultPage;
    if (target.length > longestTarget) throw invalid({ field: "redirect_uri", description: "too long" });
    if (!isOwnPath(target) && !options.isAllowedPage(target)) throw new AppError("WX_PAGE_NOT_ALLOWED");
    return target;
  }

  async function begin(exchange: Exchange): Promise<void> {
    await options.limit?.(callerAddress(exchange.req, exchange.trustedProxies));
    const query = queryOf(exchange);
    const target = targetOf(query);
    const scope = scopeOf(single(query, "scope"));
    const { state, cookie } = await sessions.begin(sidsOf(exchange), target);
    const redirectUri = options.address(exchange) + oauthCallbackPath;
    go(exchange, options.authorizeUrl({ redirectUri, scope, state }), cookie);
  }

  async function end(exchange: Exchange): Promise<string> {
    const query = queryOf(exchange);
    const [state, code] = [single(query, "state"), codeOf(query)];
    const callback = {
      cookies: sidsOf(exchange),
      state,
      code,
      device: deviceOf(exchange.req.headers["user-agent"]),
    };
    if (code === "") return comeBackWithout(exchange, callback);
    const result = await sessions.signIn(callback, (fresh) =>
      options.visitor({ code: fresh, requestId: exchange.requestId }),
    );
    if ("refused" in result) {
      send(exchange, 400, plainText, notBegun);
      return result.refused;
    }
    go(exchange, result.target, result.cookie);
    return result.cookie ? "signed in" : "signed in before";
  }

  /** Somebody who refused at WeChat: a page of this server would only send them to WeChat again. */
  async function comeBackWithout(exchange: Exchange, callback: { cookies: string[]; state: string }) {
    const target = await sessions.targetOf(callback);
    if (target === undefined) send(exchange, 400, plainText, notBegun);
    else if (target.startsWith("/")) send(exchange, 403, plainText, notAllowed);
    else go(exchange, target, undefined);
    return target === undefined ? "no such state" : "refused by the person";
  }

  function go(exchange: Exchange, location: string, cookie: WebCookie | undefined): void {
    const attributes = options.cookieAttributes;
    if (cookie) exchange.res.appendHeader("set-cookie", cookieText({ name: sidName, ...cookie, attributes }));
    send(exchange, 302, { ...discreet, location }, "");
  }

  function refuse(exchange: Exchange, thrown: unknown): void {
    refuseVisitor(exchange, thrown, { log, what: "page authorisation", failed });
  }

  return {
    [oauthPath]: {
      GET: (exchange: Exchange) => begin(exchange).catch((thrown) => refuse(exchange, thrown)),
    },
    [oauthCallbackPath]: {
      GET: async (exchange: Exchange): Promise<void> => {
        try {
          const result = await end(exchange);
          log.info({ path: exchange.path, result, requestId: exchange.requestId }, "page authorisation");
        } catch (thrown) {
          refuse(exchange, thrown);
        }
      },
    },
  };
}

function scopeOf(scope: string): "snsapi_base" | "snsapi_userinfo" {
  if (scope === "" || scope === "snsapi_base") return "snsapi_base";
  if (scope === "snsapi_userinfo") return scope;
  throw invalid({ field: "scope", description: "expected snsapi_base or snsapi_userinfo" });
}

function sidsOf({ req }: Exchange): string[] {
  return cookieValues(req.headers.cookie ?? "", sidName);
}
