import { AppError, type Reason } from "../../errors.ts";
import type { Logger } from "../../log.ts";
import { toAppError } from "../../rpc/errors.ts";
import type { WechatEvent } from "../../wechat/callback.ts";
import type { Wechat } from "../../wechat/wechat.ts";
import { discardRest, readBody } from "../body.ts";
import { type Exchange, queryOf, send } from "../exchange.ts";
import { inTime } from "../in-time.ts";

/** WeChat waits 5 s for the answer; ours goes out before (ms). */
const patienceMs = 4_500;
/** An event has less than 2 kB. */
const bodyLimit = 64 * 1024;

const text = { "content-type": "text/plain; charset=utf-8" };

/** The statuses of refusals that no repeat would change; any other failure is 500. */
const statuses: Partial<Record<Reason, number>> = {
  WX_SIGNATURE_INVALID: 403,
  INVALID_REQUEST: 400,
  BODY_TOO_LARGE: 413,
  NO_SUCH_METHOD: 404,
};

export interface WechatCallbackOptions {
  /** What reads WeChat's requests; without it the paths are not there. */
  callback: Wechat["callback"];
  /** Works an event off and says what became of it, for the log. */
  takeEvent(event: WechatEvent): Promise<string>;
  log: Logger;
}

/**
 * What WeChat calls: GET is the handshake when the address is entered at WeChat, POST brings an event.
 * An event is answered with an empty 200, also one without use; after anything else WeChat sends it
 * three times in all. The work goes on after an answer that said it took too long: the next try then
 * finds it done.
 * (https://developers.weixin.qq.com/doc/service/guide/product/message/Receiving_event_pushes.html)
 */
export function createWechatCallback({ callback, takeEvent, log }: WechatCallbackOptions) {
  function refuse(exchange: Exchange, thrown: unknown): void {
    const error = toAppError(thrown);
    const status = statuses[error.reason] ?? 500;
    const fields = { method: "wx.callback", result: error.reason, requestId: exchange.requestId };
    if (error.reason === "INTERNAL") log.error({ ...fields, err: thrown }, "refused");
    else log.warn({ ...fields, why: error.why }, "refused");
    send(exchange, status, text, error.message);
    discardRest(exchange, bodyLimit);
  }

  async function take(exchange: Exchange): Promise<void> {
    if (!callback) throw new AppError("NO_SUCH_METHOD");
    const body = await readBody(exchange, { bodyLimit, requestTimeoutMs: patienceMs });
    const event = callback.read({ query: queryOf(exchange), body });
    const result = await takeEvent(event);
    const { requestId } = exchange;
    log.info({ method: "wx.callback", event: event.event || event.msgType, result, requestId }, "event");
  }

  return {
    GET(exchange: Exchange): void {
      try {
        if (!callback) throw new AppError("NO_SUCH_METHOD");
        send(exchange, 200, text, callback.verify(queryOf(exchange)));
      } catch (thrown) {
        refuse(exchange, thrown);
      }
    },

    async POST(exchange: Exchange): Promise<void> {
      try {
        await inTime(take(exchange), patienceMs);
        send(exchange, 200, {}, "");
      } catch (thrown) {
        refuse(exchange, thrown);
      }
    },
  };
}
