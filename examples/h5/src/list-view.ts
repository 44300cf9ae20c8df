import type { MeasurementRecord } from "../../../src/client/index.ts";
import { button, h } from "./dom.ts";
import { measurements } from "./session.ts";
import { when, words, yuan } from "./texts.ts";

const pageSize = 20;

/** The person's measurements, the newest first. */
export async function listView(tell: (text: string) => void): Promise<HTMLElement> {
  const list = h("ul", { class: "list" });
  const more = h("div");
  const failed = (error: unknown) => tell(words(error));

  async function load(cursor: bigint): Promise<number> {
    const answer = await measurements.list({ cursor, limit: pageSize });
    list.append(...answer.measurements.map(item));
    more.replaceChildren(
      ...(answer.cursor ? [button("更多", async () => void (await load(answer.cursor)), { failed })] : []),
    );
    return answer.measurements.length;
  }

  const found = await load(0n);
  return h(
    "section",
    {},
    h("a", { href: "#/record", class: "button main" }, "新测量"),
    h("h1", {}, "我的测量"),
    found > 0 ? list : h("p", { class: "hint" }, "还没有测量。"),
    more,
  );
}

function item({ id, createdAt, remark, sampleCount, sampleRate, price, hasPaid }: MeasurementRecord) {
  const seconds = Math.round(sampleCount / sampleRate);
  const tag = price === 0 ? undefined : h("span", { class: "tag" }, hasPaid ? "已支付" : yuan(price));
  return h(
    "li",
    {},
    h(
      "a",
      { href: `#/m/${id}` },
      h("span", {}, when(createdAt)),
      h("small", {}, [`${seconds} 秒`, remark].filter(Boolean).join(" · ")),
      tag,
    ),
  );
}
