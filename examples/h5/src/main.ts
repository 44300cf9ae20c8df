import { button, h } from "./dom.ts";
import { listView } from "./list-view.ts";
import { recordView } from "./record-view.ts";
import { reportView } from "./report-view.ts";
import { comeBackFromWechat, leaveForWechat, session } from "./session.ts";
import { words } from "./texts.ts";

const view = document.getElementById("view") as HTMLElement;
const account = document.getElementById("account") as HTMLElement;
const notice = document.getElementById("notice") as HTMLElement;
/** How long a notice stays (ms). */
const noticeMs = 5000;

let leave = () => {};
/** Counts the views, so that one that was left shows nothing any more. */
let turn = 0;
let noticeTimer: ReturnType<typeof setTimeout> | undefined;

function tell(text: string): void {
  notice.textContent = text;
  clearTimeout(noticeTimer);
  noticeTimer = setTimeout(() => {
    notice.textContent = "";
  }, noticeMs);
}

function failed(error: unknown): void {
  tell(words(error));
}

/** A question with two answers; Escape is no. */
function ask(question: string): Promise<boolean> {
  const dialog = h("dialog", {}, h("p", {}, question));
  const answer = (text: string, value: string, kind?: "main") =>
    button(text, () => dialog.close(value), { kind, failed });
  dialog.append(h("div", { class: "row" }, answer("取消", ""), answer("确定", "yes", "main")));
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
  });
}

async function signOut(): Promise<void> {
  await session.signOut();
  location.hash = "#/";
  await show();
}

function signInView(): HTMLElement {
  return h(
    "section",
    { class: "welcome" },
    h("h1", {}, "测一测脉搏"),
    h("p", {}, "用手机摄像头记录半分钟的脉搏波，得到心率、节律和心率变异的报告。"),
    button("微信登录", leaveForWechat, { kind: "main", failed }),
    h("p", { class: "hint" }, "只有您自己能看到您的测量。本页面不提供医疗建议。"),
  );
}

/** Shows what the address names. */
async function show(): Promise<void> {
  const mine = ++turn;
  leave();
  leave = () => {};
  account.replaceChildren(...(session.uid ? [button("退出", signOut, { kind: "quiet", failed })] : []));
  const put = (element: HTMLElement) => {
    if (mine === turn) view.replaceChildren(element);
  };
  if (!session.uid) return put(signInView());
  if (location.hash === "#/record") {
    const recording = recordView(tell);
    leave = recording.leave;
    return put(recording.element);
  }
  put(h("p", { class: "hint" }, "正在加载…"));
  try {
    const [, id] = /^#\/m\/(\d{1,16})$/.exec(location.hash) ?? [];
    put(await (id ? reportView(BigInt(id), { tell, ask }) : listView(tell)));
  } catch (error) {
    const again = button("重试", show, { kind: "main", failed });
    put(h("section", { role: "alert" }, h("p", {}, words(error)), again));
  }
}

addEventListener("hashchange", () => {
  show().then(() => view.focus());
});

const trouble = await comeBackFromWechat().catch(words);
await show();
if (trouble) tell(trouble);
