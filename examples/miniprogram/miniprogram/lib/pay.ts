import { PaymentState_State } from "liveuser-client";
import { sandbox } from "../sandbox";
import { say } from "./act";
import { wechat } from "./session";

export type Subject = { orderId: bigint } | { ticketId: bigint };

/** What came of it: the person left without paying, or paid, and the server knows of it or not yet. */
export type Outcome = "left" | "paid" | "pending";

const looks = 5;
const betweenLooksMs = 1000;

/** Has the person pay, and waits until the server knows. */
export async function pay(subject: Subject): Promise<Outcome> {
  if (!(await requestPayment(await wechat.prepay(subject)))) return "left";
  for (let look = 1; ; look++) {
    const { state } = await wechat.payStatus(subject);
    if (state === PaymentState_State.PAID) return "paid";
    if (look === looks) return "pending";
    await new Promise((resolve) => setTimeout(resolve, betweenLooksMs));
  }
}

/**
 * Has the person pay, then opens where it can be paid too, whatever came of it: a toast that is shown
 * before would go away with its page.
 */
export async function payThenOpen(subject: Subject, open: () => Promise<unknown>): Promise<void> {
  let outcome: Outcome;
  try {
    outcome = await pay(subject);
  } finally {
    await open();
  }
  say(outcomeText[outcome]);
}

export const outcomeText: Record<Outcome, string> = {
  left: "尚未支付",
  paid: "支付成功",
  pending: "已支付，正在确认",
};

interface PayParams {
  timeStamp: string;
  nonceStr: string;
  package: string;
  signType: string;
  paySign: string;
}

/** False when the person closed the payment. */
async function requestPayment(params: PayParams): Promise<boolean> {
  if (sandbox) return sandbox.pay(params);
  const { timeStamp, nonceStr, paySign } = params;
  try {
    await wx.requestPayment({ timeStamp, nonceStr, package: params.package, signType: "RSA", paySign });
    return true;
  } catch (error) {
    if (String((error as { errMsg?: string }).errMsg).includes("cancel")) return false;
    throw error;
  }
}
