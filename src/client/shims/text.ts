const REPLACEMENT = 0xfffd;
/** How many UTF-16 units one call of String.fromCharCode is given. */
const UNITS = 4096;

/** UTF-8 from text (https://encoding.spec.whatwg.org/#interface-textencoder). */
export class TextEncoder {
  encode(text = ""): Uint8Array {
    const bytes = new Uint8Array(text.length * 3);
    let at = 0;
    for (const character of text) {
      const point = character.codePointAt(0) as number;
      // Half of a pair alone has no UTF-8.
      const code = point >= 0xd800 && point <= 0xdfff ? REPLACEMENT : point;
      if (code < 0x80) {
        bytes[at++] = code;
      } else if (code < 0x800) {
        bytes[at++] = 0xc0 | (code >> 6);
        bytes[at++] = 0x80 | (code & 0x3f);
      } else if (code < 0x10000) {
        bytes[at++] = 0xe0 | (code >> 12);
        bytes[at++] = 0x80 | ((code >> 6) & 0x3f);
        bytes[at++] = 0x80 | (code & 0x3f);
      } else {
        bytes[at++] = 0xf0 | (code >> 18);
        bytes[at++] = 0x80 | ((code >> 12) & 0x3f);
        bytes[at++] = 0x80 | ((code >> 6) & 0x3f);
        bytes[at++] = 0x80 | (code & 0x3f);
      }
    }
    return bytes.slice(0, at);
  }
}

interface DecoderOptions {
  /** Wrong bytes are an error instead of U+FFFD. */
  fatal?: boolean;
  /** A byte order mark stays in the text. */
  ignoreBOM?: boolean;
}

/** Text from UTF-8 (https://encoding.spec.whatwg.org/#utf-8-decoder). */
export class TextDecoder {
  readonly #options: DecoderOptions;

  constructor(_label = "utf-8", options: DecoderOptions = {}) {
    this.#options = options;
  }

  decode(bytes: Uint8Array = new Uint8Array(0)): string {
    let text = "";
    let units: number[] = [];
    for (let at = 0; at < bytes.length; ) {
      const [code, length] = pointAt(bytes, at);
      if (code < 0 && this.#options.fatal) throw new TypeError("not UTF-8");
      at += length;
      const point = code < 0 ? REPLACEMENT : code;
      if (point < 0x10000) units.push(point);
      else units.push(0xd7c0 + (point >> 10), 0xdc00 + (point & 0x3ff));
      if (units.length >= UNITS) {
        text += String.fromCharCode(...units);
        units = [];
      }
    }
    text += String.fromCharCode(...units);
    return !this.#options.ignoreBOM && text.startsWith("\ufeff") ? text.slice(1) : text;
  }
}

/**
 * The code point that begins at `at` and how many bytes it has; -1 for a wrong one, with the bytes
 * that belong to the mistake.
 */
function pointAt(bytes: Uint8Array, at: number): [code: number, length: number] {
  const first = bytes[at] as number;
  if (first < 0x80) return [first, 1];
  const more =
    first >= 0xc2 && first < 0xe0
      ? 1
      : first >= 0xe0 && first < 0xf0
        ? 2
        : first >= 0xf0 && first < 0xf5
          ? 3
          : 0;
  if (more === 0) return [-1, 1];
  let code = first & (0x3f >> more);
  for (let i = 1; i <= more; i++) {
    const byte = bytes[at + i] ?? 0;
    // Not longer than need be, no half of a pair, nothing beyond U+10FFFF.
    const low = i > 1 ? 0x80 : first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
    const high = i > 1 ? 0xbf : first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
    if (byte < low || byte > high) return [-1, i];
    code = (code << 6) | (byte & 0x3f);
  }
  return [code, more + 1];
}
