import { median, vertex } from "./numbers.ts";

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
  const cut = (centre: number) => normalised(shapeAt(wave, centre - before * period, step));
  let at = places;
  let shapes = at.map(cut);
  for (const _ of [1, 2]) {
    const template = sumOf(shapes.map(({ shape }) => shape));
    at = at.map(
      (place, i) =>
        place + bestShift(wave, place, { period, step, template: without(template, shapes[i]?.shape) }),
    );
    shapes = at.map(cut);
  }
  const template = sumOf(shapes.map(({ shape }) => shape));
  const top = peakOf(template) * step - before * period;
  const usual = median(shapes.map(({ norm }) => norm));
  return shapes.map(({ shape, norm }, i) => ({
    at: (at[i] as number) + top,
    likeness: dot(unit(without(template, shape)), shape),
    size: norm / usual,
  }));
}

interface Matched {
  period: number;
  step: number;
  template: Float64Array;
}

/** How many samples later (or earlier) the wave is most like the template. */
function bestShift(wave: Float64Array, place: number, { period, step, template }: Matched): number {
  const reach = Math.max(2, Math.round(shifts * period));
  const fit = Float64Array.from({ length: 2 * reach + 1 }, (_, i) => {
    return dot(normalised(shapeAt(wave, place + i - reach - before * period, step)).shape, template);
  });
  let best = 1;
  for (let i = 2; i < fit.length - 1; i++) if ((fit[i] as number) > (fit[best] as number)) best = i;
  return best - reach + vertex(fit[best - 1] as number, fit[best] as number, fit[best + 1] as number);
}

/** `points` values of the wave, by cubic interpolation; beyond its ends its end values. */
function shapeAt(wave: Float64Array, from: number, step: number): Float64Array {
  const shape = new Float64Array(points);
  const last = wave.length - 1;
  for (let i = 0; i < points; i++) {
    const x = Math.max(0, Math.min(last, from + i * step));
    const cell = Math.floor(x);
    const t = x - cell;
    const b = wave[cell] as number;
    const c = wave[Math.min(last, cell + 1)] as number;
    const a = wave[Math.max(0, cell - 1)] as number;
    const d = wave[Math.min(last, cell + 2)] as number;
    shape[i] = b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)));
  }
  return shape;
}

/** The shape with mean 0 and length 1, and the length it had. */
function normalised(shape: Float64Array): { shape: Float64Array; norm: number } {
  let sum = 0;
  for (const value of shape) sum += value;
  const mean = sum / shape.length;
  for (let i = 0; i < shape.length; i++) shape[i] = (shape[i] as number) - mean;
  const norm = Math.sqrt(dot(shape, shape));
  return { shape: unit(shape), norm };
}

function unit(shape: Float64Array): Float64Array {
  const norm = Math.sqrt(dot(shape, shape)) || 1;
  return shape.map((value) => value / norm);
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
function without(sum: Float64Array, shape: Float64Array | undefined): Float64Array {
  return shape ? sum.map((value, i) => value - (shape[i] as number)) : sum;
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
