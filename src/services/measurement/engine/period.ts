import { mean } from "./numbers.ts";
import { rate } from "./resample.ts";

/** The local period of a wave, every few seconds. */
export interface Track {
  /** The windows' centres (s). */
  at: number[];
  /** s */
  period: number[];
  /** Autocorrelation at that period (-1–1). */
  strength: number[];
}

/** The periods (s) that are looked at, each 3 % longer: also shorter ones than a heart has, to know them. */
const shortest = 0.12;
const periods = Float64Array.from({ length: 106 }, (_, i) => shortest * 2 ** (i / 24));

const windowSeconds = 8;
const hopSeconds = 4;
const octaveCost = 0.25; // a doubled period fits as well as the period itself, or better if beats are missing
const jumpCost = 1.5; // a heart seldom changes its rate by an octave in four seconds

/**
 * Follows the period: the normalised autocorrelation of windows of 8 s, and the path through them that is
 * strong and changes little. This is P. Boersma's way to the pitch of a voice ("Accurate short-term analysis
 * of the fundamental frequency and the harmonics-to-noise ratio of a sampled sound", IFA Proceedings 17,
 * 1993), at the rates of a heart.
 */
export function trackPeriod(wave: Float64Array): Track {
  const half = halved(wave);
  const window = Math.min(half.length, (windowSeconds * rate) / 2);
  const hops = Math.ceil((half.length - window) / ((hopSeconds * rate) / 2));
  const starts = Array.from({ length: hops + 1 }, (_, hop) => {
    return hops === 0 ? 0 : Math.round(((half.length - window) * hop) / hops);
  });
  const strengths = starts.map((from) => autocorrelation(half.subarray(from, from + window)));
  const path = bestPath(strengths);
  return {
    at: starts.map((from) => ((from + window / 2) * 2) / rate),
    period: path.map((place) => periods[place] as number),
    strength: path.map((place, i) => strengths[i]?.[place] as number),
  };
}

/** At half the rate, each value the mean of two. */
function halved(wave: Float64Array): Float64Array {
  const out = new Float64Array(wave.length >> 1);
  for (let i = 0; i < out.length; i++) {
    out[i] = ((wave[2 * i] as number) + (wave[2 * i + 1] as number)) / 2;
  }
  return out;
}

/** A window's normalised autocorrelation (-1–1) at each of the periods. */
function autocorrelation(window: Float64Array): Float64Array {
  const length = window.length;
  const average = mean(window);
  const x = window.map((value) => value - average);
  const energy = new Float64Array(length + 1);
  for (let i = 0; i < length; i++) energy[i + 1] = (energy[i] as number) + (x[i] as number) ** 2;
  const r = new Float64Array(Math.ceil(((periods.at(-1) as number) * rate) / 2) + 1);
  for (let lag = Math.floor((shortest * rate) / 2); lag < Math.min(r.length, length); lag++) {
    let sum = 0;
    for (let i = lag; i < length; i++) sum += (x[i] as number) * (x[i - lag] as number);
    const early = energy[length - lag] as number;
    const late = (energy[length] as number) - (energy[lag] as number);
    r[lag] = sum / (Math.sqrt(early * late) || 1);
  }
  // Everything is like itself a moment later: that says nothing until r has fallen for the first time.
  let lag = Math.floor((shortest * rate) / 2);
  while (lag + 1 < r.length && (r[lag + 1] as number) <= (r[lag] as number)) r[lag++] = -1;
  return periods.map((period) => {
    const lag = (period * rate) / 2;
    const cell = Math.floor(lag);
    return (r[cell] as number) + ((r[cell + 1] as number) - (r[cell] as number)) * (lag - cell);
  });
}

/** The path of the highest sum of strengths less what octaves and jumps cost (Viterbi). */
function bestPath(strengths: Float64Array[]): number[] {
  const steps = periods.map((_, distance) => jumpCost * (distance / 24));
  let scores = new Float64Array(periods.length);
  const cameFrom = strengths.map((strength) => {
    const origin = new Uint8Array(periods.length);
    const next = new Float64Array(periods.length);
    for (let to = 0; to < next.length; to++) {
      let best = -Infinity;
      for (let from = 0; from < next.length; from++) {
        const score = (scores[from] as number) - (steps[Math.abs(to - from)] as number);
        if (score <= best) continue;
        best = score;
        origin[to] = from;
      }
      next[to] = best + (strength[to] as number) - octaveCost * (to / 24);
    }
    scores = next;
    return origin;
  });
  let place = scores.indexOf(Math.max(...scores));
  const path: number[] = [];
  for (const origin of cameFrom.reverse()) {
    path.push(place);
    place = origin[place] as number;
  }
  return path.reverse();
}

/** Values at the track's windows, between them in a line, for times (s) that rise from call to call. */
export function follow({ at }: Track, values: number[]): (time: number) => number {
  let next = 0; // the first window after the time
  return (time) => {
    while (next < at.length && (at[next] as number) <= time) next++;
    if (next === 0) return values[0] as number;
    const before = values[next - 1] as number;
    if (next === at.length) return before;
    const start = at[next - 1] as number;
    return before + (((values[next] as number) - before) * (time - start)) / ((at[next] as number) - start);
  };
}
