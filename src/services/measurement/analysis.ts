import { builtIn } from "./engine/built-in.ts";
import type { Analysis } from "./engine/engine.ts";
import { unpack } from "./packing.ts";
import { pictureOf } from "./picture.ts";

export interface AnalysisTask {
  /** As packing.ts packs it. */
  packed: Uint8Array;
  /** Hz. */
  sampleRate: number;
  /** Whether to draw it too. */
  drawn: boolean;
}

export interface AnalysisResult {
  analysis: Analysis;
  /** An SVG document; empty unless it was asked for. */
  svg: string;
}

/** What a thread of analyst.ts does. */
export default async function ({ packed, sampleRate, drawn }: AnalysisTask): Promise<AnalysisResult> {
  const wave = { samples: await unpack(packed), sampleRate };
  const analysis = builtIn.analyze(wave);
  return { analysis, svg: drawn ? pictureOf(wave, analysis) : "" };
}
