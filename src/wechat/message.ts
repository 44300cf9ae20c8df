import type { AppApi } from "./access-token.ts";
import type { Answer } from "./answer.ts";
import { type Reasons, unavailable } from "./errors.ts";

const templatePath = "/cgi-bin/message/template/send";
const subscriptionPath = "/cgi-bin/message/subscribe/send";

const reasons: Reasons = {
  40003: "WX_MESSAGE_REFUSED", // no such openid
  40037: "WX_MESSAGE_REFUSED", // no such template
  41030: "WX_MESSAGE_REFUSED", // no such page
  43004: "WX_MESSAGE_REFUSED", // the person does not follow the account
  43101: "WX_MESSAGE_REFUSED", // the person did not agree, or took it back
  47003: "WX_MESSAGE_REFUSED", // a value does not fit the template
};

export interface Message {
  openid: string;
  templateId: string;
  /** The page that the message opens; empty for none. */
  url: string;
  data: Readonly<Record<string, string>>;
  signal?: AbortSignal | undefined;
}

/**
 * Sends a template message of the official account
 * (https://developers.weixin.qq.com/doc/service/api/notify/template/api_sendtemplatemessage.html).
 * A lost answer is not asked for again: the message may have been sent.
 * @returns WeChat's number of the message, in digits; empty when it names none.
 * @throws AppError WX_MESSAGE_REFUSED, RATE_LIMITED, WX_MISCONFIGURED, WX_UNAVAILABLE; CALL_CANCELLED or
 * DEADLINE_PASSED when `signal` ended the call, be the message sent or not.
 */
export async function sendTemplate(api: AppApi, { url, ...message }: Message): Promise<string> {
  const { msgid } = await send(api, templatePath, { ...message, opens: url ? { url } : {} });
  return typeof msgid === "number" || typeof msgid === "string" ? String(msgid) : "";
}

/**
 * Sends a subscription message of the mini-program
 * (https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/mp-message-management/subscribe-message/sendMessage.html).
 * A lost answer is not asked for again.
 * @throws AppError as sendTemplate.
 */
export async function sendSubscription(api: AppApi, { url, ...message }: Message): Promise<void> {
  await send(api, subscriptionPath, { ...message, opens: url ? { page: url } : {} });
}

interface Sending extends Omit<Message, "url"> {
  opens: Record<string, string>;
}

async function send(api: AppApi, path: string, message: Sending): Promise<Answer> {
  const { openid, templateId, data, opens, signal } = message;
  const body = {
    touser: openid,
    template_id: templateId,
    ...opens,
    data: Object.fromEntries(Object.entries(data).map(([key, value]) => [key, { value }])),
  };
  const answer = await api.postJson({ path, query: {}, body, reasons, signal });
  // Only WeChat's own word says that it was sent.
  if (answer.errcode !== 0) throw unavailable(`POST ${path}`, "an answer without an errcode");
  return answer;
}
