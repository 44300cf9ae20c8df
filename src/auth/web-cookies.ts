import { createHash, timingSafeEqual } from "node:crypto";

/** How many cookies of the same name are looked at: more are no accident. */
const MOST = 8;
/** 256 bits, base64url. No token of ours looks like that, and no sid. */
const form = /^[A-Za-z0-9_-]{43}$/;

/** A cookie that came, and what the database may know of it. */
export interface Presented {
  readonly value: string;
  readonly hash: Uint8Array<ArrayBuffer>;
}

/** Those of the cookies that may be a session's, each once. */
export function wellFormed(cookies: readonly string[]): Presented[] {
  const values = new Set(cookies.filter((value) => form.test(value)));
  return [...values].slice(0, MOST).map((value) => ({ value, hash: digest(value) }));
}

export function hashesOf(presented: readonly Presented[]) {
  return presented.map(({ hash }) => hash);
}

/** SHA-256: what is digested here is random, so nothing is to be guessed. */
export function digest(text: string): Uint8Array<ArrayBuffer> {
  return createHash("sha256").update(text).digest();
}

/** Compares two digests, in a time that does not tell where they differ. */
export function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
