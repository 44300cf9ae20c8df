import { createCipheriv, createSign, randomBytes } from "node:crypto";
import { sandboxApp, sandboxMerchant, sandboxPlatform } from "../../src/wechat/simulator/sandbox-app.ts";

/** A notification as WeChat Pay would send it, or nearly. */
export interface Forgery {
  transaction: Record<string, unknown>;
  /** How old it says it is (s). */
  age?: number;
  /** Another signing key than WeChat Pay's (PEM). */
  key?: string;
  /** Changes the body after it was signed. */
  tamper?(body: string): string;
  headers?: Record<string, string>;
}

/** What WeChat Pay tells of a payment that went through. */
export function transaction(outTradeNo: string, total: number, more: Record<string, unknown> = {}) {
  return {
    mchid: sandboxMerchant.mchid,
    appid: sandboxApp.appid,
    out_trade_no: outTradeNo,
    transaction_id: `4200${outTradeNo.replace(/\D/g, "")}`,
    trade_type: "JSAPI",
    trade_state: "SUCCESS",
    trade_state_desc: "ok",
    bank_type: "OTHERS",
    attach: "",
    success_time: new Date().toISOString().replace(/\.\d+Z$/, "+00:00"),
    payer: { openid: "sandbox_alice" },
    amount: { total, payer_total: total, currency: "CNY", payer_currency: "CNY" },
    ...more,
  };
}

/** Signs and encrypts a notification with the sandbox's keys: what to POST. */
export function notification({ transaction, age = 0, key, tamper, headers }: Forgery) {
  const nonce = randomBytes(6).toString("hex");
  const cipher = createCipheriv("aes-256-gcm", sandboxMerchant.apiV3Key, nonce);
  cipher.setAAD(Buffer.from("transaction"));
  const text = Buffer.concat([
    cipher.update(JSON.stringify(transaction)),
    cipher.final(),
    cipher.getAuthTag(),
  ]);
  const body = JSON.stringify({
    id: randomBytes(16).toString("hex"),
    create_time: new Date().toISOString(),
    resource_type: "encrypt-resource",
    event_type: "TRANSACTION.SUCCESS",
    summary: "ok",
    resource: {
      original_type: "transaction",
      algorithm: "AEAD_AES_256_GCM",
      ciphertext: text.toString("base64"),
      associated_data: "transaction",
      nonce,
    },
  });
  const timestamp = String(Math.floor(Date.now() / 1000) - age);
  const signature = createSign("RSA-SHA256")
    .update(`${timestamp}\n${nonce}\n${body}\n`)
    .sign(key ?? sandboxPlatform.privateKey, "base64");
  return {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "wechatpay-timestamp": timestamp,
      "wechatpay-nonce": nonce,
      "wechatpay-serial": sandboxPlatform.publicKeyId,
      "wechatpay-signature": signature,
      "wechatpay-signature-type": "WECHATPAY2-SHA256-RSA2048",
      ...headers,
    },
    body: tamper ? tamper(body) : body,
  };
}
