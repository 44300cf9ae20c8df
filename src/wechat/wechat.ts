import { createHttp } from "./http.ts";
import { code2Session, type WechatSession } from "./login.ts";

export interface WechatOptions {
  /** `https://api.weixin.qq.com`, or the simulator's address. */
  apiBase: string;
  appid: string;
  secret: string;
  fetch?: typeof globalThis.fetch;
  /** For one exchange; 5 s unless told. */
  timeoutMs?: number;
}

/** What the server asks of WeChat. Plain functions, so that a test can put another in one's place. */
export interface Wechat {
  /** See login.ts. */
  code2Session(login: { code: string; signal?: AbortSignal }): Promise<WechatSession>;
}

/**
 * WeChat as the server sees it. The credentials stay inside: printing the result shows none.
 * @throws TypeError when `apiBase` is no URL.
 */
export function createWechat({ apiBase, appid, secret, fetch, timeoutMs }: WechatOptions): Wechat {
  const client = { api: createHttp({ base: apiBase, fetch, timeoutMs }), appid, secret };
  return {
    code2Session: (login) => code2Session(client, login),
  };
}
