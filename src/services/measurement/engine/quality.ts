import type { Wave } from "./engine.ts";
import type { Interval } from "./intervals.ts";
import { mean, median, sum } from "./numbers.ts";
import { follow, type Track } from "./period.ts";
import { rate } from "./resample.ts";
import type { Beat } from "./shape.ts";

const smallest = 0.5; // effective value of the pulse in units of the sensor
const faintest = 0.01; // power in the pulse's band over that of fast noise
const closest = 0.2; // s from beat to beat
const pulseless = 0.4; // a beat is no pulse's where likeness times size is less than this on average

/** Whether the band of the pulse holds anything to look at: no flat line, no mere hum. */
export function measurable({ samples }: Wave, even: Float64Array): boolean {
  const power = mean(even.map((value) => value * value));
  // A second difference has six times the variance of white noise, and hardly anything of slow waves.
  let fast = 0;
  for (let i = 2; i < samples.length; i++) {
    const bend = (samples[i] as number) - 2 * (samples[i - 1] as number) + (samples[i - 2] as number);
    fast += (bend * bend) / 6;
  }
  return power >= smallest ** 2 && power >= (faintest * fast) / samples.length;
}

/** Which beats are surely ones: about as like the others as is usual in this wave, and about as large. */
export function clearOnes(beats: Beat[]): boolean[] {
  const usual = median(beats.map(({ likeness }) => likeness));
  const least = Math.max(0.6, Math.min(0.85, 0.85 * usual));
  let last = -Infinity;
  return beats.map(({ at, likeness, size }) => {
    // Two that were moved to the same place are one.
    const clear = likeness > least && size > 0.5 && size < 2 && at - last > closest * rate;
    if (clear) last = at;
    return clear;
  });
}

interface Found {
  track: Track;
  beats: Beat[];
  intervals: Interval[];
}

/**
 * How good the signal is (0–1), and of how many seconds of it that is said: stretches without any pulse, as
 * of a sensor that is off, are left out. What makes it: how like the beats are to each other, how strong the
 * rhythm is in the autocorrelation, and how much of the time is covered by intervals that count.
 */
export function qualityOf({ track, beats, intervals }: Found, seconds: number) {
  const likeness = beats.map((beat) => Math.max(0, beat.likeness));
  // What stands where a beat is missing is small, and says little.
  const weight = beats.map(({ size }) => Math.min(1, size));
  const signs = likeness.map((like, i) => like * (weight[i] as number));
  const on = signs.map((_, i) => mean(signs.slice(Math.max(0, i - 3), i + 4)) >= pulseless);
  const left =
    seconds -
    sum(beats.map(({ at }, i) => (on[i] && on[i - 1] ? 0 : (at - (beats[i - 1]?.at ?? at)) / rate)));
  const strengthAt = follow(track, track.strength);
  const strengths = beats.map(({ at }) => strengthAt(at / rate));
  const weighted = (values: number[]) => {
    const used = (value: number, i: number) => (on[i] ? value * (weight[i] as number) : 0);
    return sum(values.map(used)) / sum(weight.map((_, i) => used(1, i))) || 0;
  };
  const like = weighted(likeness);
  const strength = Math.max(0, median(strengths.filter((_, i) => on[i])) || 0);
  const counting = intervals.filter((interval) => interval.beats > 0);
  const covered = Math.min(1, sum(counting.map(({ from, to }) => (to - from) / 1000)) / Math.max(1, left));
  return { quality: like ** 3 * covered * Math.sqrt(strength), seconds: left };
}

/**
 * Whether every second beat is small: then the small ones may be diastolic waves and the rate be double.
 */
export function alternates(beats: Beat[]): boolean {
  const apart = (distance: number) => {
    return median(beats.slice(distance).map(({ size }, i) => Math.abs(size - (beats[i]?.size ?? 0))));
  };
  return apart(1) > 0.25 && apart(2) < apart(1) / 2;
}
