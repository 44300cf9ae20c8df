/** A wave as it is recorded. */
export interface Wave {
  /** int16 */
  samples: number[];
  /** Hz */
  sampleRate: number;
}

/** One reading: when (ms) and how much, in the source's own unit. */
export interface Reading {
  at: number;
  value: number;
  /** Whether a finger is on the lens, where that can be seen. */
  covered?: boolean;
}

/** The least that a report can be made of (s). */
export const shortestSeconds = 15;
/** The most that the server takes. */
const longestSeconds = 3600;
const mostSamples = 200_000;
const int16 = { min: -32768, max: 32767 };

/** Readings as a wave of even steps: frames of a camera come when they like. */
export function waveOf(readings: readonly Reading[], sampleRate: number): Wave {
  const [first, last] = [readings[0], readings.at(-1)];
  if (!first || !last) return { samples: [], sampleRate };
  const count = Math.floor(((last.at - first.at) / 1000) * sampleRate) + 1;
  const samples: number[] = [];
  let next = 1;
  for (let i = 0; i < count; i++) {
    const at = first.at + (i * 1000) / sampleRate;
    while (next < readings.length - 1 && (readings[next] as Reading).at < at) next++;
    const [a, b] = [readings[next - 1] ?? first, readings[next] ?? last];
    const share = b.at > a.at ? (at - a.at) / (b.at - a.at) : 0;
    samples.push(clipped(a.value + share * (b.value - a.value)));
  }
  return { samples, sampleRate };
}

/**
 * A wave in a file: JSON `{samples, sample_rate}` or `[samples]`, or numbers with commas or line breaks
 * between them (of each line of a table the last one); taken at `rate` Hz if it does not say.
 * @throws Error what is wrong with the file, in words
 */
export function waveInFile(text: string, rate: number): Wave {
  const found = /^\s*[{[]/.test(text) ? JSON.parse(text) : numbersIn(text);
  const { samples, sample_rate: sampleRate = rate } = Array.isArray(found) ? { samples: found } : found;
  if (!Array.isArray(samples) || !samples.every((value) => Number.isFinite(value))) {
    throw new Error("文件里没有波形数据。");
  }
  if (typeof sampleRate !== "number" || !(sampleRate >= 20 && sampleRate <= 2000)) {
    throw new Error("采样率应在 20 到 2000 Hz 之间。");
  }
  if (samples.length < sampleRate) throw new Error("波形太短。");
  if (samples.length > Math.min(mostSamples, sampleRate * longestSeconds)) {
    throw new Error("波形太长：最多一小时、20 万个采样点。");
  }
  return { samples: scaled(samples), sampleRate };
}

function numbersIn(text: string): number[] {
  const rows = text.trim().split(/\r?\n/);
  const cells = rows.length > 1 ? rows.map((row) => row.split(/[,;\t]/).at(-1)) : text.split(/[,;\s]+/);
  const numbers = cells.map((cell) => (cell?.trim() ? Number(cell) : Number.NaN));
  // A table has a head.
  return Number.isNaN(numbers[0]) ? numbers.slice(1) : numbers;
}

/** Fractions, and numbers beyond int16, spread over its range. */
function scaled(values: readonly number[]): number[] {
  const fits = values.every((v) => Number.isInteger(v) && v >= int16.min && v <= int16.max);
  if (fits) return [...values];
  const { least, most } = bounds(values);
  const factor = most > least ? 60_000 / (most - least) : 0;
  return values.map((value) => clipped((value - (least + most) / 2) * factor));
}

/** Not Math.min(...values): a browser takes only so many arguments. */
export function bounds(values: readonly number[]): { least: number; most: number } {
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    least = Math.min(least, value);
    most = Math.max(most, value);
  }
  return { least, most };
}

function clipped(value: number): number {
  return Math.round(Math.min(int16.max, Math.max(int16.min, value)));
}

/** How the last seconds look, in words; undefined if well. */
export function complaint(readings: readonly Reading[]): string | undefined {
  const end = readings.at(-1)?.at ?? 0;
  const recent = readings.filter(({ at }) => at > end - 2000).map(({ value }) => value);
  if (recent.length < 10) return undefined;
  const { least, most } = bounds(recent);
  if (readings.at(-1)?.covered === false || most - least < 8) {
    return "没有脉搏信号：请用指尖轻轻盖住镜头和闪光灯。";
  }
  if (most - least > 8000) return "信号晃动：请保持手指和手机不动，不要用力按压。";
  return undefined;
}
