/** An amount in fen as people read it: 6800 → "¥68.00". */
export function yuan(fen: number | bigint | string): string {
  const [, sign = "", digits = ""] = /^(-?)(\d+)$/.exec(String(fen)) ?? [];
  const padded = digits.padStart(3, "0");
  return `${sign}¥${padded.slice(0, -2)}.${padded.slice(-2)}`;
}
