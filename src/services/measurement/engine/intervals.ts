import { mean, runningMedian, sum } from "./numbers.ts";
import { follow, type Track } from "./period.ts";

/** A found beat (ms), and whether it is surely one, and where. */
export interface Place {
  at: number;
  clear: boolean;
}

/** From one clear beat to the next one (ms). */
export interface Interval {
  from: number;
  to: number;
  /** How many beats long it is: 1 from one normal beat to the next, 2–5 if some are missing, else 0. */
  beats: number;
}

const tolerance = 0.2; // an interval that differs more from those around it is none between normal beats
const neighbours = 12; // on either side
const longest = 5; // beats: how long a gap may be for its beats to be counted
const agreement = 0.25; // how far an interval may be from the period that the autocorrelation found

/**
 * The intervals between clear beats, and which are between normal ones: within 20 % of the median around
 * them (after Malik et al. 1989, who compare with the interval before), and where the period that was found
 * without looking at beats says the same.
 */
export function intervalsOf(places: Place[], track: Track): Interval[] {
  const clear = places.filter((place) => place.clear);
  const intervals = clear.slice(1).map(({ at }, i) => ({ from: (clear[i] as Place).at, to: at, beats: 0 }));
  const usual = runningMedian(intervals.map(lengthOf), neighbours);
  const periodAt = follow(track, track.period);
  intervals.forEach((interval, i) => {
    const normal = usual[i] as number;
    const ratio = lengthOf(interval) / normal;
    const whole = Math.round(ratio);
    const period = periodAt((interval.from + interval.to) / 2000);
    const agrees = Math.abs(normal / 1000 / period - 1) <= agreement;
    if (agrees && whole >= 1 && whole <= longest && Math.abs(ratio - whole) <= tolerance)
      interval.beats = whole;
  });
  return intervals;
}

/** Figures in the time domain (Task Force 1996), of normal intervals alone. */
export function variability(intervals: Interval[]) {
  const normal = intervals.filter(({ beats }) => beats === 1).map(lengthOf);
  const counted = intervals.filter(({ beats }) => beats > 0);
  const average = mean(normal);
  const differences: number[] = [];
  intervals.forEach((interval, i) => {
    const before = intervals[i - 1];
    if (before?.beats === 1 && interval.beats === 1) differences.push(lengthOf(interval) - lengthOf(before));
  });
  const squares = sum(normal.map((length) => (length - average) ** 2));
  const large = differences.filter((difference) => Math.abs(difference) > 50).length;
  const rmssd = Math.sqrt(mean(differences.map((difference) => difference ** 2)) || 0);
  // Less than three beats that is no whole number of them speaks against a regular rhythm.
  const irregular = intervals.filter((one) => one.beats === 0 && lengthOf(one) < 3 * average).length;
  const share = normal.length / (normal.length + irregular);
  return {
    beatIntervals: normal,
    /** Beats over time: missing ones counted in. */
    heartRate: (60_000 * sum(counted.map(({ beats }) => beats))) / sum(counted.map(lengthOf)),
    sdnn: Math.sqrt(squares / (normal.length - 1)),
    rmssd,
    pnn50: large / Math.max(1, differences.length),
    regularity: share * Math.max(0, 1 - (2 * rmssd) / average),
  };
}

/** What is not part of a known interval (ms): bad stretches, gaps, and the ends where no beat is near. */
export function unused(intervals: Interval[], end: number): [from: number, to: number][] {
  const typical = mean(intervals.filter(({ beats }) => beats === 1).map(lengthOf));
  const known = intervals.filter((one) => one.beats < 2 && lengthOf(one) < 1.5 * typical);
  const stretches: [number, number][] = [];
  let used = 0;
  for (const { from, to } of [...known, { from: end, to: end }]) {
    const atAnEnd = used === 0 || from === end;
    if (from > used && !(atAnEnd && from - used < 1.5 * typical)) stretches.push([used, from]);
    used = to;
  }
  return stretches;
}

function lengthOf({ from, to }: Interval): number {
  return to - from;
}
