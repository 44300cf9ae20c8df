import { randomBytes } from "node:crypto";
import type { Exchange, RawAnswer } from "../exchange.ts";
import { authorization, type Signer } from "./signature.ts";

export interface PayRequest {
  method: "GET" | "POST";
  /** Path and query, escaped. */
  path: string;
  /** Sent as JSON. */
  body?: Readonly<Record<string, unknown>>;
  signal?: AbortSignal | undefined;
}

/** Sends a signed request; its answer is still to be verified. @throws AppError as Exchange. */
export type Sender = (request: PayRequest) => Promise<RawAnswer & { where: string }>;

export interface SenderOptions {
  exchange: Exchange;
  /** Without a slash at its end. */
  root: string;
  signer: Signer;
  /** In public-key mode: asks for answers that are signed with this key. */
  publicKeyId: string | undefined;
  clock: { now(): number };
}

/** Signs requests with the merchant's key and sends them. */
export function createSender({ exchange, root, signer, publicKeyId, clock }: SenderOptions): Sender {
  return async ({ method, path, body, signal }) => {
    const url = new URL(root + path);
    const text = body === undefined ? undefined : JSON.stringify(body);
    const signed = {
      method,
      target: url.pathname + url.search,
      at: Math.floor(clock.now() / 1000),
      nonce: randomBytes(16).toString("hex"),
      body: text ?? "",
    };
    const headers = {
      accept: "application/json",
      "user-agent": "liveuser",
      authorization: authorization(signer, signed),
      ...(text === undefined ? {} : { "content-type": "application/json" }),
      ...(publicKeyId === undefined ? {} : { "wechatpay-serial": publicKeyId }),
    };
    const where = `${method} ${root}${path}`;
    const answer = await exchange({ where, url: url.href, method, headers, body: text, signal });
    return { ...answer, where };
  };
}
