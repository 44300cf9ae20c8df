import { expect, test } from "vitest";
import { builtIn } from "../../../src/services/measurement/engine/built-in.ts";
import type { Report, Wave } from "../../../src/services/measurement/engine/engine.ts";
import { gaussOf, type Made, makeNoise, makeWave, type Recipe, randomOf } from "./synth.ts";

const usual: Recipe = { seed: 1, heartRate: 72, sampleRate: 100, seconds: 30, noise: 20, drift: 1 };

function reportOf(wave: Wave): Report {
  const analysis = builtIn.analyze(wave);
  if (!analysis.ok) throw new Error(`${analysis.why}: ${analysis.explanation}`);
  return analysis.report;
}

function refusalOf(wave: Wave) {
  const analysis = builtIn.analyze(wave);
  if (analysis.ok) throw new Error(`a report of ${analysis.report.heartRate} beats a minute`);
  return analysis;
}

/** A wave of a formula: seconds to height. */
function waveOf(sampleRate: number, seconds: number, height: (time: number, index: number) => number): Wave {
  const samples = Int16Array.from({ length: Math.round(seconds * sampleRate) }, (_, i) =>
    Math.max(-32768, Math.min(32767, Math.round(height(i / sampleRate, i)))),
  );
  return { samples, sampleRate };
}

/** The figures as they are defined, from the beats' true times. */
function truthOf({ truth }: Made) {
  const intervals = truth.slice(1).map((at, i) => at - (truth[i] as number));
  const mean = intervals.reduce((sum, one) => sum + one, 0) / intervals.length;
  const differences = intervals.slice(1).map((one, i) => one - (intervals[i] as number));
  const squares = (values: number[]) => values.reduce((sum, one) => sum + one * one, 0);
  return {
    sdnn: Math.sqrt(squares(intervals.map((one) => one - mean)) / (intervals.length - 1)),
    rmssd: Math.sqrt(squares(differences) / differences.length),
    pnn50: differences.filter((one) => Math.abs(one) > 50).length / differences.length,
  };
}

for (const sampleRate of [20, 25, 50, 100, 125, 250, 500, 1000, 2000]) {
  test(`40–180 beats a minute at ${sampleRate} Hz, with drift, noise of 20 dB and missed beats`, () => {
    const errors: number[] = [];
    let refused = 0;
    for (let heartRate = 40; heartRate <= 180; heartRate += 20) {
      for (const seconds of sampleRate > 500 ? [15] : [15, 60]) {
        const seed = heartRate + seconds + sampleRate;
        const wave = makeWave({ ...usual, seed, heartRate, sampleRate, seconds, missed: 0.05 });
        const analysis = builtIn.analyze(wave);
        // By chance more than a tenth may be missing; then the rest tells less of the mean.
        const many = wave.normal.filter((shown) => !shown).length > wave.normal.length / 10;
        if (!analysis.ok) refused++;
        else errors.push(Math.abs(analysis.report.heartRate - wave.trueRate) / (many ? 1.5 : 1));
      }
    }
    expect(Math.max(...errors)).toBeLessThan(1);
    expect(refused).toBeLessThanOrEqual(1);
  });
}

test("a diastolic wave of 60 % is no beat, near or far from the systolic one", () => {
  for (const heartRate of [40, 50, 60, 70]) {
    for (const diastolicDelay of [0.25, 0.35, 0.45]) {
      const wave = makeWave({ ...usual, heartRate, diastolic: 0.6, diastolicDelay });
      expect(Math.abs(reportOf(wave).heartRate - wave.trueRate)).toBeLessThan(1);
    }
  }
});

test("beats are found where they are", () => {
  for (const sampleRate of [20, 50, 500]) {
    const wave = makeWave({ ...usual, sampleRate, noise: 30, diastolic: 0.3 });
    const { beats } = reportOf(wave);
    expect(Math.abs(beats.length - wave.truth.length)).toBeLessThanOrEqual(2);
    for (const beat of beats) {
      const nearest = Math.min(...wave.truth.map((at) => Math.abs(at - beat)));
      expect(nearest).toBeLessThan(25);
    }
  }
});

test("a missing beat is no interval and does not slow the rate", () => {
  const steady = { ...usual, seconds: 60, breathing: 0.01, random: 0.005 };
  const whole = reportOf(makeWave(steady));
  const wave = makeWave({ ...steady, missed: 0.15 });
  const report = reportOf(wave);
  expect(wave.normal.filter((shown) => !shown).length).toBeGreaterThan(5);
  expect(Math.max(...report.beatIntervals)).toBeLessThan(1000);
  expect(Math.abs(report.heartRate - wave.trueRate)).toBeLessThan(0.5);
  expect(Math.abs(report.sdnn - whole.sdnn)).toBeLessThan(4);
});

test("early beats and their pauses are no normal intervals, but cost regularity", () => {
  const steady = { ...usual, seconds: 60, breathing: 0.01, random: 0.005 };
  const wave = makeWave({ ...steady, early: 0.08 });
  const report = reportOf(wave);
  expect(wave.normal.filter((normal) => !normal).length).toBeGreaterThan(3);
  expect(Math.abs(report.heartRate - wave.trueRate)).toBeLessThan(1.5);
  expect(report.sdnn).toBeLessThan(25);
  expect(report.regularity).toBeLessThan(reportOf(makeWave(steady)).regularity - 0.05);
});

test("upside down, cut off, faint: the same rate", () => {
  for (const spoiled of [
    { inverted: true },
    { clipped: 0.4 },
    { height: 60 },
    { height: 30_000, drift: 0 },
  ]) {
    for (const heartRate of [48, 75, 130]) {
      const wave = makeWave({ ...usual, ...spoiled, heartRate });
      expect(Math.abs(reportOf(wave).heartRate - wave.trueRate)).toBeLessThan(1);
    }
  }
});

test("motion is rejected as a stretch, and nothing is measured across it", () => {
  const wave = makeWave({ ...usual, seconds: 60 });
  const spoiled = { ...wave, samples: wave.samples.slice() };
  const gauss = gaussOf(randomOf(3));
  for (let i = 2000; i < 2500; i++) spoiled.samples[i] = (wave.samples[i] as number) + 6000 * gauss();
  for (let i = 4000; i < 4600; i++) spoiled.samples[i] = 0;
  const report = reportOf(spoiled);
  expect(Math.abs(report.heartRate - wave.trueRate)).toBeLessThan(1);
  for (const [from, to] of [
    [20_500, 24_500],
    [40_500, 45_500],
  ] as const) {
    expect(report.rejected.some(([start, end]) => start < from && end > to)).toBe(true);
    expect(report.beats.some((beat) => beat > from && beat < to)).toBe(false);
  }
  expect(Math.max(...report.beatIntervals)).toBeLessThan(1100);
});

test("a sensor that is off for half of the time leaves the other half", () => {
  const wave = makeWave({ ...usual, seconds: 60 });
  const half = { ...wave, samples: wave.samples.map((value, i) => (i < 3000 ? value : i % 2)) };
  const report = reportOf(half);
  expect(Math.abs(report.heartRate - wave.trueRate)).toBeLessThan(1.5);
  expect(report.rejected.at(-1)?.[1]).toBeCloseTo(60_000);
});

test("SDNN, RMSSD and pNN50 are those of the true intervals", () => {
  for (const [sampleRate, noise, most] of [
    [20, 40, 4],
    [50, 40, 2],
    [250, 40, 2],
    [25, 20, 8],
    [100, 20, 5],
  ] as const) {
    for (const random of [0.005, 0.03]) {
      const wave = makeWave({ ...usual, sampleRate, noise, seconds: 60, random });
      const [report, truth] = [reportOf(wave), truthOf(wave)];
      expect(Math.abs(report.sdnn - truth.sdnn)).toBeLessThan(most);
      expect(Math.abs(report.rmssd - truth.rmssd)).toBeLessThan(1.5 * most);
      expect(Math.abs(report.pnn50 - truth.pnn50)).toBeLessThan(0.12);
    }
  }
});

test("figures agree with each other, and the words with the figures", () => {
  const report = reportOf(makeWave(usual));
  const { beatIntervals, heartRate, summary } = report;
  const mean = beatIntervals.reduce((sum, one) => sum + one, 0) / beatIntervals.length;
  expect(60_000 / mean).toBeCloseTo(heartRate, 6);
  expect(summary).toContain(`心率 ${Math.round(heartRate)} 次/分`);
  expect(summary).toContain("60–100");
  expect(summary).toContain("不是医疗诊断");
  expect(report.method).toContain(builtIn.name);
  for (const share of [report.pnn50, report.regularity, report.quality]) {
    expect(share).toBeGreaterThanOrEqual(0);
    expect(share).toBeLessThanOrEqual(1);
  }
  expect(reportOf(makeWave({ ...usual, heartRate: 50 })).summary).toContain("偏慢");
  expect(reportOf(makeWave({ ...usual, heartRate: 120 })).summary).toContain("偏快");
});

test("the same wave gives the same analysis and is left as it was", () => {
  const wave = makeWave(usual);
  const before = wave.samples.slice();
  expect(builtIn.analyze(wave)).toEqual(builtIn.analyze(wave));
  expect(wave.samples).toEqual(before);
});

test("too short: less than eight seconds", () => {
  for (const seconds of [0.05, 1, 3, 7.9]) {
    expect(refusalOf(makeWave({ ...usual, seconds })).why).toBe("too short");
  }
  expect(refusalOf({ samples: new Int16Array(1), sampleRate: 20 }).why).toBe("too short");
  expect(refusalOf({ samples: new Int16Array(0), sampleRate: 20 }).why).toBe("too short");
});

const nothing: Record<string, Wave> = {
  "a flat line": waveOf(100, 30, () => 0),
  "a flat line at the end of the scale": waveOf(100, 30, () => 32767),
  "the lowest unit flickering": waveOf(100, 30, (_, i) => i % 2),
  "mains hum": waveOf(1000, 30, (time) => 3000 * Math.sign(Math.sin(100 * Math.PI * time + 0.1))),
  "mains hum, every other sample": waveOf(100, 30, (_, i) => (i % 2 === 0 ? 3000 : -3000)),
  "mains hum as an alias of 5 Hz": waveOf(
    45,
    30,
    (time) => 3000 * Math.sign(Math.sin(100 * Math.PI * time + 0.1)),
  ),
  "both ends of the scale, 7 times a second": waveOf(50, 30, (_, i) => (i % 7 < 3 ? -32768 : 32767)),
  "both ends of the scale, at random": waveOf(50, 30, (_, i) =>
    (i * i * 2654435761) % 7 < 3 ? -32768 : 32767,
  ),
  "a sensor that falls off": waveOf(100, 30, (time) => 20_000 * Math.exp(-time)),
  "breathing without a pulse": waveOf(50, 60, (time) => 8000 * Math.sin(2 * Math.PI * 0.25 * time)),
  "one knock": waveOf(100, 30, (time) => (Math.abs(time - 15) < 0.1 ? 20_000 : 0)),
};
for (const [name, wave] of Object.entries(nothing)) {
  test(`too poor: ${name}`, () => {
    const { why, explanation, quality } = refusalOf(wave);
    expect(why).toBe("too poor");
    expect(explanation).toContain("信号太差");
    expect(quality).toBeLessThan(0.45);
  });
}

test("what the contract allows is taken: 200,000 samples, any rate within 20–2000 Hz and no other", () => {
  for (const sampleRate of [2000, 333.3]) {
    const seconds = 200_000 / sampleRate;
    const wave = makeWave({ ...usual, sampleRate, seconds });
    expect(wave.samples.length).toBe(200_000);
    expect(Math.abs(reportOf(wave).heartRate - wave.trueRate)).toBeLessThan(0.5);
  }
  for (const sampleRate of [0, 19, 2001, Number.NaN, Infinity]) {
    expect(() => builtIn.analyze({ samples: new Int16Array(100), sampleRate })).toThrow(RangeError);
  }
});

/** Long runs: PULSE_WAVES=10000 vitest run test/services/measurement/engine.test.ts */
const waves = Number(process.env.PULSE_WAVES ?? 150);

test(`right or refused: ${waves} waves of any kind`, { timeout: 60_000 + 50 * waves }, () => {
  const random = randomOf(Number(process.env.PULSE_SEED ?? 7));
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)] as T;
  const wrong: unknown[] = [];
  let reported = 0;
  for (let count = 0; count < waves; count++) {
    const seed = Math.floor(random() * 2 ** 32);
    const sampleRate = pick([20, 25, 33.3, 50, 100, 125, 250]);
    const seconds = 8 + 52 * random() ** 2;
    if (count % 3 === 0) {
      const colour = pick(["white", "pink", "brown", "blue", "violet"] as const);
      const analysis = builtIn.analyze(makeNoise(colour, sampleRate, { seconds, seed }));
      if (analysis.ok) wrong.push({ colour, sampleRate, seconds, seed });
      continue;
    }
    const recipe: Recipe = {
      ...{ seed, sampleRate, seconds, heartRate: 40 + 140 * random(), noise: -10 + 45 * random() },
      ...{
        drift: 3 * random(),
        missed: pick([0, 0.05, 0.2 * random()]),
        early: pick([0, 0, 0.1 * random()]),
      },
      ...{ bursts: pick([0, 0, 1, 2, 4]), breathing: 0.06 * random(), random: 0.04 * random() ** 2 },
      ...{ diastolic: 0.6 * random(), clipped: pick([0, 0, 0.4 * random()]), inverted: random() < 0.2 },
    };
    const wave = makeWave(recipe);
    const analysis = builtIn.analyze(wave);
    if (!analysis.ok) continue;
    reported++;
    const { heartRate } = analysis.report;
    if (Math.abs(heartRate - wave.trueRate) > 5) wrong.push({ ...recipe, heartRate, truth: wave.trueRate });
  }
  expect(wrong).toEqual([]);
  expect(reported).toBeGreaterThan(waves / 6);
});
