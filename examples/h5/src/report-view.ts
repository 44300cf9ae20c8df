import {
  type MeasurementRecord,
  type MeasurementReport,
  metadataOf,
  reasonOf,
} from "../../../src/client/index.ts";
import { button, h } from "./dom.ts";
import { pay } from "./pay.ts";
import { pictureFrom } from "./picture.ts";
import { measurements } from "./session.ts";
import { when, words, yuan } from "./texts.ts";

interface Tools {
  tell(text: string): void;
  ask(question: string): Promise<boolean>;
}

/** One measurement: what it costs, or the report with its picture; the remark. */
export async function reportView(id: bigint, { tell, ask }: Tools): Promise<HTMLElement> {
  const failed = (error: unknown) => tell(words(error));
  const element = h("section");

  async function show(): Promise<void> {
    const { measurement } = await measurements.get({ id });
    if (!measurement) throw new Error("没有这条测量记录。");
    const unpaid = measurement.price > 0 && !measurement.hasPaid;
    element.replaceChildren(
      h("h1", {}, when(measurement.createdAt)),
      unpaid ? cashDesk(measurement) : await report(),
      remarkForm(measurement),
      button("删除这条测量", remove, { kind: "quiet", failed }),
    );
  }

  function cashDesk({ price }: MeasurementRecord): HTMLElement {
    const payNow = async () => {
      if (await pay(id, ask)) await show();
    };
    return h(
      "div",
      { class: "card" },
      h("p", {}, `查看分析报告需要支付 ${yuan(price)}。`),
      button(`支付 ${yuan(price)}`, payNow, { kind: "main", failed }),
    );
  }

  async function report(): Promise<HTMLElement> {
    const picture = h("div", { class: "picture" });
    // Both come together, so that nothing moves under a finger.
    const drawn = drawPicture(picture).catch(failed);
    try {
      const { report: found } = await measurements.analyze({ id });
      await drawn;
      return h("div", {}, found && figures(found), picture);
    } catch (error) {
      if (reasonOf(error) !== "SIGNAL_POOR") throw error;
      await drawn;
      return h("div", {}, poorSignal(error), picture);
    }
  }

  async function drawPicture(place: HTMLElement): Promise<void> {
    const { svg } = await measurements.picture({ id });
    const { url, file } = await pictureFrom(svg, `pulse-${id}`);
    const image = h("img", { src: url, alt: "脉搏波、找到的心跳和心跳间隔" });
    await image.decode();
    const share = { files: [file], title: "脉搏测量" };
    place.replaceChildren(
      image,
      h("a", { href: url, download: file.name, class: "button" }, "保存图片"),
      ...(navigator.canShare?.(share)
        ? [button("分享", () => navigator.share(share), { failed: ignoreCancel })]
        : []),
    );
  }

  function remarkForm({ remark }: MeasurementRecord): HTMLElement {
    const text = h("textarea", { id: "remark", maxlength: 500, rows: 2 });
    text.value = remark;
    const save = async () => {
      await measurements.remark({ id, remark: text.value.trim() });
      tell("备注已保存。");
    };
    return h(
      "div",
      { class: "card" },
      h("label", { for: "remark" }, "备注"),
      text,
      button("保存备注", save, { failed }),
    );
  }

  async function remove(): Promise<void> {
    if (!(await ask("删除后不能恢复，已付的费用不退。确定删除吗？"))) return;
    await measurements.delete({ id });
    location.hash = "#/";
  }

  await show();
  return element;
}

function figures(report: MeasurementReport): HTMLElement {
  const { heartRate, sdnn, rmssd, pnn50, regularity, quality, summary, method } = report;
  const rows: [name: string, value: string, what: string][] = [
    ["SDNN", `${sdnn.toFixed(0)} ms`, "心跳间隔的标准差"],
    ["RMSSD", `${rmssd.toFixed(0)} ms`, "相邻间隔之差的均方根"],
    ["pNN50", percent(pnn50), "相差超过 50 ms 的相邻间隔"],
    ["节律规整度", percent(regularity), "越高越整齐"],
    ["信号质量", percent(quality), "越高越可信"],
  ];
  return h(
    "div",
    {},
    h(
      "p",
      { class: "rate" },
      h("strong", { id: "heart-rate" }, heartRate.toFixed(0)),
      h("span", {}, " 次/分"),
    ),
    h("p", { class: "summary" }, summary),
    h(
      "dl",
      {},
      ...rows.map(([name, value, what]) =>
        h("div", {}, h("dt", {}, name, h("small", {}, what)), h("dd", {}, value)),
      ),
    ),
    h("p", { class: "hint" }, "本报告不是医疗建议。如有不适，请就医。"),
    h("details", {}, h("summary", {}, "方法与来源"), h("p", { class: "hint" }, method)),
  );
}

function poorSignal(error: unknown): HTMLElement {
  const short = metadataOf(error).why === "too short";
  return h(
    "div",
    { class: "card", role: "alert" },
    h("h2", {}, short ? "波形太短" : "信号太差，没有报告"),
    h("p", {}, "与其猜一个数字，不如再测一次："),
    h(
      "ul",
      {},
      h("li", {}, "手要暖和，指尖轻轻盖住镜头和闪光灯，不要用力压。"),
      h("li", {}, "手和手机靠在桌上，不说话，不移动。"),
      h("li", {}, "测满半分钟。"),
    ),
    h("a", { href: "#/record", class: "button main" }, "重新测量"),
  );
}

function percent(share: number): string {
  return `${Math.round(share * 100)}%`;
}

/** Who closes the share sheet has done nothing wrong. */
function ignoreCancel(): void {}
