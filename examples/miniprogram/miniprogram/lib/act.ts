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
    await work();
  } catch (error) {
    say(textOf(error));
  } finally {
    page.setData({ busy: false });
  }
}

export function say(title: string): void {
  wx.showToast({ title, icon: "none", duration: 3000 });
}

/** Asks before something that can't be taken back. */
export async function sure(content: string, confirmText: string): Promise<boolean> {
  const { confirm } = await wx.showModal({ content, confirmText, cancelText: "Back" });
  return confirm;
}
