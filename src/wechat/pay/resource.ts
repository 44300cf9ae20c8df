import { createDecipheriv } from "node:crypto";
import { type Fields, Malformed } from "./fields.ts";

const nonceBytes = 12;
const tagBytes = 16;
/** A notification has some 2 kB, a certificate as well. */
const longestCiphertext = 64 * 1024;

/**
 * Opens an encrypted part of WeChat Pay's: AES-256-GCM with the APIv3 key, base64 of the text and its
 * 16-byte tag (https://pay.weixin.qq.com/docs/partner/products/platform-certificate/decryption-certificate.html).
 * @param path the part's name, for errors
 * @throws Malformed
 */
export function openResource(apiV3Key: Uint8Array, sealed: Fields, path: string): Uint8Array {
  sealed.oneOf("algorithm", ["AEAD_AES_256_GCM"]);
  const nonce = Buffer.from(sealed.text("nonce"));
  if (nonce.length !== nonceBytes) throw new Malformed(`${path}.nonce`, `not of ${nonceBytes} bytes`);
  const associated = Buffer.from(sealed.anyText("associated_data"));
  const bytes = Buffer.from(sealed.text("ciphertext", longestCiphertext), "base64");
  if (bytes.length < tagBytes) throw new Malformed(`${path}.ciphertext`, "too short");
  const end = bytes.length - tagBytes;
  const decipher = createDecipheriv("aes-256-gcm", apiV3Key, nonce, { authTagLength: tagBytes });
  decipher.setAAD(associated).setAuthTag(bytes.subarray(end));
  try {
    return Buffer.concat([decipher.update(bytes.subarray(0, end)), decipher.final()]);
  } catch {
    throw new Malformed(`${path}.ciphertext`, "does not open with the APIv3 key");
  }
}
