import { unavailable } from "../errors.ts";
import { createExchange, type RawAnswer } from "../exchange.ts";
import { rootOf } from "../http.ts";
import { createCertificates } from "./certificates.ts";
import { codeOf, refusal, unverified } from "./errors.ts";
import { type Fields, Malformed, parseFields } from "./fields.ts";
import { importApiV3Key, importPrivateKey, onePublicKey } from "./keys.ts";
import { readNotification } from "./notification.ts";
import { readRefund, readTransaction } from "./records.ts";
import { createSender, type PayRequest } from "./request.ts";
import { signLines, Unverified, verifyMessage } from "./signature.ts";
import { fenOf, outRefundNoOf, outTradeNoOf, peopleText } from "./texts.ts";
import type { Pay, PayOptions } from "./types.ts";

export type {
  Notification,
  Pay,
  PayOptions,
  PayParams,
  PrepayOrder,
  Refund,
  RefundOrder,
  Transaction,
} from "./types.ts";

/** Bytes that WeChat Pay takes. */
const longestDescription = 127;
const longestReason = 80;

const transactions = "/v3/pay/transactions";
const refunds = "/v3/refund/domestic/refunds";

/**
 * The client of one merchant. Keys are read here and never again.
 * @throws Error of one line when a key cannot be read; TypeError when `base` is no URL.
 */
export function createPay(options: PayOptions): Pay {
  const { base, mchid, serial, publicKey, clock, fetch, timeoutMs } = options;
  const privateKey = importPrivateKey(options.privateKey);
  const apiV3Key = importApiV3Key(options.apiV3Key);
  const signer = { mchid, serial, privateKey };
  const exchange = createExchange({ fetch, timeoutMs });
  const send = createSender({ exchange, root: rootOf(base), signer, publicKeyId: publicKey?.id, clock });
  const keys = publicKey ? onePublicKey(publicKey) : createCertificates({ send, apiV3Key, clock });

  /** The answer, whatever its status, once it is sure that WeChat Pay said it. */
  async function ask(request: PayRequest): Promise<RawAnswer & { where: string }> {
    const answer = await send(request);
    try {
      await verifyMessage({ keys, clock }, answer, request.signal);
    } catch (error) {
      if (error instanceof Unverified) throw unverified(answer, error.message);
      throw error;
    }
    return answer;
  }

  async function askFor<T>(request: PayRequest, read: (fields: Fields) => T): Promise<T> {
    return readAnswer(await ask(request), read);
  }

  /** Undefined for a 404 with the code `missing`. */
  async function askOrMiss<T>(
    request: PayRequest,
    { read, missing }: { read(fields: Fields): T; missing: string },
  ): Promise<T | undefined> {
    const answer = await ask(request);
    return answer.status === 404 && codeOf(answer) === missing ? undefined : readAnswer(answer, read);
  }

  return {
    mchid,

    async prepay({ appid, outTradeNo, description, amount, openid, notifyUrl, signal }) {
      const body = {
        appid,
        mchid,
        description: peopleText(description, longestDescription),
        out_trade_no: outTradeNoOf(outTradeNo),
        notify_url: notifyUrl,
        amount: { total: fenOf(amount), currency: "CNY" },
        payer: { openid },
      };
      const request = { method: "POST", path: `${transactions}/jsapi`, body, signal } as const;
      return askFor(request, (fields) => fields.text("prepay_id"));
    },

    params({ appid, prepayId, at, nonce }) {
      const timeStamp = `${at}`;
      const packageText = `prepay_id=${prepayId}`;
      const paySign = signLines(privateKey, [appid, timeStamp, nonce, packageText]);
      return { timeStamp, nonceStr: nonce, package: packageText, signType: "RSA", paySign };
    },

    async query(outTradeNo, signal) {
      const path = `${payment(outTradeNo)}?mchid=${encodeURIComponent(mchid)}`;
      return askOrMiss(
        { method: "GET", path, signal },
        { read: readTransaction, missing: "ORDER_NOT_EXIST" },
      );
    },

    async close(outTradeNo, signal) {
      const path = `${payment(outTradeNo)}/close`;
      const answer = await ask({ method: "POST", path, body: { mchid }, signal });
      // 202 says that somebody is paying right now.
      if (answer.status !== 204) throw refusal(answer);
    },

    async refund({ outTradeNo, outRefundNo, reason, amount, total, notifyUrl, signal }) {
      const body = {
        out_trade_no: outTradeNoOf(outTradeNo),
        out_refund_no: outRefundNoOf(outRefundNo),
        // An empty one is refused.
        reason: peopleText(reason, longestReason) || undefined,
        notify_url: notifyUrl,
        amount: { refund: fenOf(amount), total: fenOf(total), currency: "CNY" },
      };
      return askFor({ method: "POST", path: refunds, body, signal }, readRefundAnswer);
    },

    async queryRefund(outRefundNo, signal) {
      const path = `${refunds}/${encodeURIComponent(outRefundNoOf(outRefundNo))}`;
      const outcome = { read: readRefundAnswer, missing: "RESOURCE_NOT_EXISTS" };
      return askOrMiss({ method: "GET", path, signal }, outcome);
    },

    readNotification: (request) => readNotification({ keys, apiV3Key, clock }, request),
  };
}

function readAnswer<T>(answer: RawAnswer & { where: string }, read: (fields: Fields) => T): T {
  if (answer.status !== 200) throw refusal(answer);
  try {
    return read(parseFields(answer.body));
  } catch (error) {
    if (error instanceof Malformed) throw unavailable(answer.where, `an unusable answer: ${error.message}`);
    throw error;
  }
}

function payment(outTradeNo: string): string {
  return `${transactions}/out-trade-no/${encodeURIComponent(outTradeNoOf(outTradeNo))}`;
}

const readRefundAnswer = (fields: Fields) => readRefund(fields, "status");
