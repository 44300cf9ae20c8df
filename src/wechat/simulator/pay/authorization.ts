import { createPublicKey, createVerify } from "node:crypto";
import type { SimRequest } from "../router.ts";
import { sandboxMerchant } from "../sandbox-app.ts";
import type { Simulation } from "../state.ts";
import { PayRefusal } from "./refusal.ts";

const scheme = "WECHATPAY2-SHA256-RSA2048";
/** How far the merchant's clock may be off. */
const windowMs = 300_000;
/** How much of what was signed an answer shows. */
const mostShown = 200;
const merchantKey = createPublicKey(sandboxMerchant.certificate);

/**
 * Checks that the merchant signed the request, lately and for the first time
 * (https://pay.weixin.qq.com/doc/v3/merchant/4012365336).
 * @throws PayRefusal 401 SIGN_ERROR
 */
export function checkAuthorization(sim: Simulation, request: SimRequest): void {
  const given = readAuthorization(request.headers.authorization ?? "");
  const { timestamp = "", nonce_str: nonce = "", signature = "" } = given;
  if (given.mchid !== sandboxMerchant.mchid) throw signError("mchid", "no such merchant");
  if (given.serial_no !== sandboxMerchant.serial) {
    throw signError("serial_no", "the merchant has no such certificate");
  }
  if (!/^\d{1,12}$/.test(timestamp) || Math.abs(sim.now() - Number(timestamp) * 1000) > windowMs) {
    throw signError("timestamp", "it is more than 300 s off");
  }
  if (nonce === "") throw signError("nonce_str", "it is missing");
  const { method, target, body } = request;
  const signed = `${method}\n${target}\n${timestamp}\n${nonce}\n${body}\n`;
  if (!createVerify("RSA-SHA256").update(signed).verify(merchantKey, signature, "base64")) {
    throw signError("signature", "sign not match", {
      sign_information: {
        method,
        url: target,
        truncated_sign_message: signed.slice(0, mostShown),
        sign_message_length: Buffer.byteLength(signed),
      },
    });
  }
  useUp(sim.state.pay.nonces, nonce, sim.now());
}

/** The parameters stand in any order. */
function readAuthorization(header: string): Record<string, string | undefined> {
  if (!header.startsWith(`${scheme} `)) throw signError("Authorization", `it must begin with ${scheme}`);
  const parameters = [...header.slice(scheme.length).matchAll(/(\w+)="([^"]*)"/g)];
  return Object.fromEntries(parameters.map(([, name, value]) => [name, value]));
}

/** A timestamp may lie ahead by the window, so that a request is good for twice as long after it first came. */
function useUp(nonces: Map<string, number>, nonce: string, now: number): void {
  for (const [old, since] of nonces) {
    if (now - since <= 2 * windowMs) break;
    nonces.delete(old);
  }
  if (nonces.has(nonce)) throw signError("nonce_str", "it was used before");
  nonces.set(nonce, now);
}

function signError(field: string, issue: string, more: object = {}): PayRefusal {
  const detail = { field, issue, location: "authorization", ...more };
  return new PayRefusal(401, "SIGN_ERROR", { message: `the signature is wrong: ${field}: ${issue}`, detail });
}
