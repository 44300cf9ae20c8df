import { textOf } from "./errors";

interface ActingPage {
  data: { busy: boolean };
  setData(data: { busy: boolean }): void;
}

/** Does what a tap asks for, once at a time: a second tap meanwhile does nothing. Says why it failed. */
export async function act(page: ActingPage, work: () => Promise<void>): Promise<void> {
  if (page.data.busy) return;
  page.setData({ busy: true });
  try {
    await telling(work);
  } finally {
    page.setData({ busy: false });
  }
}

/** Does something and says why it failed. */
export async function telling(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    say(textOf(error));
  }
}

export function say(title: string): void {
  wx.showToast({ title, icon: "none", duration: 3000 });
}

/** Asks before something that can't be taken back. WeChat takes four characters at most for a button. */
export async function sure(content: string, confirmText: string): Promise<boolean> {
  const { confirm } = await wx.showModal({ content, confirmText, cancelText: "再想想" });
  return confirm;
}
