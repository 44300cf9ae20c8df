import type { Report } from "../engine/engine.ts";
import { colours, inner, line, margin, roundStep, short, text } from "./svg.ts";
import { clock } from "./wave-rows.ts";

const height = 96;
const left = margin + 34; // room for the labels
const across = inner - 34;
const least = 100; // ms from top to bottom, so that a steady pulse looks steady
const mostDots = 240;

/** Interval over time: accepted ones as dots, joined where they are neighbours; and the height of it. */
export function tachogram(report: Report, seconds: number, top: number) {
  const points = timed(report);
  const values = points.map(({ interval }) => interval);
  const lowest = values.reduce((low, value) => Math.min(low, value), Infinity);
  const highest = values.reduce((high, value) => Math.max(high, value), -Infinity);
  const spare = Math.max(0, least - (highest - lowest)) / 2;
  const step = roundStep(highest - lowest + 2 * spare, 4);
  const low = Math.floor((lowest - spare) / step) * step;
  const high = Math.ceil((highest + spare) / step) * step;
  const x = (ms: number) => left + (ms / 1000 / seconds) * across;
  const y = (interval: number) => top + ((high - interval) / (high - low)) * height;
  const label = { size: 10, fill: colours.faint };
  const parts: string[] = [];
  for (let tick = low; tick <= high + step / 2; tick += step) {
    parts.push(line(left, y(tick), left + across, y(tick)));
    parts.push(text(left - 5, y(tick) + 3.5, String(Math.round(tick)), { ...label, anchor: "end" }));
  }
  parts.push(text(left, top + height + 14, "0:00", label));
  parts.push(text(left + across, top + height + 14, clock(seconds), { ...label, anchor: "end" }));
  const path = thinned(points, x)
    .map(({ at, interval, joined }) => `${joined ? "L" : "M"}${short(x(at))} ${short(y(interval))}`)
    .join("");
  parts.push(
    `<path d="${path}" fill="none" stroke="${colours.wave}" stroke-width="1.2" stroke-linejoin="round"/>`,
  );
  if (points.length <= mostDots) {
    const dots = points.map(({ at, interval }) => `M${short(x(at))} ${short(y(interval))}h0`).join("");
    parts.push(`<path d="${dots}" stroke="${colours.wave}" stroke-width="4" stroke-linecap="round"/>`);
  }
  return { svg: parts.join(""), height: height + 18 };
}

interface Point {
  /** ms: where the interval ends. */
  at: number;
  /** ms */
  interval: number;
  /** Whether the interval before it ended where this one begins. */
  joined: boolean;
}

/** The report's intervals with their times: those between its beats that it accepted. */
function timed({ beats, beatIntervals }: Report): Point[] {
  const points: Point[] = [];
  let joined = false;
  for (let i = 1; i < beats.length; i++) {
    const interval = beatIntervals[points.length];
    const at = beats[i] as number;
    const accepted = interval !== undefined && Math.abs(at - (beats[i - 1] as number) - interval) < 1;
    if (accepted) points.push({ at, interval, joined });
    joined = accepted;
  }
  return points;
}

/** At most the lowest and the highest of each half pixel's points. */
function thinned(points: Point[], x: (ms: number) => number): Point[] {
  if (points.length <= across) return points;
  const kept: Point[] = [];
  for (let start = 0; start < points.length; ) {
    const column = Math.floor(2 * x((points[start] as Point).at));
    let [lowest, highest, end] = [start, start, start];
    for (; end < points.length && Math.floor(2 * x((points[end] as Point).at)) === column; end++) {
      const { interval } = points[end] as Point;
      if (interval < (points[lowest] as Point).interval) lowest = end;
      if (interval > (points[highest] as Point).interval) highest = end;
    }
    for (const index of new Set([Math.min(lowest, highest), Math.max(lowest, highest)])) {
      kept.push({ ...(points[index] as Point), joined: start > 0 });
    }
    start = end;
  }
  return kept;
}
