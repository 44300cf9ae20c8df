const outTradeNoForm = /^[0-9A-Za-z_\-|*]{6,32}$/;
const outRefundNoForm = /^[0-9A-Za-z_\-|*@]{1,64}$/;

/** @throws Error when WeChat Pay takes no such number: whoever made it has a bug. */
export function outTradeNoOf(text: string): string {
  if (!outTradeNoForm.test(text)) throw new Error("an out_trade_no has 6 to 32 of 0-9A-Za-z_-|*");
  return text;
}

/** @throws Error as outTradeNoOf. */
export function outRefundNoOf(text: string): string {
  if (!outRefundNoForm.test(text)) throw new Error("an out_refund_no has 1 to 64 of 0-9A-Za-z_-|*@");
  return text;
}

/** @throws Error when this is no sum that can be paid (fen): whoever reckoned it has a bug. */
export function fenOf(amount: number): number {
  if (!Number.isSafeInteger(amount) || amount < 1)
    throw new Error("an amount is a whole number of fen, 1 at least");
  return amount;
}

/**
 * Text for people, as WeChat Pay takes it: characters of four bytes replaced (it refuses them), cut to
 * `most` bytes of UTF-8 and never within a character.
 */
export function peopleText(text: string, most: number): string {
  const plain = text.replace(/[\u{10000}-\u{10ffff}]|\p{Cs}/gu, "?");
  const { read } = new TextEncoder().encodeInto(plain, new Uint8Array(most));
  return plain.slice(0, read);
}
