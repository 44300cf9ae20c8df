/** A text that nobody can guess. (`crypto.randomUUID` is missing on a page without TLS.) */
export function randomText(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
