import { button, h } from "./dom.ts";
import { measurements } from "./session.ts";
import { camera, demonstration, type Source } from "./sources.ts";
import { words } from "./texts.ts";
import { drawTrace } from "./trace.ts";
import { forgetUnsent, keepUnsent, type Unsent, unsent } from "./unsent.ts";
import { complaint, type Reading, shortestSeconds, type Wave, waveInFile, waveOf } from "./wave.ts";

/** How much of a wave is recorded (s). */
const wantedSeconds = 30;
/** Taken for a file that does not say (Hz). */
const usualRate = 100;
/** After a longer break in the readings (ms) the recording begins anew: what is missing is not made up. */
const longestBreakMs = 1000;

export interface RecordView {
  element: HTMLElement;
  /** Ends what still runs when the person leaves. */
  leave(): void;
}

/** Records a wave, or reads one from a file, and sends it. */
export function recordView(tell: (text: string) => void): RecordView {
  const element = h("section");
  let source: Source | undefined;
  let gone = false;
  const stop = () => source?.stop();
  const put = (...children: Node[]) => {
    element.replaceChildren(...children);
    element.closest("main")?.focus({ preventScroll: true });
  };
  const failed = (error: unknown) => tell(words(error));

  function choose(): void {
    const file = h("input", { type: "file", accept: ".csv,.txt,.json", id: "file", onchange: readFile });
    const rate = h("input", { type: "number", id: "rate", min: 20, max: 2000, value: usualRate });
    put(
      h("h1", {}, "新测量"),
      h("p", { class: "hint" }, "把指尖轻轻盖住后置摄像头和闪光灯，保持不动，大约半分钟。"),
      button("用摄像头测量", startCamera, { kind: "main", failed }),
      h("hr"),
      h("label", { for: "rate" }, "波形文件的采样率（Hz）"),
      rate,
      h("label", { for: "file" }, "导入波形文件（CSV 或 JSON）"),
      file,
      h("hr"),
      h("p", { class: "hint" }, "没有摄像头？用一段生成的演示波形看看效果，它不是您的脉搏。"),
      button("使用演示波形", () => watch("演示波形（生成的，加速播放）", startDemo), { failed }),
    );

    async function readFile(): Promise<void> {
      const [chosen] = file.files ?? [];
      if (!chosen) return;
      try {
        const wave = waveInFile(await chosen.text(), Number(rate.value));
        await hand(keepUnsent(wave));
      } catch (error) {
        tell(error instanceof SyntaxError ? "文件里没有波形数据。" : words(error));
        // So that choosing it again, mended, is a change.
        file.value = "";
      }
    }
  }

  const video = h("video", { playsinline: true, muted: true, "aria-label": "摄像头画面" });

  function startCamera(): Promise<void> {
    return watch("正在测量", (take) => camera(video, take), video);
  }

  async function startDemo(take: (reading: Reading) => void): Promise<Source> {
    return demonstration(take);
  }

  /** Shows the wave while it comes, and ends when there is enough of it. */
  async function watch(
    title: string,
    start: (take: (reading: Reading) => void) => Promise<Source>,
    picture?: HTMLElement,
  ): Promise<void> {
    const readings: Reading[] = [];
    const canvas = h("canvas", { class: "trace", role: "img", "aria-label": "正在记录的脉搏波" });
    const progress = h("progress", { max: wantedSeconds, value: 0 });
    const state = h("p", { class: "hint" }, "等待信号…");
    const advice = h("p", { class: "hint advice", role: "status" });
    let over = false;

    const seconds = () => {
      const [first, last] = [readings[0], readings.at(-1)];
      return first && last ? (last.at - first.at) / 1000 : 0;
    };
    const finish = async () => {
      if (over) return;
      over = true;
      stop();
      if (!source || seconds() < shortestSeconds) {
        tell(`没有保存：至少需要 ${shortestSeconds} 秒的波形。`);
        return choose();
      }
      await hand(keepUnsent(waveOf(readings, source.sampleRate)));
    };
    const draw = () => {
      if (over || !canvas.isConnected) return;
      drawTrace(canvas, readings);
      progress.value = Math.min(seconds(), wantedSeconds);
      const left = Math.max(0, Math.ceil((wantedSeconds - seconds()) / (source?.speed ?? 1)));
      write(state, `还需 ${left} 秒，请保持不动。`);
      write(advice, complaint(readings) ?? "");
      if (seconds() >= wantedSeconds) finish().catch(failed);
      else requestAnimationFrame(draw);
    };

    const take = (reading: Reading) => {
      const last = readings.at(-1);
      if (last && reading.at - last.at > longestBreakMs) readings.length = 0;
      readings.push(reading);
    };
    source = undefined;
    const stopping = button("停止", finish, { failed });
    put(h("h1", {}, title), ...(picture ? [picture] : []), canvas, progress, state, advice, stopping);
    try {
      source = await start(take);
    } catch (error) {
      if (over || gone) return;
      choose();
      throw error;
    }
    // A browser may ask the person for the camera, who meanwhile does something else.
    if (over || gone) return stop();
    requestAnimationFrame(draw);
  }

  /** Sends a wave, again and again until the server has it: the key makes one record of them. */
  async function hand(wave: Unsent): Promise<void> {
    const length = Math.round(wave.samples.length / wave.sampleRate);
    put(h("h1", {}, "保存测量"), h("p", { role: "status", class: "hint" }, `正在上传 ${length} 秒的波形…`));
    try {
      const id = await send(wave);
      forgetUnsent();
      if (!gone) location.hash = `#/m/${id}`;
    } catch (error) {
      put(
        h("h1", {}, "还没有保存"),
        h("p", { role: "alert" }, words(error)),
        h("p", { class: "hint" }, `${length} 秒的波形还在这里，没有丢失。`),
        button("重试", () => hand(wave), { kind: "main", failed }),
        button(
          "放弃",
          () => {
            forgetUnsent();
            choose();
          },
          { kind: "quiet", failed },
        ),
      );
    }
  }

  const left = unsent();
  if (left) hand(left).catch(failed);
  else choose();
  return {
    element,
    leave() {
      gone = true;
      stop();
    },
  };
}

/** Only a change is announced, and drawn. */
function write(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

async function send({ samples, sampleRate, idempotencyKey }: Wave & { idempotencyKey: string }) {
  const { measurement } = await measurements.record({ samples, sampleRate, idempotencyKey });
  return measurement?.id;
}
