import { randomInt } from "node:crypto";
import { type Auth, openAuth } from "./auth/auth.ts";
import { createSeal, loadEncryptionKey, type Seal } from "./auth/seal.ts";
import type { Settings } from "./config.ts";
import type { Logger } from "./log.ts";
import { createIds, type Ids } from "./storage/ids.ts";
import { openStore } from "./storage/open.ts";
import type { Store } from "./storage/store.ts";
import { engineOf, sqlitePath } from "./storage/url.ts";
import { createWechat, type Wechat } from "./wechat/wechat.ts";

const wechatApi = "https://api.weixin.qq.com";

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
    const wechat =
      overrides.wechat ??
      createWechat({
        apiBase: settings.WECHAT_API_BASE ?? wechatApi,
        appid: settings.WECHAT_APPID,
        secret: settings.WECHAT_SECRET,
      });
    return {
      settings,
      clock,
      ids,
      log,
      store,
      auth,
      wechat,
      personal: createSeal(encryptionKey, "personal data"),
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

/** The settings with WeChat's part filled in; outside the sandbox they name it themselves. */
export function withWechat(
  settings: Settings,
  wechat: { appid: string; secret: string; apiBase: string | undefined },
): AppSettings {
  return {
    ...settings,
    WECHAT_APPID: settings.WECHAT_APPID ?? wechat.appid,
    WECHAT_SECRET: settings.WECHAT_SECRET ?? wechat.secret,
    WECHAT_API_BASE: settings.WECHAT_API_BASE ?? wechat.apiBase,
  };
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
    clientId: settings.WECHAT_APPID,
    accessTtl: settings.ACCESS_TOKEN_TTL,
    refreshTtl: settings.REFRESH_TOKEN_TTL,
    refreshMax: settings.REFRESH_TOKEN_MAX,
  };
}
