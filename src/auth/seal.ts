import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from "node:crypto";
import {
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";

const KEY_BYTES = 32;
const VERSION = 1;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Encrypts small things for the database: keys, secrets, personal data. */
export interface Seal {
  /** Encrypts. `name` says what the bytes are; the same name is needed to read them. */
  seal(plain: Uint8Array, name: string): Uint8Array<ArrayBuffer>;
  /** Decrypts. Throws if the bytes were altered, sealed under another name, purpose or encryption key. */
  open(sealed: Uint8Array, name: string): Buffer<ArrayBuffer>;
}

/**
 * A key for one purpose, made of the encryption key (HKDF with SHA-256, RFC 5869). Keys of different
 * purposes say nothing of each other. Always the same 32 bytes for the same two inputs.
 */
export function deriveKey(encryptionKey: Uint8Array, purpose: string): Buffer<ArrayBuffer> {
  return Buffer.from(hkdfSync("sha256", encryptionKey, "", `liveuser ${purpose}`, KEY_BYTES));
}

/**
 * AES-256-GCM under a key of its own for `purpose` (NIST SP 800-38D). The sealed bytes are
 * version, nonce (12 random bytes), tag (16) and ciphertext; the name is the associated data, so that
 * one row's bytes are of no use in another row.
 */
export function createSeal(encryptionKey: Uint8Array, purpose: string): Seal {
  const key = deriveKey(encryptionKey, `seal ${purpose}`);
  return {
    seal(plain, name) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv("aes-256-gcm", key, nonce, { authTagLength: TAG_BYTES });
      cipher.setAAD(Buffer.from(name));
      const text = Buffer.concat([cipher.update(plain), cipher.final()]);
      return Buffer.concat([Buffer.of(VERSION), nonce, cipher.getAuthTag(), text]);
    },

    open(sealed, name) {
      if (sealed.length < 1 + NONCE_BYTES + TAG_BYTES || sealed[0] !== VERSION) {
        throw new Error(`${name}: not sealed by this program`);
      }
      const nonce = sealed.subarray(1, 1 + NONCE_BYTES);
      const cipher = createDecipheriv("aes-256-gcm", key, nonce, { authTagLength: TAG_BYTES });
      cipher.setAAD(Buffer.from(name));
      cipher.setAuthTag(sealed.subarray(1 + NONCE_BYTES, 1 + NONCE_BYTES + TAG_BYTES));
      const text = sealed.subarray(1 + NONCE_BYTES + TAG_BYTES);
      try {
        return Buffer.concat([cipher.update(text), cipher.final()]);
      } catch (cause) {
        throw new Error(`${name}: altered, or sealed with another encryption key`, { cause });
      }
    },
  };
}

/**
 * What stands for a text that must not be readable: HMAC-SHA-256 (RFC 2104) over `name` and text. Always
 * the same 32 bytes for the same two; digests under different names say nothing of each other.
 */
export type Digest = (name: string, text: string) => Buffer<ArrayBuffer>;

/** Digests under a key of their own for `purpose`. Names hold no U+0000. */
export function createDigest(encryptionKey: Uint8Array, purpose: string): Digest {
  const key = deriveKey(encryptionKey, `digest ${purpose}`);
  return (name, text) => Buffer.from(createHmac("sha256", key).update(`${name}\0${text}`).digest());
}

/** Where the encryption key comes from: the setting, or a file that is made at the first start. */
export interface KeySource {
  /** 32 bytes in base64 or base64url. */
  value?: string | undefined;
  file?: string | undefined;
}

/**
 * Gives the 32 bytes of the encryption key. A file that is missing is made with a random key and mode
 * 600; processes that start at once end with the same key.
 * Throws an error of one line that names the setting or the file, never the value.
 */
export function loadEncryptionKey({ value, file }: KeySource): Buffer {
  if (value !== undefined) return decode(value, "ENCRYPTION_KEY");
  if (file === undefined) throw new Error("ENCRYPTION_KEY: missing, expected 32 bytes in base64");
  const text = read(file) ?? make(file);
  return decode(text.trim(), file);
}

function decode(text: string, where: string): Buffer {
  if (!/^[A-Za-z0-9+/_-]{43}=?$/.test(text)) throw new Error(`${where}: expected 32 bytes in base64`);
  return Buffer.from(text, "base64");
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new Error(`${file}: the encryption key cannot be read: ${(error as Error).message}`);
  }
}

/** The file appears under its name only when it is whole, and only once: `link` never replaces one. */
function make(file: string): string {
  const draft = `${file}.${process.pid}.${randomBytes(6).toString("hex")}`;
  try {
    mkdirSync(dirname(file), { recursive: true });
    const handle = openSync(draft, "wx", 0o600);
    try {
      writeSync(handle, `${randomBytes(KEY_BYTES).toString("base64")}\n`);
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
    try {
      linkSync(draft, file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    } finally {
      unlinkSync(draft);
    }
  } catch (error) {
    throw new Error(`${file}: the encryption key cannot be kept: ${(error as Error).message}`);
  }
  return readFileSync(file, "utf8");
}
