import { createPublicKey } from "node:crypto";
import { expect } from "vitest";
import { Aes, Formatter, Rsa, Wechatpay } from "wechatpay-axios-plugin";
import {
  sandboxMerchant as merchant,
  sandboxPlatform as platform,
  sandboxApp,
} from "../../../src/wechat/simulator/sandbox-app.ts";
import type { SimulatorOptions } from "../../../src/wechat/simulator/simulator.ts";
import { host } from "../host.ts";
import { start } from "../simulator/start.ts";

/*
 * A merchant who signs, verifies and decrypts with wechatpay-axios-plugin, so that the simulator is held
 * against somebody else's reading of the protocol.
 */

export { merchant, platform };

// biome-ignore lint/suspicious/noExplicitAny: what came is for the test to look at
export type Json = any;

const platformKey = createPublicKey(platform.certificate);
const merchantKey = Rsa.from(merchant.privateKey, "private");

/** What a request says in its Authorization; undefined leaves a parameter out. */
export interface Claims {
  scheme?: string;
  mchid?: string;
  nonce_str?: string | undefined;
  timestamp?: string;
  serial_no?: string;
  signature?: string;
}

/** Changes of a request, made before or after it is signed. */
export interface Tweak {
  /** Unix s */
  at?: number;
  nonce?: string;
  claims?: Claims;
  order?: (keyof Claims)[];
  headers?: Record<string, string>;
  sent?: { method?: string; target?: string; body?: string };
}

export interface Notice {
  id: string;
  event_type: string;
  summary: string;
  headers: Record<string, string>;
  /** Decrypted. */
  resource: Json;
}

/** Whether the platform signed this body, by the oracle. */
export function isSealed(headers: Record<string, string>, body: string): boolean {
  const header = (name: string) => headers[`wechatpay-${name}`] ?? "";
  const text = Formatter.response(header("timestamp"), header("nonce"), body);
  return Rsa.verify(text, header("signature"), platformKey);
}

/** `await using shop = await open()`: a simulator, its merchant, and where its notifications arrive. */
export async function open(options: SimulatorOptions = {}) {
  const simulator = await start(options);
  const now = options.clock?.now ?? Date.now;

  /** Signs a request, verifies the answer. */
  async function ask(method: string, target: string, body?: unknown, tweak: Tweak = {}) {
    const text = body === undefined ? "" : typeof body === "string" ? body : JSON.stringify(body);
    const { at = Math.floor(now() / 1000), nonce = Formatter.nonce(), headers, sent = {} } = tweak;
    const signature = Rsa.sign(Formatter.request(method, target, at, nonce, text), merchantKey);
    const { scheme, ...claims }: Claims = {
      scheme: "WECHATPAY2-SHA256-RSA2048",
      mchid: merchant.mchid,
      nonce_str: nonce,
      timestamp: String(at),
      serial_no: merchant.serial,
      signature,
      ...tweak.claims,
    };
    const names = tweak.order ?? (Object.keys(claims) as (keyof typeof claims)[]);
    const parameters = names
      .filter((name) => claims[name as keyof typeof claims] !== undefined)
      .map((name) => `${name}="${claims[name as keyof typeof claims]}"`);
    const authorization = `${scheme} ${parameters.join(",")}`;
    const response = await fetch(simulator.url + (sent.target ?? target), {
      method: sent.method ?? method,
      headers: { authorization, "content-type": "application/json", ...headers },
      ...(body === undefined ? {} : { body: sent.body ?? text }),
    });
    const answer = await response.text();
    const sealed = Object.fromEntries(response.headers);
    expect(isSealed(sealed, answer), answer).toBe(true);
    return {
      status: response.status,
      headers: sealed,
      body: (answer ? JSON.parse(answer) : undefined) as Json,
    };
  }

  const notices: Notice[] = [];
  const statuses: (number | "hang" | "break")[] = [];
  let arrived = Promise.withResolvers<void>();
  const receiver = await host(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString();
    const headers = request.headers as Record<string, string>;
    expect(isSealed(headers, body)).toBe(true);
    const { resource, ...notice } = JSON.parse(body);
    const { ciphertext, nonce, associated_data } = resource;
    const plain = Aes.AesGcm.decrypt(ciphertext, merchant.apiV3Key, nonce, associated_data);
    notices.push({ ...notice, headers, resource: JSON.parse(plain) });
    const status = statuses.shift() ?? 204;
    if (status === "break") response.destroy();
    else if (status !== "hang") response.writeHead(status, status === 302 ? { location: "/" } : {}).end();
    arrived.resolve();
    arrived = Promise.withResolvers();
  });

  const order = {
    appid: sandboxApp.appid,
    mchid: merchant.mchid,
    description: "龙井茶 100 g",
    out_trade_no: "lu0001",
    notify_url: `${receiver.url}/notify`,
    amount: { total: 1800, currency: "CNY" },
    payer: { openid: "sandbox_alice" },
  };

  return {
    ...simulator,
    order,
    ask,
    prepay: (more: object = {}) => ask("POST", "/v3/pay/transactions/jsapi", { ...order, ...more }),
    query: (no = order.out_trade_no) =>
      ask("GET", `/v3/pay/transactions/out-trade-no/${no}?mchid=${merchant.mchid}`),
    closeOrder: (no = order.out_trade_no) =>
      ask("POST", `/v3/pay/transactions/out-trade-no/${no}/close`, { mchid: merchant.mchid }),
    refund: (out_refund_no: string, refund: number, more: object = {}) =>
      ask("POST", "/v3/refund/domestic/refunds", {
        out_trade_no: order.out_trade_no,
        out_refund_no,
        notify_url: `${receiver.url}/refunds`,
        amount: { refund, total: 1800, currency: "CNY" },
        ...more,
      }),
    /** The oracle's own client. Its answers are verified by it. */
    client: (certs: Record<string, string>): Json =>
      new Wechatpay({
        mchid: merchant.mchid,
        serial: merchant.serial,
        privateKey: merchant.privateKey,
        certs,
        baseURL: simulator.url,
      } as ConstructorParameters<typeof Wechatpay>[0]),
    /** How the next notifications are answered; 204 when nothing is said. */
    answerWith: (...next: typeof statuses) => statuses.push(...next),
    /** All that arrived, once there are so many. */
    async noticed(count: number): Promise<Notice[]> {
      while (notices.length < count) await arrived.promise;
      return notices;
    },
    async [Symbol.asyncDispose]() {
      await simulator.close();
      await receiver[Symbol.asyncDispose]();
    },
  };
}
