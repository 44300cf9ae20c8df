/** Sizes and colours of the whole picture: a phone's width, on a card of its own, dark page or light. */
export const width = 375;
export const margin = 16;
export const inner = width - 2 * margin;
export const colours = {
  card: "#ffffff",
  ink: "#1c2733",
  faint: "#5c6b7a",
  line: "#dfe5ea",
  wave: "#0b6e99",
  beat: "#c62f2f",
  bad: "#f3e2bd",
} as const;

/** For text and attribute values; what XML has no place for is left out. */
export function escaped(text: string): string {
  return (
    text
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what XML 1.0 excludes
      .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Surrogate}/gu, "")
      .replaceAll("&", "&amp;")
      .replaceAll("<", "&lt;")
      .replaceAll(">", "&gt;")
      .replaceAll('"', "&quot;")
  );
}

interface TextStyle {
  size?: number;
  fill?: string;
  anchor?: "start" | "middle" | "end";
  weight?: number;
}

/** One line of text with its baseline at y. */
export function text(x: number, y: number, words: string, style: TextStyle = {}): string {
  const { size = 12, fill = colours.ink, anchor = "start", weight = 400 } = style;
  const heavy = weight === 400 ? "" : ` font-weight="${weight}"`;
  const place = anchor === "start" ? "" : ` text-anchor="${anchor}"`;
  return `<text x="${short(x)}" y="${short(y)}" font-size="${size}" fill="${fill}"${place}${heavy}>${escaped(words)}</text>`;
}

export function line(x1: number, y1: number, x2: number, y2: number, dash = ""): string {
  const dashed = dash && ` stroke-dasharray="${dash}"`;
  return `<path d="M${short(x1)} ${short(y1)}L${short(x2)} ${short(y2)}" stroke="${colours.line}"${dashed}/>`;
}

export function rectangle(x: number, y: number, w: number, h: number, fill: string): string {
  return `<rect x="${short(x)}" y="${short(y)}" width="${short(w)}" height="${short(h)}" fill="${fill}"/>`;
}

/** With at most one decimal: a tenth of a pixel is enough. */
export function short(value: number): string {
  return String(Math.round(value * 10) / 10);
}

/** Lines of at most so many times the type size: Chinese signs are as wide as high, others about half. */
export function wrapped(words: string, widest: number): string[] {
  const lines: string[] = [];
  let current = "";
  let used = 0;
  for (const token of words.match(/[\u0021-\u007e–]+|./gsu) ?? []) {
    const wide = tokenWidth(token);
    // Chinese sets no stop or comma at a line's beginning.
    if (used + wide > widest && current && !/^[，。；：、）]/u.test(token)) {
      lines.push(current.trimEnd());
      [current, used] = ["", 0];
    }
    current += token;
    used += wide;
  }
  return current ? [...lines, current] : lines;
}

function tokenWidth(token: string): number {
  let sum = 0;
  for (const sign of token) sum += sign < "\u2e80" ? 0.62 : 1;
  return sum;
}

/** A round step (1, 2 or 5 times a power of ten) that divides the span into at most so many parts. */
export function roundStep(span: number, parts: number): number {
  const raw = Math.max(span, 1e-6) / parts;
  const power = 10 ** Math.floor(Math.log10(raw));
  return ([1, 2, 5].find((factor) => factor * power >= raw) ?? 10) * power;
}
