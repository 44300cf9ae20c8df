import { httpStatus } from "../../errors.ts";
import type { Logger } from "../../log.ts";
import { toAppError } from "../../rpc/errors.ts";
import { readBody } from "../body.ts";
import { type Exchange, headerText, send } from "../exchange.ts";
import { inTime } from "../in-time.ts";

/** WeChat Pay waits 5 s for the answer; ours goes out before (ms). */
const patienceMs = 4_500;
/** A notification has some 2 kB. */
const bodyLimit = 64 * 1024;

export interface PayNotifyOptions {
  /** Takes a notification, or throws why not. */
  take(request: { header(name: string): string | undefined; body: Uint8Array }): Promise<void>;
  log: Logger;
}

/**
 * `POST /liveuser/Wx/Postpay`: WeChat Pay's notifications of payments and refunds. 204 ends them;
 * anything else, with `{"code": "FAIL", "message"}`, makes WeChat Pay come again. The work goes on after
 * an answer that said it took too long: the next notification then finds it done.
 */
export function createPayNotify({ take, log }: PayNotifyOptions): (exchange: Exchange) => Promise<void> {
  return async (exchange) => {
    const { req, requestId } = exchange;
    try {
      const body = await readBody(exchange, { bodyLimit, requestTimeoutMs: patienceMs });
      await inTime(take({ header: (name) => headerText(req.headers[name]), body }), patienceMs);
      log.info({ method: "Wx.Postpay", result: "OK", requestId }, "notified");
      send(exchange, 204, {}, "");
    } catch (thrown) {
      const error = toAppError(thrown);
      const fields = { method: "Wx.Postpay", result: error.reason, requestId };
      if (error.reason === "INTERNAL") log.error({ ...fields, err: thrown }, "notified");
      else log.warn({ ...fields, why: error.why }, "notified");
      const answer = JSON.stringify({ code: "FAIL", message: error.message });
      send(exchange, httpStatus(error.reason), { "content-type": "application/json" }, answer);
    }
  };
}
