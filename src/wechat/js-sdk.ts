import { createHash, randomBytes } from "node:crypto";
import type { AppApi } from "./access-token.ts";
import { secondsOf, textOf } from "./answer.ts";
import { type KeeperOptions, keepToken, type SharedToken } from "./token.ts";

const path = "/cgi-bin/ticket/getticket";
const longestTicket = 2048;

/**
 * The ticket that pages are signed with, one for the whole deployment, kept as the access token is
 * (https://developers.weixin.qq.com/doc/service/guide/h5/jssdk.html).
 */
export function jsTicket(
  { api, ...keeper }: KeeperOptions & { api: AppApi },
  { appid }: { appid: string },
): SharedToken {
  async function ask() {
    const answer = await api.getJson({ path, query: { type: "jsapi" }, reasons: {} });
    const where = `GET ${path}`;
    return {
      value: textOf(where, answer, ["ticket", longestTicket]),
      expiresIn: secondsOf(where, answer, "expires_in"),
    };
  }
  return keepToken(keeper, { what: "the JS-SDK's ticket", name: `wechat jsapi_ticket ${appid}`, ask });
}

/** What a page's signature covers. */
export interface SignedPage {
  ticket: string;
  nonceStr: string;
  /** Unix s. */
  timestamp: number;
  /** The page's address. */
  url: string;
}

/** SHA-1 in hex, over the raw values; the address counts up to its `#`. */
export function signPage({ ticket, nonceStr, timestamp, url }: SignedPage): string {
  const [address] = url.split("#", 1);
  const text = `jsapi_ticket=${ticket}&noncestr=${nonceStr}&timestamp=${timestamp}&url=${address}`;
  return createHash("sha1").update(text).digest("hex");
}

/**
 * What wx.config() needs on the page with this address.
 * @throws AppError WX_MISCONFIGURED, WX_UNAVAILABLE, RATE_LIMITED; CALL_CANCELLED or DEADLINE_PASSED.
 */
export async function jsSdkConfig(
  { ticket, clock, appid }: { ticket: SharedToken; clock: { now(): number }; appid: string },
  { url, signal }: { url: string; signal?: AbortSignal | undefined },
): Promise<{ appId: string; timestamp: number; nonceStr: string; signature: string }> {
  const { value } = await ticket.current(signal);
  const nonceStr = randomBytes(12).toString("hex");
  const timestamp = Math.floor(clock.now() / 1000);
  return {
    appId: appid,
    timestamp,
    nonceStr,
    signature: signPage({ ticket: value, nonceStr, timestamp, url }),
  };
}
