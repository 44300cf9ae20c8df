import type { Wave } from "./engine.ts";

/** The rate (Hz) at which everything after this step works. */
export const rate = 100;

const passed = 20; // Hz: well above the 8 Hz that the band-pass keeps
const lobes = 6;
const steps = 64; // table entries per lobe

/** A sinc under a Hann window, for 0 … lobes zero crossings. */
const kernel = Float64Array.from({ length: lobes * steps + 2 }, (_, index) => {
  const x = index / steps;
  if (x >= lobes) return 0;
  const sinc = x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
  return sinc * (0.5 + 0.5 * Math.cos((Math.PI * x) / lobes));
});

/**
 * The wave at 100 Hz, whatever its own rate: band-limited interpolation (windowed sinc, after J. O. Smith,
 * "Digital Audio Resampling", CCRMA, Stanford University). What is above 20 Hz, or above half of the wave's
 * own rate, is left out, so that nothing of it comes back as an alias.
 */
export function resampled({ samples, sampleRate }: Wave): Float64Array {
  const out = new Float64Array(Math.floor(((samples.length - 1) / sampleRate) * rate) + 1);
  const crossings = Math.min(1, (2 * passed) / sampleRate); // zero crossings per sample of the wave
  const reach = lobes / crossings;
  for (let index = 0; index < out.length; index++) {
    const centre = (index / rate) * sampleRate;
    const from = Math.max(0, Math.ceil(centre - reach));
    const to = Math.min(samples.length - 1, Math.floor(centre + reach));
    let sum = 0;
    let weights = 0;
    for (let i = from; i <= to; i++) {
      const x = Math.abs(i - centre) * crossings * steps;
      const cell = x | 0;
      const low = kernel[cell] as number;
      const weight = low + ((kernel[cell + 1] as number) - low) * (x - cell);
      sum += weight * (samples[i] as number);
      weights += weight;
    }
    out[index] = sum / weights;
  }
  return out;
}
