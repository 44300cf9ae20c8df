import { createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";

/** WeChat Pay's keys, by the serial that stands beside a signature. */
export interface PlatformKeys {
  /**
   * The key with this serial; undefined when WeChat Pay has no such key.
   * @throws AppError WX_UNAVAILABLE when that can't be found out now; CALL_CANCELLED, DEADLINE_PASSED
   */
  find(serial: string, signal?: AbortSignal): Promise<KeyObject | undefined>;
}

const leastBits = 2048;

/** @throws Error of one line, with nothing of the key in it. */
export function importPrivateKey(pem: string): KeyObject {
  return importKey("the merchant's private key (WECHAT_MCH_PRIVATE_KEY)", () => createPrivateKey(pem));
}

/** @throws Error of one line. */
export function importPublicKey(pem: string): KeyObject {
  return importKey("WeChat Pay's public key (WECHAT_PAY_PUBLIC_KEY)", () => createPublicKey(pem));
}

/** The key of notifications and certificates. @throws Error of one line, with nothing of the key in it. */
export function importApiV3Key(text: string): Uint8Array {
  const key = Buffer.from(text);
  if (key.length !== 32) throw new Error("the APIv3 key (WECHAT_APIV3_KEY) must have 32 bytes");
  return key;
}

/** The only key of a merchant in public-key mode. */
export function onePublicKey({ id, pem }: { id: string; pem: string }): PlatformKeys {
  const key = importPublicKey(pem);
  return { find: async (serial) => (serial === id ? key : undefined) };
}

/** Whether a key can be one of WeChat Pay v3. */
export function isRsa({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): boolean {
  return asymmetricKeyType === "rsa" && (asymmetricKeyDetails?.modulusLength ?? 0) >= leastBits;
}

function importKey(name: string, read: () => KeyObject): KeyObject {
  let key: KeyObject;
  try {
    key = read();
  } catch {
    throw new Error(`${name} can't be read: it must be an RSA key in PEM, without a passphrase`);
  }
  if (!isRsa(key)) throw new Error(`${name} must be an RSA key of at least ${leastBits} bits`);
  return key;
}
