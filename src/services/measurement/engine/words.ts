import type { Report } from "./engine.ts";

const noAdvice = "本结果仅供参考，不是医疗诊断或建议；如有不适请就医。";

/** Why there is no report. */
export const explain = {
  short: (seconds: number, least: number) =>
    `记录太短：${seconds.toFixed(1)} 秒，至少需要 ${least} 秒，建议测量 30 秒以上。`,
  nothing: "信号太差：没有找到脉搏波，可能传感器没有贴好。请重新测量。",
  poor: (quality: number, least: number) =>
    `信号太差：质量 ${percent(quality)}，低于 ${percent(least)}，无法可靠计算。` +
    "可能是移动、接触不良，或心律很不规则。请静坐、放稳手指后重新测量。",
  few: (intervals: number, seconds: number) =>
    `信号太差：只有 ${seconds.toFixed(0)} 秒、${intervals} 个间期可用。请静坐、放稳手指后重新测量。`,
  doubtful: "信号太差：心搏很不规则，或大小交替，心率无法可靠确定。请静坐、放稳手指后重新测量。",
  range: (slowest: number, fastest: number) =>
    `信号太差：找到的节律不在 ${slowest}–${fastest} 次/分之内，不像脉搏。请重新测量。`,
};

/** The report in Chinese, each figure with the bounds it is measured against. */
export function summarise(
  {
    heartRate,
    beatIntervals,
    sdnn,
    rmssd,
    pnn50,
    regularity,
    quality,
  }: Omit<Report, "summary" | "method" | "beats" | "rejected">,
  seconds: number,
): string {
  const bpm = Math.round(heartRate);
  const place = bpm < 60 ? "偏慢" : bpm > 100 ? "偏快" : "在范围内";
  const rhythm = regularity >= 0.8 ? "节律规整" : regularity >= 0.6 ? "节律略有不齐" : "节律明显不齐";
  const signal = quality >= 0.8 ? "好" : quality >= 0.6 ? "较好" : "一般";
  const short =
    seconds < 300 ? `，标准短时测量为 5 分钟，本次 ${Math.round(seconds)} 秒，变异性仅供参考` : "";
  return [
    `心率 ${bpm} 次/分，成人静息常见范围 60–100 次/分，${place}。`,
    `${rhythm}（规整度 ${percent(regularity)}，80% 以上为规整，60% 以下为明显不齐）。`,
    `心率变异性（${beatIntervals.length} 个心搏间期）：SDNN ${Math.round(sdnn)} 毫秒，RMSSD ${Math.round(rmssd)} 毫秒，pNN50 ${percent(pnn50)}${short}。`,
    `信号质量 ${percent(quality)}，${signal}（满分 100%，低于 45% 不出报告）。`,
    noAdvice,
  ].join("");
}

/** The engine and what it follows. */
export function method(name: string): string {
  return (
    `${name}: band-pass 0.5–8 Hz and two moving averages (Elgendi et al. 2013, PLoS ONE 8:e76585), ` +
    "period by autocorrelation (Boersma 1993), beats by dynamic programming (Ellis 2007), " +
    "template matching (Orphanidou et al. 2015, IEEE J Biomed Health Inform 19:832), " +
    "intervals within 20 % (Malik et al. 1989), figures in the time domain " +
    "(Task Force of ESC and NASPE 1996, Circulation 93:1043). Pulse intervals stand for RR intervals."
  );
}

function percent(share: number): string {
  return `${Math.round(share * 100)}%`;
}
