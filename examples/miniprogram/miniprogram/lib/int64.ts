/**
 * A number from an address or a list's `next`, as requests take it; "" is 0. Phones without BigInt have it
 * as text, there and in answers.
 */
export function int64(text: string): bigint {
  const digits = text || "0";
  return typeof BigInt === "function" ? BigInt(digits) : (digits as unknown as bigint);
}
