import { connectionFailure } from "../errors.ts";
import { notSent, type Sms, type SmsMessage } from "./sms.ts";

/** How long the gateway may take (ms). */
const patienceMs = 5_000;

/** JSON with `{phone}` and `{code}` in its texts. */
export type Template = string | number | boolean | null | Template[] | { [name: string]: Template };

export interface HttpSmsOptions {
  /** With `{phone}` and `{code}` where they go. */
  url: string;
  /** Sent by POST; without it the request is a GET. */
  body?: Template | undefined;
  headers?: Readonly<Record<string, string>> | undefined;
  /** Ends when the gateway took too long; for tests. */
  patience?: () => AbortSignal;
}

/**
 * A sender behind one HTTP request: any 2xx within 5 s means that the message is on its way. Nothing is
 * repeated and no redirect followed. URL and headers may hold the gateway's key, so they stand in no error;
 * neither does what fetch throws, which may quote them.
 */
export function httpSms({ url, body, headers, patience = usualPatience }: HttpSmsOptions): Sms {
  return {
    async send({ phone, code, signal }) {
      const message = { phone, code };
      const ended = AbortSignal.any([signal, patience()]);
      const target = filled(url, message, encodeURIComponent);
      const response = await fetch(target, {
        ...(body === undefined ? { method: "GET", headers: { ...headers } } : post(body, headers, message)),
        redirect: "manual",
        signal: ended,
      }).catch((error: unknown) => {
        throw notSent(ended.aborted ? "no answer in time" : connectionFailure(error));
      });
      // Nobody reads it, and the connection is free again.
      await response.body?.cancel().catch(() => {});
      if (!response.ok) throw notSent(`HTTP ${response.status}`);
    },
  };
}

function post(body: Template, headers: HttpSmsOptions["headers"], message: SmsMessage) {
  return {
    method: "POST",
    headers: { "content-type": "application/json", ...lowerCased(headers) },
    body: JSON.stringify(filledIn(body, message)),
  };
}

function lowerCased(headers: HttpSmsOptions["headers"] = {}) {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

/** The template's texts with the values in them; JSON.stringify escapes them. */
function filledIn(template: Template, message: SmsMessage): Template {
  if (typeof template === "string") return filled(template, message);
  if (Array.isArray(template)) return template.map((item) => filledIn(item, message));
  if (typeof template !== "object" || template === null) return template;
  return Object.fromEntries(
    Object.entries(template).map(([name, value]) => [name, filledIn(value, message)]),
  );
}

function filled(text: string, message: SmsMessage, written = (value: string) => value): string {
  return text.replace(/\{(phone|code)\}/g, (_, name: keyof SmsMessage) => written(message[name]));
}

function usualPatience(): AbortSignal {
  return AbortSignal.timeout(patienceMs);
}
