/** A pulse wave as the sensor gave it. */
export interface Wave {
  readonly samples: Int16Array;
  /** Hz */
  readonly sampleRate: number;
}

/** What was found in a wave. Times are ms from its first sample. */
export interface Report {
  /** Beats a minute: 60,000 over the mean of the accepted intervals. */
  heartRate: number;
  /** The accepted intervals from beat to beat (ms), in order. */
  beatIntervals: number[];
  /** Standard deviation of the accepted intervals (ms). */
  sdnn: number;
  /** Root mean square of the differences of neighbouring accepted intervals (ms). */
  rmssd: number;
  /** Share of those differences over 50 ms (0–1). */
  pnn50: number;
  /** How regular the rhythm is (0–1). */
  regularity: number;
  /** How good the signal is (0–1). */
  quality: number;
  /** The same in plain words, in Chinese, with the bounds named. */
  summary: string;
  /** The engine's name and version, and its sources. */
  method: string;
  /** Where the beats are (ms). */
  beats: number[];
  /** Stretches that were not used: from, to (ms), in order, apart from each other. */
  rejected: [from: number, to: number][];
}

/** A report, or the reason why there is none, explained in Chinese. */
export type Analysis =
  | { ok: true; report: Report }
  | { ok: false; why: "too short" | "too poor"; quality: number; explanation: string };

/** Finds the heart's beats in a pulse wave. The same wave always gives the same analysis. */
export interface Engine {
  readonly name: string;
  /** Throws RangeError for a sample rate that is not within 20–2000 Hz. */
  analyze(wave: Wave): Analysis;
}
