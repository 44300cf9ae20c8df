import { findBeats } from "./beats.ts";
import type { Analysis, Engine, Wave } from "./engine.ts";
import { bandPassed, limited, upright } from "./filter.ts";
import { intervalsOf, unused, variability } from "./intervals.ts";
import { type Track, trackPeriod } from "./period.ts";
import { alternates, clearOnes, measurable, qualityOf } from "./quality.ts";
import { rate, resampled } from "./resample.ts";
import { compareBeats } from "./shape.ts";
import { explain, method, summarise } from "./words.ts";

/** Less (s) than this holds too few beats to tell a pulse from chance. */
const shortest = 8;
const leastIntervals = 4;
/** What is slower or faster (beats a minute) is not reported. */
const slowest = 30;
const fastest = 200;
/** What has less is not reported, nor what could be wrong by more (beats a minute, standard error). */
const leastQuality = 0.45;
const mostError = 2;
/** Fast and irregular together leave the rate open: how much of it (beats a minute) may be irregular. */
const mostIrregular = 45;

/** The engine of this project. README.md has how it works, its sources and its errors. */
export const builtIn: Engine = { name: "liveuser-pulse 1.0", analyze };

function analyze(wave: Wave): Analysis {
  const { samples, sampleRate } = wave;
  if (!(sampleRate >= 20 && sampleRate <= 2000)) throw new RangeError("the sample rate is not 20–2000 Hz");
  const seconds = samples.length / sampleRate;
  if (seconds < shortest) return refusal("too short", 0, explain.short(seconds, shortest));

  const even = limited(bandPassed(resampled(wave)));
  if (!measurable(wave, even)) return refusal("too poor", 0, explain.nothing);
  const track = trackPeriod(even);
  // Not worth a search for beats: more rhythm than this is needed, in a quarter of the time at least.
  const strong = track.strength.filter((strength) => strength >= leastQuality ** 2).length;
  if (strong < track.strength.length / 8) return refusal("too poor", 0, explain.poor(0, leastQuality));

  const up = upright(even);
  const first = judged({ even: up, track, seconds });
  if (first.ok) return first;
  const second = judged({ even: up.map((value) => -value), track, seconds });
  return second.ok ? second : first;
}

interface Prepared {
  /** The wave at 100 Hz, its beats upwards. */
  even: Float64Array;
  track: Track;
  seconds: number;
}

function judged({ even, track, seconds }: Prepared): Analysis {
  const places = findBeats(even, track);
  if (places.length <= leastIntervals) return refusal("too poor", 0, explain.nothing);
  const beats = compareBeats(even, places);
  const clear = clearOnes(beats);
  const found = beats.map(({ at }, i) => ({
    at: Math.max(0, Math.min(seconds * 1000, (at / rate) * 1000)),
    clear: clear[i] as boolean,
  }));
  const intervals = intervalsOf(found, track);
  const { quality, seconds: used } = qualityOf({ track, beats, intervals }, seconds);
  const figures = variability(intervals);

  const poor = (explanation: string, left = quality) => refusal("too poor", left, explanation);
  if (quality < leastQuality) return poor(explain.poor(quality, leastQuality));
  const { beatIntervals, heartRate, sdnn, regularity } = figures;
  if (beatIntervals.length < leastIntervals || used < Math.max(shortest, seconds / 4)) {
    return poor(explain.few(beatIntervals.length, used));
  }
  if (heartRate < slowest || heartRate > fastest) return poor(explain.range(slowest, fastest), 0);
  const error = ((heartRate ** 2 / 60_000) * sdnn) / Math.sqrt(beatIntervals.length);
  const irregular = heartRate * (1 - regularity);
  if (error > mostError || irregular > mostIrregular || alternates(beats)) return poor(explain.doubtful);
  return {
    ok: true,
    report: {
      ...figures,
      quality,
      summary: summarise({ ...figures, quality }, seconds),
      method: method(builtIn.name),
      beats: found.filter((beat) => beat.clear).map(({ at }) => at),
      rejected: unused(intervals, seconds * 1000),
    },
  };
}

function refusal(why: "too short" | "too poor", quality: number, explanation: string): Analysis {
  return { ok: false, why, quality, explanation };
}
