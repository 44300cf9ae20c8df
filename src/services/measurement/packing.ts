import { promisify } from "node:util";
import { deflateRaw, inflateRaw } from "node:zlib";

const compress = promisify(deflateRaw);
const uncompress = promisify(inflateRaw);

/**
 * Packs samples as they are kept: the differences from sample to sample, folded so that small ones of
 * either sign are small numbers (zigzag), all their low bytes before all their high bytes, deflated
 * (RFC 1951). The README has figures. Compresses off the event loop.
 */
export async function pack(samples: Int16Array): Promise<Buffer> {
  const planes = Buffer.allocUnsafe(samples.length * 2);
  let last = 0;
  for (let i = 0; i < samples.length; i++) {
    const sample = samples[i] as number;
    // Two samples may differ by more than 16 bits hold: the sum wraps around when it is unpacked.
    const difference = ((sample - last) << 16) >> 16;
    const folded = (difference << 1) ^ (difference >> 15);
    planes[i] = folded;
    planes[samples.length + i] = folded >> 8;
    last = sample;
  }
  return compress(planes);
}

/** The samples again. */
export async function unpack(packed: Uint8Array): Promise<Int16Array> {
  const planes = await uncompress(packed);
  const samples = new Int16Array(planes.length / 2);
  let last = 0;
  for (let i = 0; i < samples.length; i++) {
    const folded = (planes[i] as number) | ((planes[samples.length + i] as number) << 8);
    last += (folded >> 1) ^ -(folded & 1);
    samples[i] = last;
  }
  return samples;
}
