import { type KeyObject, sign, verify } from "node:crypto";
import type { PlatformKeys } from "./keys.ts";

/** The only scheme of WeChat Pay v3: RSASSA-PKCS1-v1_5 with SHA-256. */
const scheme = "WECHATPAY2-SHA256-RSA2048";
/** How far a signature's time may be from ours, either way (s). */
const windowSeconds = 300;

/** Who signs a request. */
export interface Signer {
  mchid: string;
  /** Of the merchant's certificate. */
  serial: string;
  privateKey: KeyObject;
}

/** What a request's signature covers. */
export interface SignedRequest {
  method: string;
  /** Path and query, exactly as they are sent. */
  target: string;
  /** Unix s. */
  at: number;
  nonce: string;
  /** Empty for a GET. */
  body: string;
}

/** An answer or a notification, as it came. */
export interface SignedMessage {
  /** A header by its name in lower case. */
  header(name: string): string | undefined;
  body: Uint8Array;
}

/** Why a message does not count as WeChat Pay's; free of secrets. */
export class Unverified extends Error {}

/** RSA-SHA256 over the lines, each with a line feed at its end; base64. The same input gives the same output. */
export function signLines(privateKey: KeyObject, lines: readonly (string | number)[]): string {
  const text = lines.map((line) => `${line}\n`).join("");
  return sign("sha256", Buffer.from(text), privateKey).toString("base64");
}

/** The Authorization header of a request (https://pay.weixin.qq.com/docs/merchant/development/interface-rules/signature-generation.html). */
export function authorization({ mchid, serial, privateKey }: Signer, request: SignedRequest): string {
  const { method, target, at, nonce, body } = request;
  const signature = signLines(privateKey, [method, target, at, nonce, body]);
  const fields = { mchid, nonce_str: nonce, timestamp: at, serial_no: serial, signature };
  const list = Object.entries(fields).map(([name, value]) => `${name}="${value}"`);
  return `${scheme} ${list.join(",")}`;
}

/** What a message claims of its signature. */
export interface Claims {
  serial: string;
  /** What the signature must be over. */
  covered: Uint8Array;
  signature: Uint8Array;
}

/**
 * Reads a message's signature and refuses what needs no key to be refused.
 * @param now unix ms
 * @throws Unverified
 */
export function readClaims(message: SignedMessage, now: number): Claims {
  const field = (name: string, form: RegExp): string => {
    const value = message.header(name);
    if (value === undefined || value === "") throw new Unverified(`no ${name}`);
    if (!form.test(value)) throw new Unverified(`a ${name} that can't be one`);
    return value;
  };
  const timestamp = field("wechatpay-timestamp", /^\d{1,12}$/);
  const nonce = field("wechatpay-nonce", /^[\x21-\x7e]{1,128}$/);
  const serial = field("wechatpay-serial", /^\w{1,128}$/);
  const signature = field("wechatpay-signature", /^[A-Za-z0-9+/]{1,1024}={0,2}$/);
  const type = message.header("wechatpay-signature-type") ?? scheme;
  if (type !== scheme) throw new Unverified("another kind of signature");
  // WeChat Pay sends such ones to find out who does not check.
  if (signature.startsWith("WECHATPAY/SIGNTEST/")) throw new Unverified("a test of WeChat Pay's");
  if (Math.abs(now / 1000 - Number(timestamp)) > windowSeconds) {
    throw new Unverified(`a time more than ${windowSeconds} s from ours`);
  }
  return {
    serial,
    covered: Buffer.concat([Buffer.from(`${timestamp}\n${nonce}\n`), message.body, Buffer.from("\n")]),
    signature: Buffer.from(signature, "base64"),
  };
}

/** @throws Unverified when the signature was not made with the key. */
export function checkClaims({ covered, signature }: Claims, key: KeyObject | undefined): void {
  if (!key) throw new Unverified("a serial that is not WeChat Pay's");
  if (!verify("sha256", covered, key, signature)) throw new Unverified("the signature does not fit");
}

/**
 * Checks that WeChat Pay signed the message, and not long ago.
 * @throws Unverified; AppError as PlatformKeys.find
 */
export async function verifyMessage(
  { keys, clock }: { keys: PlatformKeys; clock: { now(): number } },
  message: SignedMessage,
  signal?: AbortSignal,
): Promise<void> {
  const claims = readClaims(message, clock.now());
  checkClaims(claims, await keys.find(claims.serial, signal));
}
