import type { Analysis, Report, Wave } from "./engine/engine.ts";
import { colours, escaped, inner, margin, rectangle, text, width, wrapped } from "./picture/svg.ts";
import { tachogram } from "./picture/tachogram.ts";
import { waveRows } from "./picture/wave-rows.ts";

const noAdvice = "仅供参考，不是医疗诊断或建议";

/**
 * The wave and what was found in it, as an SVG document of some tens of kB for any length: made for a
 * phone's width, larger where there is room. It refers to nothing outside of it and runs nothing.
 */
export function pictureOf(wave: Wave, analysis: Analysis): string {
  const seconds = wave.samples.length / wave.sampleRate;
  const parts = analysis.ok ? reported(wave, analysis.report, seconds) : refused(wave, analysis, seconds);
  const title = analysis.ok
    ? `脉搏报告：心率 ${Math.round(analysis.report.heartRate)} 次/分`
    : "脉搏报告：信号无法分析";
  const description = analysis.ok ? analysis.report.summary : analysis.explanation;
  const { height } = parts;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img"`,
    ' aria-labelledby="pulse-title pulse-words" style="max-width:720px"',
    ' font-family="system-ui, -apple-system, &quot;PingFang SC&quot;, &quot;Noto Sans SC&quot;, sans-serif">',
    `<title id="pulse-title">${escaped(title)}</title><desc id="pulse-words">${escaped(description)}</desc>`,
    `<defs><path id="beat" d="M-3 0H3L0 5Z" fill="${colours.beat}"/></defs>`,
    `<rect width="${width}" height="${height}" rx="12" fill="${colours.card}"/>`,
    parts.svg,
    "</svg>",
  ].join("");
}

interface Part {
  svg: string;
  /** px */
  height: number;
}

function reported(wave: Wave, report: Report, seconds: number): Part {
  const parts = [
    rateText(report.heartRate, 60),
    text(margin, 80, "心率 · 成人静息常见 60–100", { fill: colours.faint }),
    qualityBar(report.quality, 34),
    figures(report, 100),
  ];
  let y = 160;
  parts.push(heading("脉搏波", y));
  const rows = waveRows(wave, report, y + 14);
  parts.push(rows.svg, legend(rows.marked, y));
  y += 14 + rows.height + 20;
  parts.push(heading("心搏间期（毫秒）", y));
  const plot = tachogram(report, seconds, y + 14);
  parts.push(plot.svg);
  y += 14 + plot.height + 22;
  const words = paragraph(report.summary, y);
  return { svg: parts.join("") + words.svg, height: y + words.height };
}

function refused(wave: Wave, { quality, explanation }: Analysis & { ok: false }, seconds: number): Part {
  const parts = [text(margin, 50, "无法给出结果", { size: 24, weight: 600 }), qualityBar(quality, 34)];
  const words = paragraph(explanation, 82);
  let y = 82 + words.height + 6;
  parts.push(words.svg, heading(`脉搏波（${seconds.toFixed(1)} 秒）`, y));
  const rows = waveRows(wave, { beats: [], rejected: [] }, y + 14);
  y += 14 + rows.height;
  parts.push(rows.svg, text(margin, y + 12, noAdvice, { size: 11, fill: colours.faint }));
  return { svg: parts.join(""), height: y + 28 };
}

/** One text, so that the unit follows whatever the font makes of the number. */
function rateText(heartRate: number, y: number): string {
  const unit = `<tspan dx="6" font-size="14" fill="${colours.faint}" font-weight="400">次/分</tspan>`;
  const number = `${Math.round(heartRate)}${unit}`;
  return `<text x="${margin}" y="${y}" font-size="46" fill="${colours.ink}" font-weight="600">${number}</text>`;
}

/** At the right, with its share as a number and as a bar. */
function qualityBar(quality: number, y: number): string {
  const long = 96;
  const x = width - margin - long;
  const good = Math.max(0, Math.min(1, quality)) * long;
  return [
    text(x, y, "信号质量", { fill: colours.faint }),
    text(width - margin, y, `${Math.round(quality * 100)}%`, { anchor: "end", weight: 600 }),
    rectangle(x, y + 8, long, 6, colours.line),
    rectangle(x, y + 8, good, 6, colours.wave),
  ].join("");
}

function figures({ sdnn, rmssd, pnn50, regularity }: Report, y: number): string {
  const cells = [
    ["SDNN", `${Math.round(sdnn)} 毫秒`],
    ["RMSSD", `${Math.round(rmssd)} 毫秒`],
    ["pNN50", `${Math.round(pnn50 * 100)}%`],
    ["规整度", `${Math.round(regularity * 100)}%`],
  ] as const;
  return cells
    .map(([name, value], i) => {
      const x = margin + (i * inner) / cells.length;
      return (
        text(x, y, name, { size: 11, fill: colours.faint }) +
        text(x, y + 20, value, { size: 16, weight: 600 })
      );
    })
    .join("");
}

function heading(words: string, y: number): string {
  return text(margin, y, words, { size: 13, weight: 600 });
}

/** What the marks on the wave mean, at the right of its heading. */
function legend(marked: boolean, y: number): string {
  const right = width - margin;
  const label = { size: 11, fill: colours.faint };
  const beats = marked
    ? `<use href="#beat" x="${right - 88}" y="${y - 6}"/>${text(right - 81, y, "心搏", label)}`
    : text(right - 58, y, "心搏太密，未逐个标出", { ...label, anchor: "end" });
  return beats + rectangle(right - 50, y - 9, 11, 10, colours.bad) + text(right - 35, y, "未采用", label);
}

function paragraph(words: string, y: number): Part {
  const lines = wrapped(words, inner / 13 - 0.5);
  const svg = lines.map((one, i) => text(margin, y + i * 20, one, { size: 13 })).join("");
  return { svg, height: lines.length * 20 };
}
