import { XMLParser, XMLValidator } from "fast-xml-parser";
import { expect, test } from "vitest";
import { builtIn } from "../../../src/services/measurement/engine/built-in.ts";
import type { Analysis, Report, Wave } from "../../../src/services/measurement/engine/engine.ts";
import { pictureOf } from "../../../src/services/measurement/picture.ts";
import { makeNoise, makeWave } from "./synth.ts";

const usual = { seed: 1, heartRate: 72, sampleRate: 100, seconds: 30, noise: 20, drift: 1, bursts: 1 };

/** Checked to be well-formed and to need nothing else; then its words without marks. */
function draw(wave: Wave, analysis = builtIn.analyze(wave)): { svg: string; words: string } {
  const svg = pictureOf(wave, analysis);
  expect(XMLValidator.validate(svg)).toBe(true);
  expect(svg).not.toMatch(/NaN|Infinity|undefined|<script|<image|<foreignObject|url\(|\son\w+=/);
  expect([...svg.matchAll(/href="([^"]*)"/g)].every(([, to]) => to?.startsWith("#"))).toBe(true);
  return { svg, words: svg.replace(/<[^>]*>/g, " ") };
}

function reportOf(wave: Wave): Report {
  const analysis = builtIn.analyze(wave);
  if (!analysis.ok) throw new Error(analysis.explanation);
  return analysis.report;
}

test("a report's picture shows the figures, every beat, and what was rejected", () => {
  const wave = makeWave(usual);
  const report = reportOf(wave);
  const { svg, words } = draw(wave);
  expect(svg.match(/<use href="#beat"/g)).toHaveLength(report.beats.length + 1); // and one in the legend
  expect(words).toContain(`${Math.round(report.heartRate)}`);
  expect(words).toContain(`${Math.round(report.rmssd)} 毫秒`);
  expect(words).toContain(`${Math.round(report.quality * 100)}%`);
  expect(words).toContain("不是医疗诊断");
  expect(report.rejected.length).toBeGreaterThan(0);
  const shaded = svg.match(/fill="#f3e2bd"/g) ?? [];
  expect(shaded.length).toBeGreaterThanOrEqual(report.rejected.length + 1);
});

test("it can be read aloud", () => {
  const wave = makeWave(usual);
  const { svg: root } = new XMLParser({ ignoreAttributes: false, attributeNamePrefix: "" }).parse(
    draw(wave).svg,
  );
  expect(root.role).toBe("img");
  expect(root["aria-labelledby"].split(" ")).toEqual([root.title.id, root.desc.id]);
  expect(root.title["#text"]).toContain("次/分");
  expect(root.desc["#text"]).toBe(reportOf(wave).summary);
});

test("a poor signal's picture shows the wave and says why", () => {
  const wave = makeNoise("pink", 100, { seconds: 30, seed: 4 });
  const { svg, words } = draw(wave);
  expect(words).toContain("无法给出结果");
  expect(words).toContain("信号太差");
  expect(svg).toContain('stroke="#0b6e99"');
});

test("it stays small for any length and rate", () => {
  for (const [sampleRate, seconds] of [
    [20, 4000],
    [100, 600],
    [2000, 100],
    [250, 60],
    [20, 15],
  ] as const) {
    const wave = makeWave({ ...usual, sampleRate, seconds });
    expect(Buffer.byteLength(draw(wave).svg)).toBeLessThan(70_000);
  }
});

test("waves of one sample, of one value, at the ends of the scale", () => {
  const of = (values: number[], sampleRate = 20): Wave => ({ samples: Int16Array.from(values), sampleRate });
  draw(of([]));
  draw(of([5]));
  draw(of(Array(400).fill(-32768)));
  draw(of(Array.from({ length: 4000 }, (_, i) => (i % 2 === 0 ? 32767 : -32768))));
});

test("a report of another engine is drawn as it is: escaped, and with what does not fit", () => {
  const wave = makeWave({ ...usual, seconds: 10 });
  const report: Report = {
    ...{ heartRate: 300, beatIntervals: [200], sdnn: 0, rmssd: 0, pnn50: 0, regularity: 1, quality: 2 },
    ...{
      summary: 'a < b & "c" \u0000\ud800 </svg><script>',
      method: "",
      beats: [100, 300],
      rejected: [[-5, 1e9]],
    },
  };
  const analysis: Analysis = { ok: true, report };
  const { svg } = draw(wave, analysis);
  expect(svg).toContain("a &lt; b &amp; &quot;c&quot;");
  draw(wave, { ok: true, report: { ...report, beats: [], beatIntervals: [], rejected: [] } });
});
