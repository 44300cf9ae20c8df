import { AppError } from "../errors.ts";

/** A code on its way to a phone. */
export interface SmsMessage {
  /** Mobile number of mainland China: 11 digits. */
  phone: string;
  /** Six digits. */
  code: string;
}

/** Sends text messages. */
export interface Sms {
  /**
   * Hands the code over to whoever delivers it; never twice by itself.
   * @throws AppError SMS_NOT_SENT; whether it went out all the same is not known then
   */
  send(message: SmsMessage & { signal: AbortSignal }): Promise<void>;
  /** The newest code that went to a number; the sandbox's sender alone keeps them. */
  newest?(phone: string): string | undefined;
}

/** A deployment without a sender. */
export const noSms: Sms = {
  async send() {
    throw notSent("SMS_URL is not set");
  },
};

/** SMS_NOT_SENT; `why` goes into the log. */
export function notSent(why: string): AppError {
  return new AppError("SMS_NOT_SENT", {}, { cause: new Error(`the text message could not be sent: ${why}`) });
}
