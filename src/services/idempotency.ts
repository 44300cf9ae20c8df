import { createHash } from "node:crypto";
import { AppError } from "../errors.ts";

/** A client's idempotency key, and what its request was. */
export interface Key {
  text: string;
  /** SHA-256 of all that makes two requests the same. */
  hash: Buffer;
}

/** The key of a request with that content; nothing where the client gave none. */
export function keyOf(text: string, ...content: (string | Uint8Array)[]): Key | undefined {
  if (!text) return undefined;
  const hash = createHash("sha256");
  for (const part of content) hash.update(part);
  return { text, hash: hash.digest() };
}

/** How to make something, and to find it again by its key. */
export interface Making<R extends { requestHash: Uint8Array | null }, T> {
  find(key: string): Promise<R | undefined>;
  /** What the caller gets of one that was made before. */
  again(row: R): T | Promise<T>;
  /** Makes it; nothing when there is one with this key. */
  make(): Promise<T | undefined>;
}

/**
 * Makes something once for each key of a person, also when the same request comes twice at once. To be
 * called within one transaction.
 * @throws AppError IDEMPOTENCY_KEY_REUSED when another request had the key
 */
export async function once<R extends { requestHash: Uint8Array | null }, T>(
  key: Key | undefined,
  { find, again, make }: Making<R, T>,
): Promise<T> {
  const before = await repeated();
  if (before) return again(before);
  const made = await make();
  if (made) return made;
  // The same key came twice at once, and the other call was first.
  const other = await repeated();
  if (!other) throw new AppError("UNAVAILABLE");
  return again(other);

  async function repeated(): Promise<R | undefined> {
    const row = key && (await find(key.text));
    if (row && !(row.requestHash && key.hash.equals(row.requestHash))) {
      throw new AppError("IDEMPOTENCY_KEY_REUSED");
    }
    return row;
  }
}
