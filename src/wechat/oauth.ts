import { textOf } from "./answer.ts";
import type { Reasons } from "./errors.ts";
import type { Http } from "./http.ts";

const sessionPath = "/sns/oauth2/access_token";
const userPath = "/sns/userinfo";
const longestToken = 2048;
const longestUrl = 2048;

const sessionReasons: Reasons = {
  40029: "WX_CODE_INVALID",
  40163: "WX_CODE_USED",
  41008: "WX_CODE_INVALID", // code missing
  42003: "WX_CODE_INVALID", // older than 5 minutes
};

/** The token is the person's own, from their code; a new code helps. */
const userReasons: Reasons = {
  40001: "WX_CODE_INVALID",
  40014: "WX_CODE_INVALID",
  42001: "WX_CODE_INVALID",
};

/** A page that wants to know who looks at it. */
export interface Page {
  redirectUri: string;
  scope: "snsapi_base" | "snsapi_userinfo";
  state: string;
}

/** Who came back from a page authorisation. */
export interface PageSession {
  openid: string;
  unionid?: string;
  /** For userInfo; it stays on the server. */
  accessToken: string;
  /** `snsapi_base` or `snsapi_userinfo`. */
  scope: string;
}

/**
 * The URL that a page sends people to (https://developers.weixin.qq.com/doc/service/guide/h5/auth.html).
 * WeChat wants these parameters in this order, and the fragment.
 */
export function authorizeUrl({ root, appid }: { root: string; appid: string }, page: Page): string {
  const query = [
    ["appid", appid],
    ["redirect_uri", page.redirectUri],
    ["response_type", "code"],
    ["scope", page.scope],
    ["state", page.state],
  ].map(([name, value]) => `${name}=${encodeURIComponent(value ?? "")}`);
  return `${root}/connect/oauth2/authorize?${query.join("&")}#wechat_redirect`;
}

/**
 * Changes the code that a page came back with
 * (https://developers.weixin.qq.com/doc/service/api/webdev/access/api_snsaccesstoken.html).
 * Asked exactly once, as in login.ts.
 * @throws AppError WX_CODE_INVALID, WX_CODE_USED, RATE_LIMITED, WX_MISCONFIGURED, WX_UNAVAILABLE;
 * CALL_CANCELLED or DEADLINE_PASSED when `signal` ended the call.
 */
export async function pageSession(
  { api, appid, secret }: { api: Http; appid: string; secret: string },
  { code, signal }: { code: string; signal?: AbortSignal },
): Promise<PageSession> {
  const query = { appid, secret, code, grant_type: "authorization_code" };
  const answer = await api.getJson({ path: sessionPath, query, reasons: sessionReasons, signal });
  const text = (field: string, longest?: number) => textOf(`GET ${sessionPath}`, answer, [field, longest]);
  return {
    openid: text("openid"),
    accessToken: text("access_token", longestToken),
    scope: text("scope"),
    ...(answer.unionid ? { unionid: text("unionid") } : {}),
  };
}

/**
 * Name and picture of somebody who allowed snsapi_userinfo
 * (https://developers.weixin.qq.com/doc/service/api/webdev/access/api_snsuserinfo.html).
 * @throws AppError WX_CODE_INVALID (the session is over), WX_MISCONFIGURED (48001: it is of snsapi_base),
 * RATE_LIMITED, WX_UNAVAILABLE; CALL_CANCELLED or DEADLINE_PASSED.
 */
export async function userInfo(
  api: Http,
  { openid, accessToken, signal }: { openid: string; accessToken: string; signal?: AbortSignal },
): Promise<{ nickname: string; headImgUrl: string; unionid?: string }> {
  const query = { access_token: accessToken, openid, lang: "zh_CN" };
  const answer = await api.getJson({ path: userPath, query, reasons: userReasons, signal });
  const text = (field: string, longest?: number) => textOf(`GET ${userPath}`, answer, [field, longest]);
  return {
    // People may have neither.
    nickname: answer.nickname ? text("nickname") : "",
    headImgUrl: answer.headimgurl ? text("headimgurl", longestUrl) : "",
    ...(answer.unionid ? { unionid: text("unionid") } : {}),
  };
}
