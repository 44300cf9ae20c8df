import type { Wave } from "../engine/engine.ts";
import { colours, inner, line, margin, rectangle, short, text } from "./svg.ts";

/** What is drawn on the wave (ms). */
export interface Marks {
  beats: number[];
  rejected: [from: number, to: number][];
}

const rowHeight = 78;
const waveHeight = 48;
const mostRows = 6;
const shortestRow = 10; // s
const closest = 8; // px between beats: more of them are not marked one by one

/** The wave in rows of at least ten seconds, with its beats and what was not used; and the height of it. */
export function waveRows(wave: Wave, { beats, rejected }: Marks, top: number) {
  const seconds = wave.samples.length / wave.sampleRate;
  const rows = Math.max(1, Math.min(mostRows, Math.ceil(seconds / shortestRow)));
  const rowSeconds = Math.max(1, Math.ceil(seconds / rows));
  const marked = beats.length * closest < rows * inner;
  const level = levelled(wave);
  const bounds = usualBounds(used(level, rejected, wave.sampleRate));
  const parts: string[] = [];
  for (let row = 0; row < rows; row++) {
    const from = row * rowSeconds;
    const y = top + row * rowHeight;
    const x = (ms: number) => margin + Math.max(0, Math.min(1, (ms / 1000 - from) / rowSeconds)) * inner;
    const inRow = (ms: number) => ms >= from * 1000 && ms < (from + rowSeconds) * 1000;
    for (const [start, end] of rejected) {
      if (x(end) > x(start))
        parts.push(rectangle(x(start), y, x(end) - x(start), waveHeight + 10, colours.bad));
    }
    parts.push(line(margin, y + waveHeight + 10, margin + inner, y + waveHeight + 10));
    const path = pathOf(level, {
      from: from * wave.sampleRate,
      perRow: rowSeconds * wave.sampleRate,
      bounds,
      top: y + 8,
    });
    parts.push(
      `<path d="${path}" fill="none" stroke="${colours.wave}" stroke-width="1.2" stroke-linejoin="round"/>`,
    );
    if (marked) {
      const ticks = beats
        .filter(inRow)
        .map((ms) => `<use href="#beat" x="${short(x(ms))}" y="${short(y)}"/>`);
      parts.push(...ticks);
    }
    const label = { size: 10, fill: colours.faint };
    parts.push(text(margin, y + waveHeight + 22, clock(from), label));
    parts.push(
      text(margin + inner, y + waveHeight + 22, clock(from + rowSeconds), { ...label, anchor: "end" }),
    );
  }
  return { svg: parts.join(""), height: rows * rowHeight, marked };
}

/** Without its slow wandering: less the mean of three seconds around. */
function levelled({ samples, sampleRate }: Wave): Float64Array {
  const reach = Math.round(1.5 * sampleRate);
  const sums = new Float64Array(samples.length + 1);
  for (let i = 0; i < samples.length; i++) sums[i + 1] = (sums[i] as number) + (samples[i] as number);
  return Float64Array.from(samples, (value, i) => {
    const from = Math.max(0, i - reach);
    const to = Math.min(samples.length, i + reach + 1);
    return value - ((sums[to] as number) - (sums[from] as number)) / (to - from);
  });
}

/** The values outside of the rejected stretches, so that motion does not make the pulse small. */
function used(values: Float64Array, rejected: Marks["rejected"], sampleRate: number): Float64Array {
  const kept = values.slice();
  let end = 0;
  let next = 0;
  for (const [from, to] of [...rejected, [Infinity, Infinity]] as const) {
    const until = Math.min(values.length, Math.floor((from / 1000) * sampleRate));
    for (; next < until; next++) kept[end++] = values[next] as number;
    next = Math.max(next, Math.ceil((to / 1000) * sampleRate));
  }
  return end > 0 ? kept.subarray(0, end) : values;
}

/** What all but one in a hundred values are within, either way, and a little more. */
function usualBounds(values: Float64Array): [low: number, high: number] {
  const sorted = values.toSorted();
  const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))] ?? 0;
  const [low, high] = [at(0.01), at(0.99)];
  const room = Math.max((high - low) * 0.12, 1);
  return [low - room, high + room];
}

interface Row {
  from: number;
  perRow: number;
  bounds: [low: number, high: number];
  top: number;
}

/** A row's line: every sample where they are few, else the lowest and highest of each pixel's column. */
function pathOf(values: Float64Array, { from, perRow, bounds: [low, high], top }: Row): string {
  const first = Math.ceil(from);
  const last = Math.min(values.length, Math.ceil(from + perRow));
  const exact = perRow > 8 * inner ? Math.round : short; // a dense row is a band of whole pixels
  const point = (index: number) => {
    const y = Math.max(0, Math.min(1, (high - (values[index] as number)) / (high - low)));
    return `${exact(margin + ((index - from) / perRow) * inner)} ${exact(top + y * waveHeight)}`;
  };
  const points: string[] = [];
  const columns = perRow > 2 * inner ? inner : perRow;
  const size = perRow / columns;
  const pixel = (high - low) / waveHeight; // what is nearer to each other needs one point only
  for (let start = first; start < last; ) {
    const end = Math.max(
      start + 1,
      Math.min(last, Math.ceil(from + Math.ceil((start - from + 1) / size) * size)),
    );
    let [lowest, highest] = [start, start];
    for (let i = start; i < end; i++) {
      if ((values[i] as number) < (values[lowest] as number)) lowest = i;
      if ((values[i] as number) > (values[highest] as number)) highest = i;
    }
    points.push(point(Math.min(lowest, highest)));
    if ((values[highest] as number) - (values[lowest] as number) > pixel)
      points.push(point(Math.max(lowest, highest)));
    start = end;
  }
  return points.length > 0 ? `M${points.join("L")}` : "";
}

/** 75 → 1:15 */
export function clock(seconds: number): string {
  const whole = Math.round(seconds);
  const two = (value: number) => String(value).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}
