import { randomInt } from "node:crypto";
import { type Auth, openAuth } from "./auth/auth.ts";
import { createDigest, createSeal, type Digest, loadEncryptionKey, type Seal } from "./auth/seal.ts";
import { type Settings, SettingsError } from "./config.ts";
import type { Logger } from "./log.ts";
import { httpSms } from "./sms/http.ts";
import { sandboxSms } from "./sms/sandbox.ts";
import { noSms, type Sms } from "./sms/sms.ts";
import { createIds, type Ids } from "./storage/ids.ts";
import { openStore } from "./storage/open.ts";
import { sharedValues } from "./storage/shared-values.ts";
import type { Store } from "./storage/store.ts";
import { engineOf, sqlitePath } from "./storage/url.ts";
import { createWechat, type Wechat, type WechatOptions } from "./wechat/wechat.ts";

/** Where WeChat is, outside the sandbox. */
const hosts = {
  WECHAT_API_BASE: "https://api.weixin.qq.com",
  WECHAT_OPEN_BASE: "https://open.weixin.qq.com",
  WECHAT_PAY_BASE: "https://api.mch.weixin.qq.com",
};

/** The settings once it is known which WeChat the server speaks to. */
export type AppSettings = Settings & { readonly WECHAT_APPID: string; readonly WECHAT_SECRET: string };

/** Everything the services are made of: a plain object, so that a part is easily put in another's place. */
export interface App {
  readonly settings: AppSettings;
  /** Unix ms. */
  readonly clock: { now(): number };
  readonly ids: Ids;
  readonly log: Logger;
  readonly store: Store;
  readonly auth: Auth;
  readonly wechat: Wechat;
  /** Encrypts what people entrust to the server, an identity number for one. */
  readonly personal: Seal;
  /** What stands for such a thing where it has to be found again or compared. */
  readonly personalDigest: Digest;
  readonly sms: Sms;
  close(): Promise<void>;
}

/** What a test may put in place of the real thing. */
export type Overrides = Partial<Pick<App, "clock" | "store" | "wechat">>;

/**
 * Opens the database and the keys. What goes wrong here is thrown with a text of one line.
 * The opener closes the app; a store that was given stays open.
 */
export async function openApp(settings: AppSettings, log: Logger, overrides: Overrides = {}): Promise<App> {
  const clock = overrides.clock ?? { now: () => Date.now() };
  const ids = createIds({ clock, random: (limit) => randomInt(limit) });
  const encryptionKey = loadEncryptionKey(keySource(settings));
  const store = overrides.store ?? (await openStore({ url: settings.DATABASE_URL, ids }));
  const closeStore = async () => {
    if (!overrides.store) await store.close();
  };
  try {
    const auth = await openAuth({
      store,
      clock,
      ids,
      encryptionKey,
      settings: authSettings(settings),
      onError: (error) => log.error({ err: error }, "work in the background failed"),
    });
    const wechat = overrides.wechat ?? createWechat(wechatOptions({ settings, store, clock, encryptionKey }));
    return {
      settings,
      clock,
      ids,
      log,
      store,
      auth,
      wechat,
      personal: createSeal(encryptionKey, "personal data"),
      personalDigest: createDigest(encryptionKey, "personal data"),
      sms: smsOf(settings, log),
      async close() {
        await auth.close();
        await closeStore();
      },
    };
  } catch (error) {
    await closeStore();
    throw error;
  }
}

/** The settings with what the sandbox's WeChat has for the ones that are not set. */
export function withWechat(settings: Settings, sandbox: Partial<Settings>): AppSettings {
  const set = Object.entries(settings).filter(([, value]) => value !== undefined);
  const all = { ...sandbox, ...Object.fromEntries(set) } as Settings;
  const { WECHAT_APPID, WECHAT_SECRET } = all;
  if (!WECHAT_APPID || !WECHAT_SECRET) throw new SettingsError("WECHAT_APPID: needed with its secret");
  return { ...all, WECHAT_APPID, WECHAT_SECRET };
}

function wechatOptions({
  settings,
  store,
  clock,
  encryptionKey,
}: Pick<App, "settings" | "store" | "clock"> & { encryptionKey: Uint8Array }): WechatOptions {
  const { WECHAT_TOKEN: token, WECHAT_AES_KEY: aesKey, WECHAT_MCHID: mchid } = settings;
  const miniProgram = { appid: settings.WECHAT_APPID, secret: settings.WECHAT_SECRET };
  const { WECHAT_OA_APPID: appid, WECHAT_OA_SECRET: secret } = settings;
  return {
    apiBase: settings.WECHAT_API_BASE ?? hosts.WECHAT_API_BASE,
    openBase: settings.WECHAT_OPEN_BASE ?? hosts.WECHAT_OPEN_BASE,
    miniProgram,
    officialAccount: appid && secret ? { appid, secret } : miniProgram,
    callback: token ? { token, aesKey, plain: settings.sandbox } : undefined,
    pay: mchid ? merchant(settings, mchid) : undefined,
    tokens: sharedValues({ store, clock, seal: createSeal(encryptionKey, "shared values") }),
    clock,
  };
}

function merchant(settings: AppSettings, mchid: string): WechatOptions["pay"] {
  const { WECHAT_PAY_PUBLIC_KEY_ID: id, WECHAT_PAY_PUBLIC_KEY: pem } = settings;
  return {
    base: settings.WECHAT_PAY_BASE ?? hosts.WECHAT_PAY_BASE,
    mchid,
    serial: settings.WECHAT_MCH_SERIAL ?? "",
    privateKey: settings.WECHAT_MCH_PRIVATE_KEY ?? "",
    apiV3Key: settings.WECHAT_APIV3_KEY ?? "",
    publicKey: id && pem ? { id, pem } : undefined,
  };
}

/** What sends text messages: a gateway if one is set, else the sandbox's own sender, else nothing. */
function smsOf({ SMS_URL: url, SMS_BODY: body, SMS_HEADERS: headers, sandbox }: Settings, log: Logger): Sms {
  if (url) return httpSms({ url, body, headers });
  return sandbox ? sandboxSms(log) : noSms;
}

/** Where the encryption key is: the setting, or in the sandbox a file beside the database. */
export function keySource(settings: Settings): { value?: string | undefined; file?: string | undefined } {
  if (settings.ENCRYPTION_KEY || !settings.sandbox) return { value: settings.ENCRYPTION_KEY };
  const { DATABASE_URL: url } = settings;
  return { file: `${engineOf(url) === "sqlite" ? sqlitePath(url) : "data/liveuser"}.key` };
}

/** Times in s. */
function authSettings(settings: AppSettings) {
  const issuer = settings.PUBLIC_URL ?? "liveuser";
  return {
    sandbox: settings.sandbox,
    issuer,
    audience: issuer,
    accessTtl: settings.ACCESS_TOKEN_TTL,
    refreshTtl: settings.REFRESH_TOKEN_TTL,
    refreshMax: settings.REFRESH_TOKEN_MAX,
  };
}
