/** Pulse waves that are made, with the truth about them. The same seed gives the same wave. */
import type { Wave } from "../../../src/services/measurement/engine/engine.ts";

export interface Recipe {
  seed: number;
  /** Beats a minute. */
  heartRate: number;
  /** Hz */
  sampleRate: number;
  /** s */
  seconds: number;
  /** Power of the pulse over that of white noise, dB; none if left out. */
  noise?: number;
  /** How far the baseline wanders, in pulse heights. */
  drift?: number;
  /** Share of beats that are missing in the wave. */
  missed?: number;
  /** Share of beats that come early, at 65 % of the interval, with a pause after them. */
  early?: number;
  /** Standard deviation of the intervals: breathing and random, as shares of the interval. */
  breathing?: number;
  random?: number;
  /** Height of the diastolic wave, and how long after the systolic one (share of the interval). */
  diastolic?: number;
  diastolicDelay?: number;
  /** Bursts of motion, how many; each 1–3 s long and several pulses high. */
  bursts?: number;
  /** Share of the pulse's height that is cut off at the top. */
  clipped?: number;
  inverted?: boolean;
  /** Height of the pulse in units of the sensor. */
  height?: number;
}

export interface Made extends Wave {
  /** When the heart beats (ms), also where the wave misses it. */
  truth: number[];
  /** Whether the wave shows that beat as a normal one. */
  normal: boolean[];
  /** Beats a minute, of the mean interval between normal beats. */
  trueRate: number;
}

/** Numbers in 0–1 from a seed (Mulberry32, T. Ettinger). */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Numbers of the normal distribution (Box and Muller). */
export function gaussOf(random: () => number): () => number {
  return () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** Rounded to what the sensor can say. */
export function quantised(values: Float64Array): Int16Array {
  return Int16Array.from(values, (value) => Math.max(-32768, Math.min(32767, Math.round(value))));
}

/** A pulse wave: per beat a systolic and a diastolic Gaussian, and then what spoils it. */
export function makeWave(recipe: Recipe): Made {
  const { seed, heartRate, sampleRate, seconds, breathing = 0.03, random: jitter = 0.015 } = recipe;
  const { missed = 0, early = 0, diastolic = 0.4, diastolicDelay, height = 2000 } = recipe;
  const random = randomOf(seed);
  const gauss = gaussOf(random);
  const mean = 60 / heartRate;
  const breath = 0.2 + 0.1 * random(); // Hz
  const phase = 2 * Math.PI * random();
  const beats: { at: number; interval: number; shown: boolean; regular: boolean }[] = [];
  let at = -mean * random();
  let pause = 1;
  while (at < seconds + 1) {
    const isEarly = pause === 1 && random() < early;
    const wave = Math.SQRT2 * breathing * Math.sin(2 * Math.PI * breath * at + phase);
    const interval = mean * Math.max(0.5, 1 + wave + jitter * gauss());
    beats.push({ at, interval, shown: random() >= missed, regular: pause === 1 });
    at += isEarly ? 0.65 * interval : pause * interval;
    pause = isEarly ? 1.35 : 1;
  }
  const length = Math.round(seconds * sampleRate);
  const wave = new Float64Array(length);
  const add = (centre: number, width: number, size: number) => {
    const to = Math.min(length - 1, Math.floor((centre + 5 * width) * sampleRate));
    for (let i = Math.max(0, Math.ceil((centre - 5 * width) * sampleRate)); i <= to; i++) {
      wave[i] = (wave[i] as number) + size * Math.exp(-(((i / sampleRate - centre) / width) ** 2) / 2);
    }
  };
  for (const beat of beats) {
    if (!beat.shown) continue;
    const root = Math.sqrt(mean); // A pulse gets shorter with the interval, but less so.
    const size = height * (1 + 0.05 * gauss());
    add(beat.at, 0.09 * root, size);
    add(beat.at + (diastolicDelay ?? 0.36 / root) * mean, 0.12 * root, size * diastolic);
  }
  const power = wave.reduce((sum, value) => sum + value * value, 0) / length;
  const level = wave.reduce((sum, value) => sum + value, 0) / length;
  const deviation = Math.sqrt(power - level * level);
  spoil(wave, { recipe, random, gauss, deviation, height });
  const inside = beats.filter((beat) => beat.at >= 0 && beat.at * sampleRate <= length - 1);
  const intervals: number[] = [];
  inside.forEach((beat, i) => {
    const previous = inside[i - 1];
    if (previous?.regular && beat.regular) intervals.push((beat.at - previous.at) * 1000);
  });
  return {
    samples: quantised(wave),
    sampleRate,
    truth: inside.map((beat) => beat.at * 1000),
    normal: inside.map((beat) => beat.shown && beat.regular),
    trueRate: 60_000 / (intervals.reduce((sum, value) => sum + value, 0) / intervals.length),
  };
}

interface Spoiled {
  recipe: Recipe;
  random: () => number;
  gauss: () => number;
  /** Of the clean wave. */
  deviation: number;
  height: number;
}

function spoil(wave: Float64Array, { recipe, random, gauss, deviation, height }: Spoiled): void {
  const { sampleRate, seconds, noise, drift = 0, bursts = 0, clipped = 0, inverted = false } = recipe;
  const waves = Array.from({ length: 5 }, (_, i) => ({
    frequency: i < 3 ? 0.02 + 0.1 * random() : 0.15 + 0.15 * random(),
    phase: 2 * Math.PI * random(),
    size: (drift * height) / (i < 3 ? 3 : 6),
  }));
  const slope = ((random() - 0.5) * drift * height) / seconds;
  const sigma = noise === undefined ? 0 : deviation / 10 ** (noise / 20);
  const moved = Array.from({ length: bursts }, () => {
    const long = 1 + 2 * random();
    const parts = Array.from({ length: 4 }, () => ({
      frequency: 0.5 + 5 * random(),
      phase: 2 * Math.PI * random(),
      size: height * (1 + 2 * random()),
    }));
    return { from: random() * (seconds - long), long, parts };
  });
  for (let i = 0; i < wave.length; i++) {
    const time = i / sampleRate;
    let value = Math.min(wave[i] as number, height * (1 - clipped));
    for (const { frequency, phase, size } of waves) {
      value += size * Math.sin(2 * Math.PI * frequency * time + phase);
    }
    for (const { from, long, parts } of moved) {
      if (time < from || time > from + long) continue;
      const fade = Math.sin((Math.PI * (time - from)) / long);
      for (const { frequency, phase, size } of parts) {
        value += fade * size * Math.sin(2 * Math.PI * frequency * time + phase);
      }
    }
    value += slope * time + sigma * gauss();
    wave[i] = inverted ? -value : value;
  }
}

export type Colour = "white" | "pink" | "brown" | "blue" | "violet";

/** Noise whose power goes with the frequency to 0, -1, -2, 1, 2: no pulse in it. */
export function makeNoise(
  colour: Colour,
  sampleRate: number,
  { seconds, seed, height = 2000 }: NoiseRecipe,
): Wave {
  const gauss = gaussOf(randomOf(seed));
  const length = Math.round(seconds * sampleRate);
  const white = Float64Array.from({ length }, gauss);
  const differences = (values: Float64Array) => values.map((value, i) => value - (values[i - 1] ?? 0));
  const wave = {
    white: () => white,
    pink: () => pinkOf(white),
    brown: () => {
      let sum = 0;
      return white.map((value) => {
        sum += value;
        return sum;
      });
    },
    blue: () => differences(pinkOf(white)),
    violet: () => differences(white),
  }[colour]();
  const largest = wave.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
  return { samples: quantised(wave.map((value) => (value / largest) * height)), sampleRate };
}

interface NoiseRecipe {
  seconds: number;
  seed: number;
  /** The largest value. */
  height?: number;
}

/** Leaky integrators an octave apart add up to 1/f over the band that matters. */
function pinkOf(white: Float64Array): Float64Array {
  const out = new Float64Array(white.length);
  for (let octave = 0; octave < 12; octave++) {
    const leak = 1 - 0.5 ** octave * 0.9;
    let state = 0;
    for (let i = 0; i < white.length; i++) {
      state = leak * state + (1 - leak) * (white[i] as number);
      out[i] = (out[i] as number) + state / Math.sqrt(1 - leak + 1e-9);
    }
  }
  return out;
}
