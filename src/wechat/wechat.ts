import { appToken, withToken } from "./access-token.ts";
import { type CallbackOptions, type CallbackRequest, createCallback, type WechatEvent } from "./callback.ts";
import { createHttp, rootOf } from "./http.ts";
import { jsSdkConfig, jsTicket } from "./js-sdk.ts";
import { code2Session, type WechatSession } from "./login.ts";
import { type Message, sendSubscription, sendTemplate } from "./message.ts";
import { authorizeUrl, type PageSession, pageSession, userInfo } from "./oauth.ts";
import { createPay, type Pay, type PayOptions } from "./pay/pay.ts";
import { phoneNumber } from "./phone.ts";
import { createSceneQr } from "./scene-qr.ts";
import type { TokenStore } from "./token.ts";

/** An app's own credentials. */
export interface Credentials {
  appid: string;
  secret: string;
}

export interface WechatOptions {
  /** `https://api.weixin.qq.com`, or the simulator's address. */
  apiBase: string;
  /** `https://open.weixin.qq.com`, or the simulator's address. */
  openBase: string;
  miniProgram: Credentials;
  /** May be the same app. */
  officialAccount: Credentials;
  /** What signs and encrypts the official account's events; without it none is taken. */
  callback?: Omit<CallbackOptions, "appid"> | undefined;
  pay?: Omit<PayOptions, "clock" | "fetch" | "timeoutMs"> | undefined;
  tokens: TokenStore;
  clock: { now(): number };
  fetch?: typeof globalThis.fetch;
  /** For one exchange; 5 s unless told. */
  timeoutMs?: number;
}

export type { Message, PageSession };

const defaultTimeoutMs = 5_000;

/**
 * What the server asks of WeChat. Plain functions, so that a test can put another in one's place.
 * Where WeChat wants an app's access token, the one of the whole deployment is used, and renewed once
 * if WeChat says that it is over.
 */
export interface Wechat {
  /** See login.ts. */
  code2Session(login: { code: string; signal?: AbortSignal }): Promise<WechatSession>;
  /** The URL that a page sends people to. */
  authorizeUrl(page: {
    redirectUri: string;
    scope: "snsapi_base" | "snsapi_userinfo";
    state: string;
  }): string;
  /** Changes the code of a page authorisation. Asked once only. @throws AppError as code2Session. */
  pageSession(login: { code: string; signal?: AbortSignal }): Promise<PageSession>;
  /** Name and picture of somebody who allowed snsapi_userinfo. */
  userInfo(session: {
    openid: string;
    accessToken: string;
    signal?: AbortSignal;
  }): Promise<{ nickname: string; headImgUrl: string; unionid?: string }>;
  /** The official account's current access token and for how long it is still good (s). */
  accessToken(signal?: AbortSignal): Promise<{ token: string; expiresIn: number }>;
  /** What wx.config() needs on the page with this address. */
  jsSdkConfig(
    url: string,
    signal?: AbortSignal,
  ): Promise<{ appId: string; timestamp: number; nonceStr: string; signature: string }>;
  /** Changes the code of a getPhoneNumber button. @throws AppError WX_CODE_INVALID, WX_CODE_USED, WX_UNAVAILABLE. */
  phoneNumber(button: {
    code: string;
    signal?: AbortSignal;
  }): Promise<{ phoneNumber: string; purePhoneNumber: string; countryCode: string }>;
  /** A template message of the official account; its number. Never sent twice. @throws AppError WX_MESSAGE_REFUSED, WX_UNAVAILABLE. */
  sendTemplate(message: Message): Promise<string>;
  /** A subscription message of the mini-program. Never sent twice. @throws AppError WX_MESSAGE_REFUSED, WX_UNAVAILABLE. */
  sendSubscription(message: Message): Promise<void>;
  /** A QR code with a scene id; 0 s for one that does not run out. */
  createSceneQr(scene: {
    sceneId: number;
    expireSeconds: number;
    signal?: AbortSignal;
  }): Promise<{ ticket: string; url: string; expireSeconds: number }>;
  /** Reads what came to the callback; undefined when the server takes no events. */
  readonly callback:
    | {
        /** The handshake: gives back echostr. @throws AppError WX_SIGNATURE_INVALID. */
        verify(query: URLSearchParams): string;
        /** Checks signatures, decrypts, parses. @throws AppError WX_SIGNATURE_INVALID, INVALID_REQUEST. */
        read(request: CallbackRequest): WechatEvent;
      }
    | undefined;
  /** WeChat Pay; undefined when the server has no merchant. */
  readonly pay: Pay | undefined;
}

/** @throws TypeError when a base is no URL; Error of one line when a key cannot be read. */
export function createWechat(options: WechatOptions): Wechat {
  const { miniProgram, officialAccount, tokens: store, clock, fetch, timeoutMs = defaultTimeoutMs } = options;
  const api = createHttp({ base: options.apiBase, fetch, timeoutMs });
  const root = rootOf(options.openBase);
  // A renewal makes two exchanges at most.
  const keeper = { store, clock, leaseMs: 2 * timeoutMs + 5_000 };

  const accountToken = appToken({ api, ...keeper }, officialAccount);
  const programToken =
    miniProgram.appid === officialAccount.appid ? accountToken : appToken({ api, ...keeper }, miniProgram);
  const account = withToken(api, accountToken);
  const program = withToken(api, programToken);
  const { appid } = officialAccount;
  const ticket = jsTicket({ api: account, ...keeper }, officialAccount);

  return {
    code2Session: (login) => code2Session({ api, ...miniProgram }, login),
    authorizeUrl: (page) => authorizeUrl({ root, appid }, page),
    pageSession: (login) => pageSession({ api, ...officialAccount }, login),
    userInfo: (session) => userInfo(api, session),
    async accessToken(signal) {
      const { value, expiresAt } = await accountToken.current(signal);
      return { token: value, expiresIn: Math.floor((expiresAt - clock.now()) / 1000) };
    },
    jsSdkConfig: (url, signal) => jsSdkConfig({ ticket, clock, appid }, { url, signal }),
    phoneNumber: (button) => phoneNumber(program, button),
    sendTemplate: (message) => sendTemplate(account, message),
    sendSubscription: (message) => sendSubscription(program, message),
    createSceneQr: (scene) => createSceneQr(account, scene),
    callback: options.callback && createCallback({ ...options.callback, appid }),
    pay: options.pay && createPay({ ...options.pay, clock, fetch, timeoutMs }),
  };
}
