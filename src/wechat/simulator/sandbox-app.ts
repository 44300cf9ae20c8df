import { createPublicKey } from "node:crypto";
import { readFileSync } from "node:fs";

function pem(name: string): string {
  return readFileSync(new URL(`keys/${name}.pem`, import.meta.url), "utf8");
}

/** The one app of the sandbox. Both sides know it; none of its values opens anything else. */
export const sandboxApp = {
  appid: "wx5a4db0c500000000",
  secret: "sandbox",
  /** The official account's name in events. */
  originalId: "gh_5a4db0c50000",
  /** Signs what is sent to the server's callback. */
  token: "sandbox",
  /** EncodingAESKey: 43 characters. */
  aesKey: "sandbox0sandbox1sandbox2sandbox3sandbox4saQ",
} as const;

/** The sandbox's merchant at WeChat Pay. */
export const sandboxMerchant = {
  mchid: "1900000001",
  /** Of keys/merchant.cert.pem. */
  serial: "5A0D000000000000000000000000000000000001",
  privateKey: pem("merchant.key"),
  certificate: pem("merchant.cert"),
  /** 32 characters. */
  apiV3Key: "sandbox0sandbox1sandbox2sandbox3",
};

/** WeChat Pay's own side in the sandbox: one key, known by its id and by its certificate. */
export const sandboxPlatform = {
  publicKeyId: "PUB_KEY_ID_5A0D00000000000000000000000000000002",
  privateKey: pem("platform.key"),
  certificate: pem("platform.cert"),
  /** Of keys/platform.cert.pem. */
  serial: "5A0D000000000000000000000000000000000002",
};

/** The settings of a server whose WeChat is the simulator at `url`. */
export function sandboxSettings(url: string) {
  const publicKey = createPublicKey(sandboxPlatform.certificate);
  return {
    WECHAT_APPID: sandboxApp.appid,
    WECHAT_SECRET: sandboxApp.secret,
    WECHAT_TOKEN: sandboxApp.token,
    WECHAT_AES_KEY: sandboxApp.aesKey,
    WECHAT_API_BASE: url,
    WECHAT_OPEN_BASE: url,
    WECHAT_PAY_BASE: url,
    WECHAT_MCHID: sandboxMerchant.mchid,
    WECHAT_MCH_SERIAL: sandboxMerchant.serial,
    WECHAT_MCH_PRIVATE_KEY: sandboxMerchant.privateKey,
    WECHAT_APIV3_KEY: sandboxMerchant.apiV3Key,
    WECHAT_PAY_PUBLIC_KEY_ID: sandboxPlatform.publicKeyId,
    WECHAT_PAY_PUBLIC_KEY: publicKey.export({ type: "spki", format: "pem" }).toString(),
  };
}
