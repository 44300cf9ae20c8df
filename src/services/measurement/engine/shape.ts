import { mean, median, vertex } from "./numbers.ts";

/** A beat after its comparison with its neighbours. Places are samples at 100 Hz. */
export interface Beat {
  /** Its systolic peak. */
  at: number;
  /** Correlation with the mean of the other beats near it (-1–1). */
  likeness: number;
  /** Its size over the usual one. */
  size: number;
}

const points = 40; // values of a beat's shape
const before = 0.3; // of a period, from the peak
const after = 0.6;
const shifts = 0.12; // of a period, either way
const block = 40; // beats that are compared with each other

/**
 * Moves each beat to where it is most like the others (a matched filter, which finds a time in noise better
 * than its peak does), and says how like: the template matching of Orphanidou et al. 2015.
 */
export function compareBeats(wave: Float64Array, places: number[]): Beat[] {
  const blocks = Math.max(1, Math.round(places.length / block));
  return Array.from({ length: blocks }, (_, i) => {
    const from = Math.round((places.length * i) / blocks);
    return compareBlock(wave, places.slice(from, Math.round((places.length * (i + 1)) / blocks)));
  }).flat();
}

function compareBlock(wave: Float64Array, places: number[]): Beat[] {
  const period = median(places.slice(1).map((place, i) => place - (places[i] as number)));
  const step = ((before + after) * period) / points;
  const cut = (centre: number) => {
    const into = new Float64Array(points);
    cutOut(wave, { from: centre - before * period, step, into });
    return normalised(into);
  };
  let at = places;
  let shapes = at.map(cut);
  for (const _ of [1, 2]) {
    const template = sumOf(shapes.map(({ shape }) => shape));
    at = at.map((place, i) => {
      const others = without(template, shapes[i]?.shape as Float64Array);
      return place + bestShift(wave, place, { period, step, template: others });
    });
    shapes = at.map(cut);
  }
  const template = sumOf(shapes.map(({ shape }) => shape));
  const top = peakOf(template) * step - before * period;
  const usual = median(shapes.map(({ norm }) => norm));
  return shapes.map(({ shape, norm }, i) => {
    const rest = without(template, shape);
    const likeness = dot(rest, shape) / (Math.sqrt(dot(rest, rest)) || 1);
    return { at: (at[i] as number) + top, likeness, size: norm / usual };
  });
}

interface Matched {
  period: number;
  step: number;
  template: Float64Array;
}

/** How many samples later (or earlier) the wave is most like the template, whose mean is 0. */
function bestShift(wave: Float64Array, place: number, { period, step, template }: Matched): number {
  const reach = Math.max(2, Math.round(shifts * period));
  const fit = new Float64Array(2 * reach + 1);
  const shape = new Float64Array(points);
  let best = 1;
  for (let i = 0; i < fit.length; i++) {
    cutOut(wave, { from: place + i - reach - before * period, step, into: shape });
    fit[i] = dot(shape, template) / (Math.sqrt(centredPower(shape)) || 1);
    if (i > 1 && i < fit.length - 1 && (fit[i] as number) > (fit[best] as number)) best = i;
  }
  return best - reach + vertex(fit[best - 1] as number, fit[best] as number, fit[best + 1] as number);
}

interface Cut {
  from: number;
  step: number;
  into: Float64Array;
}

/** Values of the wave, by cubic interpolation (Catmull and Rom); beyond its ends its end values. */
function cutOut(wave: Float64Array, { from, step, into }: Cut): void {
  const last = wave.length - 1;
  for (let i = 0; i < into.length; i++) {
    const x = Math.max(0, Math.min(last, from + i * step));
    const cell = Math.floor(x);
    const t = x - cell;
    const a = wave[Math.max(0, cell - 1)] as number;
    const b = wave[cell] as number;
    const c = wave[Math.min(last, cell + 1)] as number;
    const d = wave[Math.min(last, cell + 2)] as number;
    into[i] = b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)));
  }
}

/** The sum of squares about the mean. */
function centredPower(shape: Float64Array): number {
  let sum = 0;
  let squares = 0;
  for (let i = 0; i < shape.length; i++) {
    const value = shape[i] as number;
    sum += value;
    squares += value * value;
  }
  return Math.max(0, squares - (sum * sum) / shape.length);
}

/** The shape with mean 0 and length 1, in place, and the length it had. */
function normalised(shape: Float64Array): { shape: Float64Array; norm: number } {
  const average = mean(shape);
  const norm = Math.sqrt(centredPower(shape));
  for (let i = 0; i < shape.length; i++) shape[i] = ((shape[i] as number) - average) / (norm || 1);
  return { shape, norm };
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}

function sumOf(shapes: Float64Array[]): Float64Array {
  const sum = new Float64Array(points);
  for (const shape of shapes)
    for (let i = 0; i < points; i++) sum[i] = (sum[i] as number) + (shape[i] as number);
  return sum;
}

/** So that a beat is compared with the others, not with itself. */
function without(sum: Float64Array, shape: Float64Array): Float64Array {
  const rest = new Float64Array(points);
  for (let i = 0; i < points; i++) rest[i] = (sum[i] as number) - (shape[i] as number);
  return rest;
}

/** The template's highest place near its beats' peaks, interpolated. */
function peakOf(template: Float64Array): number {
  const centre = Math.round((before / (before + after)) * points);
  const reach = Math.round(points / 6);
  let best = centre - reach;
  for (let i = best; i <= centre + reach; i++)
    if ((template[i] as number) > (template[best] as number)) best = i;
  return best + vertex(template[best - 1] as number, template[best] as number, template[best + 1] as number);
}
