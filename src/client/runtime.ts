// The one file that names what a runtime has beside ECMAScript.

declare function setTimeout(callback: () => void, ms: number): unknown;
declare const self: Host | undefined;
declare const global: Host | undefined;

/** What may be there, on a page or in Node; on a device nothing of it is. */
export interface Host {
  document?: unknown;
  fetch?: unknown;
  localStorage?: unknown;
  AbortController?: new () => { readonly signal: unknown; abort(): void };
  crypto?: { getRandomValues?(bytes: Uint8Array): unknown };
}

/** The runtime's globals. Not `globalThis`: older devices lack it, and the bundle for them replaces it. */
export const host: Host =
  typeof self === "object" && self ? self : typeof global === "object" && global ? global : {};

/** Resolves after `ms`. */
export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

const ID_BYTES = 16;

/**
 * A text that nobody has had before: 128 random bits, as hex. Without random bytes, Math.random and the
 * time have to do: enough for what need not be secret.
 */
export function uniqueId(bytes?: ArrayLike<number>): string {
  const random = Array.from({ length: ID_BYTES }, (_, i) => bytes?.[i] ?? Math.floor(Math.random() * 256));
  const hex = random.map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return bytes ? hex : `${hex}${Date.now().toString(36)}`;
}
