import { textOf } from "./answer.ts";
import type { Reasons } from "./errors.ts";
import type { Http } from "./http.ts";

/** The app's own side of a login: the API host and the app's credentials. */
export interface LoginClient {
  api: Http;
  appid: string;
  secret: string;
}

/** Who signed in. */
export interface WechatSession {
  openid: string;
  /** Decrypts what the mini-program hands over. It stays on the server and out of the log. */
  sessionKey: string;
  /** Only for apps bound to an Open Platform account. */
  unionid?: string;
}

const path = "/sns/jscode2session";

const reasons: Reasons = {
  40029: "WX_CODE_INVALID", // unknown, or older than 5 minutes
  40163: "WX_CODE_USED",
  40226: "WX_USER_RISKY",
  41008: "WX_CODE_INVALID", // code missing
};

/**
 * Changes a code of wx.login() for the person's ids
 * (https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/user-login/code2Session.html).
 *
 * Asked exactly once, whatever happens. If the connection breaks after WeChat took the code, the same
 * code again gives 40163, and the person would be told of a code "used before" that nobody used.
 * WX_UNAVAILABLE is the truth, and it costs the mini-program one more wx.login(), which shows nothing.
 * @throws AppError WX_CODE_INVALID, WX_CODE_USED, WX_USER_RISKY, RATE_LIMITED, WX_MISCONFIGURED,
 * WX_UNAVAILABLE; CALL_CANCELLED or DEADLINE_PASSED when `signal` ended the call.
 */
export async function code2Session(
  { api, appid, secret }: LoginClient,
  { code, signal }: { code: string; signal?: AbortSignal },
): Promise<WechatSession> {
  const query = { appid, secret, js_code: code, grant_type: "authorization_code" };
  const answer = await api.getJson({ path, query, reasons, signal });
  const id = (field: string) => textOf(`GET ${path}`, answer, [field]);
  return {
    openid: id("openid"),
    sessionKey: id("session_key"),
    ...(answer.unionid ? { unionid: id("unionid") } : {}),
  };
}
