import { createCipheriv, createPrivateKey, createSign } from "node:crypto";
import { sandboxMerchant, sandboxPlatform } from "../sandbox-app.ts";
import type { Simulation } from "../state.ts";

const platformKey = createPrivateKey(sandboxPlatform.privateKey);

/**
 * The headers that sign a body. `serial` is what the server verifies with: the public key's id, or else it
 * gets the certificate's serial. The key is the same.
 */
export function signed(sim: Simulation, body: string, serial: string | undefined): Record<string, string> {
  const timestamp = String(Math.floor(sim.now() / 1000));
  const nonce = sim.random(16).toString("hex");
  const { publicKeyId, serial: certificateSerial } = sandboxPlatform;
  const signature = createSign("RSA-SHA256")
    .update(`${timestamp}\n${nonce}\n${body}\n`)
    .sign(platformKey, "base64");
  return {
    "Wechatpay-Timestamp": timestamp,
    "Wechatpay-Nonce": nonce,
    "Wechatpay-Serial": serial === publicKeyId ? publicKeyId : certificateSerial,
    "Wechatpay-Signature": signature,
    "Wechatpay-Signature-Type": "WECHATPAY2-SHA256-RSA2048",
  };
}

/** Encrypts with the merchant's APIv3 key: what stands in notifications and in the list of certificates. */
export function encrypted(sim: Simulation, text: string, associatedData: string) {
  const nonce = sim.random(6).toString("hex");
  const cipher = createCipheriv("aes-256-gcm", sandboxMerchant.apiV3Key, nonce);
  cipher.setAAD(Buffer.from(associatedData));
  const ciphertext = Buffer.concat([cipher.update(text, "utf8"), cipher.final(), cipher.getAuthTag()]);
  return {
    algorithm: "AEAD_AES_256_GCM",
    ciphertext: ciphertext.toString("base64"),
    associated_data: associatedData,
    nonce,
  };
}

/** A time as WeChat Pay writes it: to the second, in China's zone. */
export function rfc3339(ms: number): string {
  const eastMs = 8 * 3600_000;
  return `${new Date(ms + eastMs).toISOString().slice(0, 19)}+08:00`;
}
