import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { inspect } from "node:util";
import { expect, test } from "vitest";
import { AppError } from "../../../src/errors.ts";
import { failure, printed } from "../failure.ts";
import { host } from "../host.ts";
import {
  merchant,
  now,
  order,
  paid,
  payAt,
  platform,
  type Reply,
  refunded,
  sandboxPlatform,
  sealed,
} from "./platform.ts";

const at = now / 1000;
const text = JSON.stringify(paid);

function why(error: AppError): string {
  return (error.cause as Error).message;
}

/** Asks a WeChat Pay that answers that; whatever fails must show nothing secret. */
async function refusedQuery(reply: Reply): Promise<AppError> {
  await using wx = await platform(() => reply);
  const error = await failure(payAt(wx.url).query(order.outTradeNo));
  const shown = printed(error);
  expect(shown).not.toContain(merchant.apiV3Key);
  expect(shown).not.toContain("PRIVATE KEY");
  expect(shown).not.toContain(wx.asked[0]?.claims.signature);
  expect(wx.asked).toHaveLength(1);
  return error;
}

const forgeries: [name: string, reply: Reply, why: string][] = [
  ["an altered body", { sent: text.replace("1800", "1801") }, "does not fit"],
  ["a body cut short", { sent: text.slice(0, -1) }, "does not fit"],
  ["a space more", { sent: `${text} ` }, "does not fit"],
  ["no body", { sent: "" }, "does not fit"],
  ["an altered nonce", { headers: { "wechatpay-nonce": "other" } }, "does not fit"],
  ["an altered timestamp", { headers: { "wechatpay-timestamp": `${at + 1}` } }, "does not fit"],
  ["another key", { seal: { privateKey: merchant.privateKey } }, "does not fit"],
  ["another serial", { seal: { serial: "PUB_KEY_ID_0" } }, "serial that is not WeChat Pay's"],
  ["its certificate's serial", { seal: { serial: sandboxPlatform.serial } }, "serial that is not"],
  ["an answer of 301 s ago", { seal: { at: at - 301 } }, "more than 300 s"],
  ["an answer of 301 s to come", { seal: { at: at + 301 } }, "more than 300 s"],
  ["a timestamp in words", { headers: { "wechatpay-timestamp": "now" } }, "wechatpay-timestamp"],
  ["no timestamp", { headers: { "wechatpay-timestamp": undefined } }, "no wechatpay-timestamp"],
  ["no nonce", { headers: { "wechatpay-nonce": undefined } }, "no wechatpay-nonce"],
  ["no serial", { headers: { "wechatpay-serial": undefined } }, "no wechatpay-serial"],
  ["no signature", { headers: { "wechatpay-signature": undefined } }, "no wechatpay-signature"],
  ["an empty signature", { headers: { "wechatpay-signature": "" } }, "no wechatpay-signature"],
  ["a signature that is none", { headers: { "wechatpay-signature": "c2lnbmF0dXJl" } }, "does not fit"],
  [
    "a test signature",
    { headers: { "wechatpay-signature": `WECHATPAY/SIGNTEST/${"A".repeat(325)}` } },
    "a test of WeChat Pay's",
  ],
  [
    "another kind of signature",
    { headers: { "wechatpay-signature-type": "WECHATPAY2-SM2-WITH-SM3" } },
    "another kind",
  ],
];

test.for(forgeries)("%s is not believed", async ([, reply, words]) => {
  const error = await refusedQuery({ body: text, ...reply });
  expect(error.reason).toBe("WX_UNAVAILABLE");
  expect(why(error)).toContain(words);
});

test.for([-300, 300])("a clock that is %i s off is let pass", async (off) => {
  await using wx = await platform(() => ({ body: paid, seal: { at: at + off } }));
  expect(await payAt(wx.url).query(order.outTradeNo)).toMatchObject({ tradeState: "SUCCESS" });
});

test("a missing Signature-Type is let pass", async () => {
  await using wx = await platform(() => ({
    body: paid,
    headers: { "wechatpay-signature-type": undefined },
  }));
  expect(await payAt(wx.url).query(order.outTradeNo)).toMatchObject({ tradeState: "SUCCESS" });
});

test.for([
  ["a refusal", { status: 404, body: { code: "ORDER_NOT_EXIST", message: "" } }, "HTTP 404 ORDER_NOT_EXIST"],
  ["a paid order's refusal", { status: 400, body: { code: "ORDER_PAID" } }, "HTTP 400 ORDER_PAID"],
  ["a signature refused", { status: 401, body: { code: "SIGN_ERROR" } }, "HTTP 401 SIGN_ERROR"],
  ["a gateway's 502", { status: 502, body: "<html>Bad Gateway</html>" }, "HTTP 502"],
  ["a gateway's 503", { status: 503, body: "" }, "HTTP 503"],
  ["a gateway's 504", { status: 504, body: "<html>" }, "HTTP 504"],
  ["a login page", { status: 200, body: "<html>" }, "HTTP 200"],
  ["an empty 204", { status: 204 }, "HTTP 204"],
] as const)(
  "%s without a signature is WX_UNAVAILABLE, and the log shows what it said",
  async ([, reply, words]) => {
    const unsigned = Object.fromEntries(Object.keys(sealed("")).map((name) => [name, undefined]));
    await using wx = await platform(() => ({ ...reply, headers: { ...unsigned, "request-id": "08F5-0" } }));
    const pay = payAt(wx.url);
    const calls = [
      pay.query(order.outTradeNo),
      pay.close(order.outTradeNo),
      pay.queryRefund(refunded.out_refund_no),
      pay.prepay(order),
    ];
    for (const error of await Promise.all(calls.map(failure))) {
      expect(error.reason).toBe("WX_UNAVAILABLE");
      expect(error.metadata).toEqual({});
      expect(why(error)).toContain(`${words}, not to be believed: no wechatpay-`);
      expect(why(error)).toContain("08F5-0");
    }
  },
);

test("a redirect is not followed", async () => {
  await using other = await platform(() => ({ body: paid }));
  await using wx = await platform(() => ({ status: 307, headers: { location: other.url } }));
  expect((await failure(payAt(wx.url).query(order.outTradeNo))).reason).toBe("WX_UNAVAILABLE");
  expect(other.asked).toEqual([]);
});

test.for([
  [400, "PARAM_ERROR", "WX_PAY_REFUSED"],
  [400, "INVALID_REQUEST", "WX_PAY_REFUSED"],
  [400, "ORDER_CLOSED", "WX_PAY_REFUSED"],
  [403, "OUT_TRADE_NO_USED", "WX_PAY_REFUSED"],
  [403, "NOT_ENOUGH", "WX_PAY_REFUSED"],
  [403, "USER_ACCOUNT_ABNORMAL", "WX_PAY_REFUSED"],
  [404, "RESOURCE_NOT_EXISTS", "WX_PAY_REFUSED"],
  [202, "USER_PAYING", "WX_PAY_REFUSED"],
  [400, "SOMETHING_NEW", "WX_PAY_REFUSED"],
  [400, "APPID_MCHID_NOT_MATCH", "WX_MISCONFIGURED"],
  [400, "MCH_NOT_EXISTS", "WX_MISCONFIGURED"],
  [401, "SIGN_ERROR", "WX_MISCONFIGURED"],
  [403, "NO_AUTH", "WX_MISCONFIGURED"],
  [403, "RULE_LIMIT", "WX_UNAVAILABLE"],
  [429, "FREQUENCY_LIMITED", "WX_UNAVAILABLE"],
  [429, "RATELIMIT_EXCEEDED", "WX_UNAVAILABLE"],
  [429, "SOMETHING_NEW", "WX_UNAVAILABLE"],
  [500, "SYSTEM_ERROR", "WX_UNAVAILABLE"],
  [503, "SOMETHING_NEW", "WX_UNAVAILABLE"],
] as const)("a signed %i %s is %s", async ([status, code, reason]) => {
  await using wx = await platform(() => ({
    status,
    body: { code, message: "为什么", detail: {} },
    headers: { "request-id": "08F5-0" },
  }));
  const pay = payAt(wx.url);
  const calls = [pay.query(order.outTradeNo), pay.close(order.outTradeNo), pay.prepay(order)];
  for (const error of await Promise.all(calls.map(failure))) {
    expect(error.reason).toBe(reason);
    expect(error.metadata).toEqual({ code });
    expect(why(error)).toContain(`HTTP ${status} ${code}: 为什么, request 08F5-0`);
  }
  expect(wx.asked).toHaveLength(3);
});

test("only a query's own code says that there is nothing", async () => {
  await using wx = await platform(({ path }) => ({
    status: 404,
    body: { code: path.includes("refund") ? "ORDER_NOT_EXIST" : "RESOURCE_NOT_EXISTS" },
  }));
  const pay = payAt(wx.url);
  expect((await failure(pay.query(order.outTradeNo))).reason).toBe("WX_PAY_REFUSED");
  expect((await failure(pay.queryRefund(refunded.out_refund_no))).reason).toBe("WX_PAY_REFUSED");
  const { amount, total, notifyUrl, outTradeNo } = { ...order, total: 1800 };
  const refund = { outTradeNo, outRefundNo: "lr1", reason: "", amount, total, notifyUrl };
  expect((await failure(pay.refund(refund))).metadata).toEqual({ code: "ORDER_NOT_EXIST" });
});

test.for([
  ["a refusal without a code", { status: 400, body: { message: "no" } }],
  ["a refusal whose code is none", { status: 400, body: { code: "a b\nc" } }],
  ["a refusal that is no JSON", { status: 400, body: "no" }],
  ["200 for a close", { status: 200, body: {} }],
] as const)("%s is WX_UNAVAILABLE", async ([, reply]) => {
  await using wx = await platform(() => reply);
  const error = await failure(payAt(wx.url).close(order.outTradeNo));
  expect(error.reason).toBe("WX_UNAVAILABLE");
  expect(error.metadata).toEqual({});
  expect(why(error)).toContain("without a code");
});

test("what WeChat Pay quotes of a request stays out of errors", async () => {
  await using wx = await platform(({ headers, body }) => ({
    status: 401,
    body: { code: "SIGN_ERROR", message: `${headers.authorization} ${body}`, detail: { headers } },
  }));
  const openid = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o";
  const error = await failure(payAt(wx.url).prepay({ ...order, openid }));
  expect(error.reason).toBe("WX_MISCONFIGURED");
  const shown = printed(error);
  expect(shown).toContain(`"openid":"***"`);
  expect(shown).not.toContain(openid);
  expect(shown).not.toContain(wx.asked[0]?.claims.signature?.slice(0, 40));
});

const { out_trade_no: _, ...nameless } = paid;
const shapes: [name: string, body: unknown, why: string][] = [
  ["half a JSON", text.slice(0, -5), "the whole: no JSON"],
  ["a list", [paid], "the whole: no JSON object"],
  ["null", "null", "the whole: no JSON object"],
  ["nothing", "", "the whole: no JSON"],
  ["no number", nameless, "out_trade_no: no text"],
  ["a number as appid", { ...paid, appid: 7 }, "appid: no text"],
  ["an endless mchid", { ...paid, mchid: "1".repeat(200) }, "mchid: too long"],
  ["an unknown state", { ...paid, trade_state: "PAID" }, "trade_state: none of"],
  ["no amount", { ...paid, amount: undefined }, "amount: no JSON object"],
  ["an amount in yuan", { ...paid, amount: { total: 18.5 } }, "amount.total: no amount"],
  ["an amount in words", { ...paid, amount: { total: "1800" } }, "amount.total: no amount"],
  ["an amount below 0", { ...paid, amount: { total: -1 } }, "amount.total: no amount"],
  ["another currency", { ...paid, amount: { total: 1800, currency: "USD" } }, "amount.currency: none of"],
  ["no payer though paid", { ...paid, payer: {} }, "payer.openid: no text"],
  ["no time though paid", { ...paid, success_time: undefined }, "success_time: no text"],
  ["a time without an offset", { ...paid, success_time: "2030-01-01T12:00:01" }, "success_time: no time"],
  ["a time that is none", { ...paid, success_time: "2030-13-01T12:00:01+08:00" }, "success_time: no time"],
  ["no transaction_id though paid", { ...paid, transaction_id: "" }, "transaction_id: no text"],
  ["a field of Object's", `{"__proto__": ${text}}`, "trade_state: none of"],
];

test.for(shapes)("a signed answer with %s is WX_UNAVAILABLE", async ([, body, words]) => {
  const error = await refusedQuery({ body });
  expect(error.reason).toBe("WX_UNAVAILABLE");
  expect(why(error)).toContain(words);
  expect(inspect(error)).not.toContain(paid.transaction_id);
});

test("a wrong appid or merchant is handed over: the payment's owner compares", async () => {
  await using wx = await platform(() => ({ body: { ...paid, appid: "wx0", mchid: "1" } }));
  expect(await payAt(wx.url).query(order.outTradeNo)).toMatchObject({ appid: "wx0", mchid: "1" });
});

test.for([
  ["2030-01-01T12:00:01+08:00", Date.UTC(2030, 0, 1, 4, 0, 1)],
  ["2030-01-01T04:00:01Z", Date.UTC(2030, 0, 1, 4, 0, 1)],
  ["2029-12-31T22:30:01-05:30", Date.UTC(2030, 0, 1, 4, 0, 1)],
] as const)("the time %s is read with its offset", async ([success_time, ms]) => {
  await using wx = await platform(() => ({ body: { ...paid, success_time } }));
  expect(await payAt(wx.url).query(order.outTradeNo)).toMatchObject({ successTime: ms });
});

test("an answer larger than 1 MiB is cut off", async () => {
  await using wx = await platform(() => ({ body: paid, sent: " ".repeat(1024 * 1024 + 1) }));
  expect(why(await failure(payAt(wx.url).query(order.outTradeNo)))).toContain("1048576 bytes");
});

test("no answer, half an answer and a closed port are WX_UNAVAILABLE", async () => {
  await using silent = await host(() => {});
  await using halting = await host((_, response) => {
    response.writeHead(200, { "content-length": "100" });
    response.write("{");
  });
  for (const { url } of [silent, halting]) {
    const error = await failure(payAt(url, { timeoutMs: 60 }).query(order.outTradeNo));
    expect(error.reason).toBe("WX_UNAVAILABLE");
    expect(why(error)).toContain("no answer within 60 ms");
  }
  await using breaking = await host((request) => request.socket.destroy());
  expect(why(await failure(payAt(breaking.url).query(order.outTradeNo)))).toContain("the connection failed");

  const port = createServer().listen(0, "127.0.0.1");
  await once(port, "listening");
  const closed = `http://127.0.0.1:${(port.address() as AddressInfo).port}`;
  port.close();
  await once(port, "close");
  expect(why(await failure(payAt(closed).query(order.outTradeNo)))).toContain("ECONNREFUSED");
});

test.for([
  ["nobody waits any more", () => new Error("gone"), "CALL_CANCELLED"],
  ["the time is over", () => new DOMException("late", "TimeoutError"), "DEADLINE_PASSED"],
  ["the server says why", () => new AppError("RATE_LIMITED"), "RATE_LIMITED"],
] as const)("a call ends when %s, before it is sent and while it waits", async ([, reason, expected]) => {
  const arrived = Promise.withResolvers<void>();
  await using wx = await host(() => arrived.resolve());
  const stop = new AbortController();
  const pay = payAt(wx.url, { timeoutMs: 60_000 });
  const waiting = failure(pay.query(order.outTradeNo, stop.signal));
  await arrived.promise;
  stop.abort(reason());
  expect((await waiting).reason).toBe(expected);
  expect((await failure(pay.prepay({ ...order, signal: stop.signal }))).reason).toBe(expected);
  expect(wx.counted.requests).toBe(1);
});

test("what fetch throws, the request with its Authorization included, is dropped", async () => {
  let signature = "";
  const fetch = async (_url: unknown, init?: RequestInit) => {
    signature = `${new Headers(init?.headers).get("authorization")}`;
    throw new TypeError(`failed to send ${signature}`, {
      cause: Object.assign(new Error(signature), { code: signature }),
    });
  };
  const error = await failure(payAt("https://pay.example", { fetch }).query(order.outTradeNo));
  expect(error.reason).toBe("WX_UNAVAILABLE");
  expect(signature).toContain("signature=");
  expect(printed(error)).not.toContain(signature);
  expect(why(error)).toMatch(/GET https:\/\/pay\.example\S+: the connection failed$/);
});
