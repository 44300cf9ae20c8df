import { randomBytes } from "node:crypto";

interface RequestOptions {
  url: string;
  method: string;
  data: string | object;
  header?: Record<string, string>;
  success(answer: { statusCode: number; data: string; header: Record<string, string> }): void;
  fail(error: { errMsg: string }): void;
}

interface RandomOptions {
  length: number;
  success(answer: { randomValues: ArrayBuffer }): void;
}

interface ModalOptions {
  title?: string;
  content?: string;
  confirmText?: string;
  cancelText?: string;
}

/** A phone: `wx` as the mini-program has it, and what its person sees and does beside the page. */
export function createDevice() {
  const storage = new Map<string, unknown>();
  const answers: { confirm: boolean; content?: string }[] = [];
  const device = {
    /** What was said for a moment, the newest last. */
    toasts: [] as string[],
    /** What was asked, the newest last. */
    questions: [] as string[],
    /** Where the program went, the newest last. */
    visited: [] as string[],
    /** The paths of what was sent, the newest last. */
    sent: [] as string[],
    online: true,
    /** The path of calls whose answers get lost. */
    loses: "",
    /** The simulator where the person pays; empty for one who closes WeChat Pay. */
    paysAt: "",
    /** What the camera sees. */
    scanned: { result: "", path: "" },
    /** What the person will say to the next question. */
    answer(confirm: boolean, content?: string) {
      answers.push({ confirm, content });
    },
  };

  async function request({ url, method, data, header, success, fail }: RequestOptions): Promise<void> {
    const { pathname } = new URL(url);
    try {
      if (!device.online) throw new Error("offline");
      device.sent.push(pathname);
      const body = typeof data === "string" ? data : JSON.stringify(data);
      const response = await fetch(url, { method, body, ...(header && { headers: header }) });
      const text = await response.text();
      if (device.loses === pathname) throw new Error("lost");
      success({ statusCode: response.status, data: text, header: Object.fromEntries(response.headers) });
    } catch (error) {
      fail({ errMsg: `request:fail ${error}` });
    }
  }

  const wx = {
    request(options: RequestOptions) {
      void request(options);
      return { abort() {} };
    },
    login: (options: { success(answer: { code: string }): void }) => options.success({ code: "dev:wechat" }),
    getStorageSync: (key: string) => storage.get(key) ?? "",
    setStorageSync: (key: string, value: unknown) => void storage.set(key, value),
    removeStorageSync: (key: string) => void storage.delete(key),
    getRandomValues({ length, success }: RandomOptions) {
      success({ randomValues: new Uint8Array(randomBytes(length)).buffer });
    },
    getSystemInfoSync: () => ({ SDKVersion: "3.8.0", windowWidth: 375 }),
    showToast: ({ title }: { title: string }) => void device.toasts.push(title),
    async showModal({ title, content, confirmText, cancelText }: ModalOptions) {
      for (const text of [confirmText, cancelText]) {
        if (text && text.length > 4) throw { errMsg: `showModal:fail ${text} is longer than 4 characters` };
      }
      const question = content ?? title ?? "";
      device.questions.push(question);
      const answer = answers.shift();
      if (!answer) throw new Error(`nobody answers: ${question}`);
      return answer;
    },
    navigateTo: ({ url }: { url: string }) => void device.visited.push(url),
    switchTab: ({ url }: { url: string }) => void device.visited.push(url),
    async requestPayment({ package: packed }: { package: string }) {
      if (!device.paysAt) throw { errMsg: "requestPayment:fail cancel" };
      const body = JSON.stringify({ prepay_id: packed.replace("prepay_id=", "") });
      await fetch(`${device.paysAt}/sim/pay`, { method: "POST", body });
    },
    scanCode: async () => device.scanned,
    stopPullDownRefresh() {},
  };
  return { device, wx };
}
