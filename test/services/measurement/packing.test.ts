import { expect, test } from "vitest";
import { pack, unpack } from "../../../src/services/measurement/packing.ts";
import { gaussOf, makeWave, quantised, randomOf } from "./synth.ts";

test("samples come back as they were, whatever they are", async () => {
  const random = randomOf(7);
  const noise = Int16Array.from({ length: 5000 }, () => Math.floor(random() * 65536) - 32768);
  const steps = Int16Array.from(
    { length: 1000 },
    (_, i) => [-32768, 32767, -1, 0, 1, -32768][i % 6] as number,
  );
  const walk = quantised(new Float64Array(5000).map(gaussOf(random)).map((value) => value * 300));
  for (const samples of [Int16Array.of(), Int16Array.of(-32768), noise, steps, walk]) {
    expect(await unpack(await pack(samples))).toEqual(samples);
    // As drivers give bytes: in the middle of others.
    const packed = await pack(samples);
    const within = Buffer.concat([Buffer.alloc(3), packed, Buffer.alloc(5)]);
    expect(await unpack(within.subarray(3, 3 + packed.length))).toEqual(samples);
  }
});

test("a pulse wave takes less than two thirds of its 16 bits a sample, a quiet one a third", async () => {
  const recipe = { seed: 1, heartRate: 72, sampleRate: 100, seconds: 60, noise: 25, drift: 0.5 };
  const share = async (height: number) => {
    const { samples } = makeWave({ ...recipe, height });
    return (await pack(samples)).length / samples.byteLength;
  };
  expect(await share(2000)).toBeLessThan(0.66);
  expect(await share(200)).toBeLessThan(0.36);
});
