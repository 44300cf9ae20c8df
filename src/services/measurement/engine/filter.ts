import { runningMedian } from "./numbers.ts";
import { rate } from "./resample.ts";

/** One second-order section: b0, b1, b2, a1, a2 (a0 is 1). */
type Section = readonly [b0: number, b1: number, b2: number, a1: number, a2: number];

/** A Butterworth section by the bilinear transform; q is 1/√2 for the second order. */
function section(kind: "low" | "high", frequency: number, q: number): Section {
  const k = Math.tan((Math.PI * frequency) / rate);
  const norm = 1 / (1 + k / q + k * k);
  const b0 = kind === "low" ? k * k * norm : norm;
  const b1 = kind === "low" ? 2 * b0 : -2 * b0;
  return [b0, b1, b0, 2 * (k * k - 1) * norm, (1 - k / q + k * k) * norm];
}

/** The pulse's band: 0.5–8 Hz, steep below so that breathing and drift stay outside. */
const sections: readonly Section[] = [
  section("high", 0.5, 1 / (2 * Math.cos(Math.PI / 8))),
  section("high", 0.5, 1 / (2 * Math.cos((3 * Math.PI) / 8))),
  section("low", 8, Math.SQRT1_2),
];

/** In place, starting as if the first value had always been there. */
function run(values: Float64Array, [b0, b1, b2, a1, a2]: Section): void {
  const first = values[0] ?? 0;
  const gain = (b0 + b1 + b2) / (1 + a1 + a2);
  let z2 = (b2 - a2 * gain) * first;
  let z1 = (b1 - a1 * gain) * first + z2;
  for (let i = 0; i < values.length; i++) {
    const x = values[i] as number;
    const y = b0 * x + z1;
    z1 = b1 * x - a1 * y + z2;
    z2 = b2 * x - a2 * y;
    values[i] = y;
  }
}

/**
 * The band-pass of Elgendi et al. 2013 (Butterworth, 0.5–8 Hz, forwards and backwards so that no beat is
 * shifted), with a high-pass of fourth instead of second order. At both ends the wave is continued by its
 * own reflection for two seconds.
 */
export function bandPassed(values: Float64Array): Float64Array {
  const pad = Math.min(2 * rate, values.length - 1);
  const last = values.length - 1;
  const padded = new Float64Array(values.length + 2 * pad);
  padded.set(values, pad);
  for (let i = 1; i <= pad; i++) {
    padded[pad - i] = 2 * (values[0] as number) - (values[i] as number);
    padded[pad + last + i] = 2 * (values[last] as number) - (values[last - i] as number);
  }
  for (const _ of ["forwards", "backwards"]) {
    for (const one of sections) run(padded, one);
    padded.reverse();
  }
  return padded.slice(pad, pad + values.length);
}

/**
 * Cut off at four times the usual size (the median of the effective values of the seconds around), which no
 * pulse reaches: motion shall not outweigh the pulse in what follows. Where the sensor was off most of that
 * time, half of what three quarters of all seconds stay below stands in for the median.
 */
export function limited(wave: Float64Array): Float64Array {
  const seconds = Math.max(1, Math.floor(wave.length / rate));
  const sizes = Float64Array.from({ length: seconds }, (_, second) => {
    let sum = 0;
    for (let i = second * rate; i < (second + 1) * rate; i++) sum += (wave[i] ?? 0) ** 2;
    return Math.sqrt(sum / rate);
  });
  const least = (sizes.toSorted()[Math.floor(seconds * 0.75)] as number) / 2;
  const usual = runningMedian(sizes, 10).map((size) => Math.max(size, least));
  return wave.map((value, i) => {
    const limit = 4 * (usual[Math.min(seconds - 1, Math.floor(i / rate))] as number);
    return Math.max(-limit, Math.min(limit, value));
  });
}

/**
 * The wave with its beats upwards: sensors that measure the light that is left give it upside down. A pulse
 * is pointed above and rises faster than it falls, so both its values and its slopes are skewed to the
 * positive (skewness as Elgendi 2016 takes it for a sign of a good wave).
 */
export function upright(wave: Float64Array): Float64Array {
  const slopes = wave.subarray(1).map((value, i) => value - (wave[i] as number));
  return skewness(wave) + skewness(slopes) < 0 ? wave.map((value) => -value) : wave;
}

/** Third moment over the second's power of 1.5, about 0, which is the mean of what passed the filter. */
function skewness(values: Float64Array): number {
  let squares = 0;
  let cubes = 0;
  for (const value of values) {
    squares += value * value;
    cubes += value * value * value;
  }
  return squares === 0 ? 0 : cubes / values.length / (squares / values.length) ** 1.5;
}
