import { createPublicKey, randomBytes } from "node:crypto";
import { Aes, Formatter, Rsa } from "wechatpay-axios-plugin";
import { createPay, type Pay, type PayOptions } from "../../../src/wechat/pay/pay.ts";
import { sandboxMerchant as merchant, sandboxPlatform } from "../../../src/wechat/simulator/sandbox-app.ts";
import { host } from "../host.ts";

/*
 * A WeChat Pay of the tests' own. Signatures and encryption are made and checked with the code of
 * wechatpay-axios-plugin, so that the client is held against somebody else's reading of the protocol.
 */

export { merchant, sandboxPlatform };

export const platformPublicKey = createPublicKey(sandboxPlatform.certificate)
  .export({ type: "spki", format: "pem" })
  .toString();

export const publicKey = { id: sandboxPlatform.publicKeyId, pem: platformPublicKey };

/** Between the certificates' first day and their last. */
export const now = Date.UTC(2030, 0, 1, 4, 0, 0);

/** A clock that stands until it is told to pass. */
export function standingClock(at = now) {
  let ms = at;
  return {
    now: () => ms,
    pass(more: number) {
      ms += more;
    },
  };
}

/** A client in public-key mode, with everything that a test does not name filled in. */
export function payAt(base: string, options: Partial<PayOptions> = {}): Pay {
  const { mchid, serial, privateKey, apiV3Key } = merchant;
  const clock = standingClock();
  return createPay({ base, mchid, serial, privateKey, apiV3Key, publicKey, clock, ...options });
}

/** The same in certificate mode. */
export function certificatePayAt(base: string, options: Partial<PayOptions> = {}): Pay {
  return payAt(base, { publicKey: undefined, ...options });
}

export interface Seal {
  /** Unix s. */
  at?: number;
  serial?: string;
  privateKey?: string;
}

export type Headers = Record<string, string>;

/** The headers of a signed body. */
export function sealed(
  body: string | Uint8Array,
  { at = now / 1000, serial, privateKey }: Seal = {},
): Headers {
  const nonce = Formatter.nonce();
  const key = Rsa.from(privateKey ?? sandboxPlatform.privateKey, "private");
  return {
    "wechatpay-timestamp": `${at}`,
    "wechatpay-nonce": nonce,
    "wechatpay-serial": serial ?? sandboxPlatform.publicKeyId,
    "wechatpay-signature": Rsa.sign(covered(at, nonce, body), key),
    "wechatpay-signature-type": "WECHATPAY2-SHA256-RSA2048",
  };
}

function covered(at: number, nonce: string, body: string | Uint8Array): string {
  if (typeof body === "string") return Formatter.response(at, nonce, body);
  // Typed as a text, but handed to node:crypto as it is.
  return Buffer.concat([Buffer.from(`${at}\n${nonce}\n`), body, Buffer.from("\n")]) as unknown as string;
}

/** An encrypted part, as in notifications and in the list of certificates. */
export function encrypted(text: string, associated_data = "transaction") {
  const nonce = randomBytes(6).toString("hex");
  const ciphertext = Aes.AesGcm.encrypt(text, merchant.apiV3Key, nonce, associated_data);
  return { algorithm: "AEAD_AES_256_GCM", ciphertext, nonce, associated_data };
}

export interface Asked {
  method: string;
  /** Path and query as they came. */
  target: string;
  path: string;
  headers: Record<string, string>;
  /** Of the Authorization header. */
  claims: Record<string, string>;
  /** Whether the merchant's signature fits, and its time is ours. */
  signed: boolean;
  body: string;
}

export interface Reply {
  status?: number;
  body?: unknown;
  seal?: Seal;
  /** Changes headers after signing; undefined leaves one out. */
  headers?: Record<string, string | undefined>;
  /** Sent in place of what was signed. */
  sent?: string;
}

const merchantKey = createPublicKey(merchant.certificate);

/** `await using pay = await platform(…)`; what is asked for is checked and kept. */
export async function platform(answer: (asked: Asked) => Reply | Promise<Reply>) {
  const asked: Asked[] = [];
  const server = await host(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const { method = "", url: target = "" } = request;
    const body = Buffer.concat(chunks).toString();
    const headers = Object.fromEntries(Object.entries(request.headers).map(([k, v]) => [k, `${v}`]));
    const [scheme, list = ""] = (headers.authorization ?? "").split(" ");
    const claims = Object.fromEntries(
      [...list.matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => [name as string, value as string]),
    );
    const { timestamp = "", nonce_str = "", signature = "" } = claims;
    const text = Formatter.request(method, target, timestamp, nonce_str, body);
    const signed =
      scheme === "WECHATPAY2-SHA256-RSA2048" &&
      Rsa.verify(text, signature, merchantKey) &&
      claims.mchid === merchant.mchid &&
      claims.serial_no === merchant.serial;
    const one = { method, target, path: target.split("?", 1)[0] as string, headers, claims, signed, body };
    asked.push(one);
    const reply = await answer(one);
    const content =
      typeof reply.body === "string" ? reply.body : reply.body ? JSON.stringify(reply.body) : "";
    const all = { "content-type": "application/json", ...sealed(content, reply.seal), ...reply.headers };
    const sent = Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined);
    response.writeHead(reply.status ?? 200, Object.fromEntries(sent));
    response.end(reply.sent ?? content);
  });
  return { ...server, asked };
}

/** The answer of GET /v3/certificates with these certificates, signed with the first of them. */
export function certificateList(
  certificates: { serial: string; certificate: string; privateKey: string }[],
): Reply {
  const data = certificates.map(({ serial, certificate }) => ({
    serial_no: serial,
    effective_time: "2026-11-23T09:29:38+08:00",
    expire_time: "2126-10-30T09:29:38+08:00",
    encrypt_certificate: encrypted(certificate, "certificate"),
  }));
  const [first] = certificates;
  return { body: { data }, seal: { serial: first?.serial, privateKey: first?.privateKey } as Seal };
}

export const order = {
  appid: "wx5a4db0c500000000",
  outTradeNo: "lu1893456000001",
  description: "Green tea",
  amount: 1800,
  openid: "o6zAJs_alice",
  notifyUrl: "https://shop.example/liveuser/Wx/Postpay",
};

/** A paid transaction, as WeChat Pay tells of it. */
export const paid = {
  transaction_id: "4200001234203001011234567890",
  amount: { payer_total: 1800, total: 1800, currency: "CNY", payer_currency: "CNY" },
  mchid: merchant.mchid,
  trade_state: "SUCCESS",
  trade_state_desc: "支付成功",
  bank_type: "OTHERS",
  promotion_detail: [],
  success_time: "2030-01-01T12:00:01+08:00",
  payer: { openid: order.openid },
  out_trade_no: order.outTradeNo,
  appid: order.appid,
  trade_type: "JSAPI",
  attach: "",
};

/** The same as the client tells it. */
export const transaction = {
  appid: order.appid,
  mchid: merchant.mchid,
  outTradeNo: order.outTradeNo,
  tradeState: "SUCCESS",
  transactionId: paid.transaction_id,
  successTime: Date.UTC(2030, 0, 1, 4, 0, 1),
  openid: order.openid,
  total: 1800,
};

/** A refund that is through, as WeChat Pay answers. */
export const refunded = {
  refund_id: "50300001232030010112345678901",
  out_refund_no: "lr1893456000002",
  transaction_id: paid.transaction_id,
  out_trade_no: order.outTradeNo,
  channel: "ORIGINAL",
  user_received_account: "支付用户零钱",
  success_time: "2030-01-01T12:05:00+08:00",
  create_time: "2030-01-01T12:04:00+08:00",
  status: "SUCCESS",
  amount: { total: 1800, refund: 800, payer_total: 1800, payer_refund: 800, currency: "CNY" },
};

export const refund = {
  refundId: refunded.refund_id,
  outRefundNo: refunded.out_refund_no,
  outTradeNo: order.outTradeNo,
  transactionId: paid.transaction_id,
  status: "SUCCESS",
  successTime: Date.UTC(2030, 0, 1, 4, 5, 0),
  refund: 800,
  total: 1800,
};
