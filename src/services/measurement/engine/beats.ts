import { runningMedian, runningSums, vertex } from "./numbers.ts";
import { follow, type Track } from "./period.ts";
import { rate } from "./resample.ts";

interface Peak {
  /** Sample, interpolated. */
  at: number;
  /** Its height over the wave's usual one there. */
  height: number;
  /** The local period in samples. */
  period: number;
}

// What a factor e between interval and period costs, in beats of usual height: first so little that beats of
// full height count although the track took a multiple of their period, then enough to withstand noise.
const loose = 0.9;
const tight = 3;
const neighbours = 4; // periods on either side from which the usual height is taken

/**
 * Where beats are probable, in samples: of all peaks those whose heights are large and whose intervals are
 * near the local period, by dynamic programming (D. P. W. Ellis, "Beat Tracking by Dynamic Programming",
 * Journal of New Music Research 36, 2007). So a diastolic wave loses against the systolic one, a missing
 * beat leaves a gap, and an early beat is kept if it is as high as others.
 */
export function findBeats(wave: Float64Array, track: Track): number[] {
  let beats = bestChain(peaksOf(wave, track), loose);
  for (const [tightness, reach] of [
    [loose, 12],
    [tight, 4],
  ] as const) {
    if (beats.length < 3) break;
    beats = bestChain(peaksOf(wave, periodsOf(beats, reach)), tightness);
  }
  return beats;
}

/** The local period as the found beats have it. */
function periodsOf(beats: number[], reach: number): Track {
  const at = beats.slice(1).map((beat, i) => (beat + (beats[i] as number)) / 2 / rate);
  const intervals = beats.slice(1).map((beat, i) => (beat - (beats[i] as number)) / rate);
  return { at, period: [...runningMedian(intervals, reach)], strength: [] };
}

function bestChain(peaks: Peak[], tightness: number): number[] {
  const score = new Float64Array(peaks.length);
  const before = new Int32Array(peaks.length).fill(-1);
  let near = 0; // the first peak that is less than three periods back
  let far = -1; // the best one of those before it
  peaks.forEach(({ at, height, period }, i) => {
    while (at - (peaks[near] as Peak).at > 3 * period) {
      if (far < 0 || (score[near] as number) > (score[far] as number)) far = near;
      near++;
    }
    let best = 0;
    const take = (j: number, ratio: number) => {
      const value = (score[j] as number) - tightness * Math.log(ratio) ** 2;
      if (value > best) [best, before[i]] = [value, j];
    };
    if (far >= 0) take(far, 3);
    for (let j = near; j < i; j++) take(j, (at - (peaks[j] as Peak).at) / period);
    score[i] = best + height;
  });
  let last = -1;
  for (let i = 0; i < peaks.length; i++)
    if (last < 0 || (score[i] as number) > (score[last] as number)) last = i;
  const beats: number[] = [];
  for (let i = last; i >= 0; i = before[i] as number) beats.push((peaks[i] as Peak).at);
  return beats.reverse();
}

/**
 * Peaks of the difference between two moving averages, as long as a beat's peak and as a beat: Elgendi et
 * al. 2013, where they are 111 and 667 ms, here a sixth and the whole of the local period.
 */
function peaksOf(wave: Float64Array, track: Track): Peak[] {
  const sums = runningSums(wave);
  const strength = new Float64Array(wave.length);
  const average = (centre: number, reach: number) => {
    const from = Math.max(0, centre - reach);
    const to = Math.min(wave.length, centre + reach + 1);
    return ((sums[to] as number) - (sums[from] as number)) / (to - from);
  };
  const periods = new Float64Array(wave.length);
  const periodAt = follow(track, track.period);
  for (let i = 0; i < wave.length; i++) {
    const period = periodAt(i / rate) * rate;
    periods[i] = period;
    strength[i] = average(i, Math.round(period / 12)) - average(i, Math.round(period / 2));
  }
  const usual = usualHeights(strength, periods);
  const peaks: Peak[] = [];
  for (let i = 1; i < wave.length - 1; i++) {
    const [a, b, c] = [strength[i - 1] as number, strength[i] as number, strength[i + 1] as number];
    if (b <= 0 || b < a || b <= c) continue;
    const height = Math.min(1.2, b / (usual[i] as number));
    peaks.push({ at: i + vertex(a, b, c), height, period: periods[i] as number });
  }
  return peaks;
}

/** The median of the greatest heights of the periods around each place. */
function usualHeights(strength: Float64Array, periods: Float64Array): Float64Array {
  const greatest: number[] = [];
  const stretches = new Int32Array(strength.length);
  let end = 0;
  for (let i = 0; i < strength.length; i++) {
    if (i >= end) {
      greatest.push(0);
      end = i + (periods[i] as number);
    }
    const last = greatest.length - 1;
    greatest[last] = Math.max(greatest[last] as number, strength[i] as number);
    stretches[i] = last;
  }
  const usual = runningMedian(greatest, neighbours);
  return strength.map((_, i) => usual[stretches[i] as number] as number);
}
