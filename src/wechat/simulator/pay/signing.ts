import { createCipheriv, createPublicKey, createSign, createVerify } from "node:crypto";
import type { SimReply, SimRequest } from "../router.ts";
import { sandboxMerchant, sandboxPlatform } from "../sandbox-app.ts";
import type { Simulation } from "../state.ts";

const windowMs = 300_000;
const scheme = "WECHATPAY2-SHA256-RSA2048";
const merchantKey = createPublicKey(sandboxMerchant.certificate);

/** WeChat Pay's refusal of a request: its HTTP status and code. */
export class PayRefusal extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

function unsigned(why: string): PayRefusal {
  return new PayRefusal(401, "SIGN_ERROR", why);
}

/**
 * Checks that the merchant signed the request, lately and for the first time.
 * @throws PayRefusal SIGN_ERROR
 */
export function checkRequest({ state, now }: Simulation, request: SimRequest): void {
  const { authorization = "" } = request.headers;
  if (!authorization.startsWith(`${scheme} `)) throw unsigned("Authorization is missing or of another kind");
  const given = new Map(
    [...authorization.slice(scheme.length).matchAll(/(\w+)="([^"]*)"/g)].map(([, name = "", value = ""]) => [
      name,
      value,
    ]),
  );
  const timestamp = given.get("timestamp") ?? "";
  const nonce = given.get("nonce_str") ?? "";
  if (given.get("mchid") !== sandboxMerchant.mchid) throw unsigned("mchid is not the merchant's");
  if (given.get("serial_no") !== sandboxMerchant.serial)
    throw unsigned("serial_no is no certificate of the merchant's");
  if (!/^\d{1,12}$/.test(timestamp) || Math.abs(now() - Number(timestamp) * 1000) > windowMs) {
    throw unsigned("timestamp is more than 5 minutes off");
  }
  const text = `${request.method}\n${request.target}\n${timestamp}\n${nonce}\n${request.body}\n`;
  const signature = given.get("signature") ?? "";
  if (!nonce || !createVerify("RSA-SHA256").update(text).verify(merchantKey, signature, "base64")) {
    throw unsigned("the signature does not fit");
  }
  useUp(state.pay.nonces, nonce, now());
}

function useUp(nonces: Map<string, number>, nonce: string, at: number): void {
  for (const [old, since] of nonces) {
    if (at - since <= 2 * windowMs) break;
    nonces.delete(old);
  }
  if (nonces.has(nonce)) throw unsigned("nonce_str was used before");
  nonces.set(nonce, at);
}

/** The headers that sign a body: by the public key's id if `serial` is that, else by the certificate's serial. */
export function signed(sim: Simulation, body: string, serial: string | undefined): Record<string, string> {
  const timestamp = String(Math.floor(sim.now() / 1000));
  const nonce = sim.random(16).toString("hex");
  const { publicKeyId, privateKey, serial: certificateSerial } = sandboxPlatform;
  return {
    "Wechatpay-Timestamp": timestamp,
    "Wechatpay-Nonce": nonce,
    "Wechatpay-Serial": serial === publicKeyId ? publicKeyId : certificateSerial,
    "Wechatpay-Signature": createSign("RSA-SHA256")
      .update(`${timestamp}\n${nonce}\n${body}\n`)
      .sign(privateKey, "base64"),
    "Wechatpay-Signature-Type": scheme,
  };
}

/** A signed answer to a request. */
export function answer(
  sim: Simulation,
  request: SimRequest,
  { status, value }: { status: number; value?: unknown },
): SimReply {
  const body = value === undefined ? "" : JSON.stringify(value);
  const headers = {
    ...signed(sim, body, request.headers["wechatpay-serial"]),
    "Request-ID": sim.random(12).toString("hex"),
  };
  return { status, type: "application/json; charset=utf-8", body, headers };
}

/** Encrypts with the merchant's APIv3 key (AEAD_AES_256_GCM). */
export function encrypted(sim: Simulation, text: string, associatedData: string) {
  const nonce = sim.random(6).toString("hex");
  const cipher = createCipheriv("aes-256-gcm", sandboxMerchant.apiV3Key, nonce);
  cipher.setAAD(Buffer.from(associatedData));
  const ciphertext = Buffer.concat([cipher.update(text), cipher.final(), cipher.getAuthTag()]);
  return {
    algorithm: "AEAD_AES_256_GCM",
    ciphertext: ciphertext.toString("base64"),
    associated_data: associatedData,
    nonce,
  };
}
