import { type PayParams, reasonOf, PaymentState_State as State } from "../../../src/client/index.ts";
import { measurements, simulator, wechat } from "./session.ts";
import { isOffline } from "./texts.ts";

/** What WeChat's browser offers its pages. */
interface WeixinBridge {
  invoke(name: string, parameters: object, done: (answer: { err_msg: string }) => void): void;
}

declare global {
  interface Window {
    WeixinJSBridge?: WeixinBridge;
  }
}

/** How often and after what pauses (ms) it is asked whether the money came. */
const looks = 20;
const pauseMs = 500;

/** Asks for a person's consent to the sandbox's payment, which is none. */
export type Ask = (question: string) => Promise<boolean>;

/**
 * Pays for a measurement; one without a price is paid at once.
 * @returns whether it is paid; false when the person did not want to
 * @throws Error in words; ConnectError
 */
export async function pay(id: bigint, ask: Ask): Promise<boolean> {
  const { pay: parameters } = await measurements.pay({ id }).catch((error: unknown) => {
    // By now: the answer to an earlier try was lost, or came too late.
    if (reasonOf(error) === "ALREADY_PAID") return { pay: undefined };
    throw error;
  });
  if (!parameters) return true;
  if (!(await consent(parameters, ask))) return false;
  for (let look = 0; look < looks; look++) {
    const answer = await wechat.payStatus({ measurementId: id }).catch((error: unknown) => {
      if (!isOffline(error)) throw error;
    });
    if (answer?.state === State.PAID) return true;
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  throw new Error("还没有收到支付结果，请稍后再看。");
}

async function consent(parameters: PayParams, ask: Ask): Promise<boolean> {
  const bridge = window.WeixinJSBridge;
  if (bridge) return inWechat(bridge, parameters);
  const sandbox = await simulator();
  if (!sandbox) throw new Error("请在微信里打开此页面支付。");
  if (!(await ask("这里是测试环境：模拟支付，不会扣钱。"))) return false;
  const prepayId = parameters.package.replace(/^prepay_id=/, "");
  const body = JSON.stringify({ prepay_id: prepayId });
  const { ok } = await fetch(`${sandbox}/sim/pay`, { method: "POST", body });
  if (!ok) throw new Error("模拟支付没有成功。");
  return true;
}

/** (https://pay.weixin.qq.com/doc/v3/merchant/4012791857) */
async function inWechat(bridge: WeixinBridge, parameters: PayParams): Promise<boolean> {
  const { appId } = await wechat.getJsSdkConfig({ url: location.href.split("#")[0] ?? "" });
  const answer = await new Promise<string>((resolve) => {
    const { timeStamp, nonceStr, signType, paySign } = parameters;
    const request = { appId, timeStamp, nonceStr, package: parameters.package, signType, paySign };
    bridge.invoke("getBrandWCPayRequest", request, ({ err_msg }) => resolve(err_msg));
  });
  if (answer.endsWith(":cancel")) return false;
  if (!answer.endsWith(":ok")) throw new Error("微信支付没有成功。");
  return true;
}
