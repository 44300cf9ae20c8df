import { isObject, type SimRequest } from "../router.ts";
import { sandboxMerchant } from "../sandbox-app.ts";
import { PayRefusal, wrongField } from "./refusal.ts";

export type Fields = Record<string, unknown>;

/** The fields of a request. @throws PayRefusal PARAM_ERROR */
export function payFields({ body }: SimRequest): Fields {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    throw wrongField("/", "the body is no JSON");
  }
  if (!isObject(value)) throw wrongField("/", "the body is no JSON object");
  return value;
}

/** A group of fields. @throws PayRefusal PARAM_ERROR */
export function group(fields: Fields, name: string): Fields {
  const value = fields[name];
  if (!isObject(value)) throw wrongField(`/${name}`, "it is missing, or no object");
  return value;
}

/** A text. `field` is its name, or a path whose last part is. @throws PayRefusal PARAM_ERROR */
export function text(fields: Fields, field: string, form: RegExp): string {
  const value = fields[field.slice(field.lastIndexOf("/") + 1)];
  if (typeof value !== "string") throw wrongField(`/${field}`, "it is missing, or no text");
  if (!form.test(value)) throw wrongField(`/${field}`, `it does not fit ${form}`);
  return value;
}

/** Text for people to read, empty when it is missing. @throws PayRefusal PARAM_ERROR beyond so many bytes of UTF-8 */
export function remark(fields: Fields, field: string, mostBytes: number): string {
  const value = fields[field] ?? "";
  if (typeof value !== "string") throw wrongField(`/${field}`, "it is no text");
  if (Buffer.byteLength(value) > mostBytes) {
    throw wrongField(`/${field}`, `it has more than ${mostBytes} bytes`);
  }
  // WeChat Pay keeps texts in a database of three bytes a character.
  if (/[\u{10000}-\u{10ffff}]/u.test(value))
    throw wrongField(`/${field}`, "it has a character of four bytes");
  return value;
}

/** Fen. @throws PayRefusal PARAM_ERROR unless it is a whole number above 0 */
export function fen(amount: Fields, name: string): number {
  const value = amount[name];
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 1) return value;
  throw wrongField(`/amount/${name}`, "it must be a whole number of fen");
}

/** Where to send a notification: http is for this machine alone, a query is forbidden. @throws PayRefusal PARAM_ERROR */
export function notifyUrl(fields: Fields): string {
  const url = text(fields, "notify_url", /^https?:\/\/[^?#\s]{1,247}$/);
  const parsed = URL.parse(url);
  if (!parsed) throw wrongField("/notify_url", "it is no URL");
  const loopback = /^(127\.\d+\.\d+\.\d+|localhost|\[::1\])$/.test(parsed.hostname);
  if (parsed.protocol !== "https:" && !loopback) throw wrongField("/notify_url", "it must be https");
  return url;
}

/** @throws PayRefusal when it is not the merchant who signed */
export function checkMchid(mchid: unknown): void {
  if (mchid === sandboxMerchant.mchid) return;
  const message = "mchid is not the merchant who signed";
  throw new PayRefusal(400, "PARAM_ERROR", { message, detail: { field: "mchid", issue: message } });
}
