import { createCipheriv, createHash } from "node:crypto";

const blockBytes = 32;

/** sha1 of the texts, sorted and joined: `signature` and `msg_signature` of what is sent to a callback. */
export function sign(...texts: string[]): string {
  return createHash("sha1")
    .update([...texts].sort().join(""))
    .digest("hex");
}

/** What a message is encrypted with. */
export interface Envelope {
  /** EncodingAESKey: 43 characters of base64. */
  aesKey: string;
  appid: string;
  /** 16 random bytes. */
  salt: Buffer;
}

/**
 * Encrypts a message for the callback: AES-256-CBC over salt, length (uint32, big-endian), message and appid,
 * padded to 32 bytes as in PKCS#7. In base64.
 * (https://developers.weixin.qq.com/doc/oplatform/Third-party_Platforms/2.0/api/Before_Develop/Technical_Plan.html)
 */
export function encrypt(message: string, { aesKey, appid, salt }: Envelope): string {
  const key = Buffer.from(`${aesKey}=`, "base64");
  const text = Buffer.from(message);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(text.length);
  const plain = Buffer.concat([salt, length, text, Buffer.from(appid)]);
  const missing = blockBytes - (plain.length % blockBytes);
  const cipher = createCipheriv("aes-256-cbc", key, key.subarray(0, 16)).setAutoPadding(false);
  const padded = Buffer.concat([plain, Buffer.alloc(missing, missing)]);
  return Buffer.concat([cipher.update(padded), cipher.final()]).toString("base64");
}
