import { expect, test } from "vitest";
import { AppError } from "../../../src/errors.ts";
import type { Notification, Pay } from "../../../src/wechat/pay/pay.ts";
import { startSimulator } from "../../../src/wechat/simulator/server.ts";
import { failure } from "../failure.ts";
import { host } from "../host.ts";
import { certificatePayAt, merchant, payAt, order as someOrder } from "./platform.ts";

const clock = { now: () => Date.now() };
const modes = [
  ["public-key", payAt],
  ["certificate", certificatePayAt],
] as const;

/** The simulator's WeChat Pay, a client of it, and where its notifications arrive. */
async function shop(clientAt: typeof payAt) {
  const simulator = await startSimulator({ port: 0 });
  const pay: Pay = clientAt(simulator.url, { clock });
  const arrived: Notification[] = [];
  const refused: unknown[] = [];
  let more = Promise.withResolvers<void>();
  const server = await host(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const header = (name: string) => request.headers[name]?.toString();
    try {
      arrived.push(await pay.readNotification({ header, body: Buffer.concat(chunks) }));
      response.writeHead(204).end();
    } catch (error) {
      refused.push(error instanceof AppError ? error.reason : error);
      response.writeHead(401).end();
    }
    more.resolve();
    more = Promise.withResolvers();
  });
  return {
    pay,
    order: { ...someOrder, notifyUrl: `${server.url}/notify` },
    /** The next notification, or why it was refused. */
    async next(): Promise<unknown> {
      while (arrived.length === 0 && refused.length === 0) await more.promise;
      return arrived.shift() ?? refused.shift();
    },
    /** What the person at the phone does. */
    async act(path: string, body: unknown = {}): Promise<void> {
      const response = await fetch(simulator.url + path, { method: "POST", body: JSON.stringify(body) });
      expect([response.status, await response.text()]).toEqual([200, expect.any(String)]);
    },
    async [Symbol.asyncDispose]() {
      await simulator.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

test.for(modes)("a payment from prepay to its refund, in %s mode", async ([, clientAt]) => {
  await using wx = await shop(clientAt);
  const { pay, order } = wx;
  const notified = (content: object) => ({ id: expect.any(String), ...content });
  expect(await pay.query(order.outTradeNo)).toBeUndefined();

  const prepayId = await pay.prepay(order);
  expect(await pay.prepay(order)).toBe(prepayId);
  const unpaid = { outTradeNo: order.outTradeNo, tradeState: "NOTPAY", total: 1800, openid: "" };
  expect(await pay.query(order.outTradeNo)).toMatchObject({ ...unpaid, successTime: 0, transactionId: "" });

  await wx.act("/sim/pay", { prepay_id: prepayId });
  const paidNotice = await wx.next();
  const paid = await pay.query(order.outTradeNo);
  const { appid, outTradeNo, openid } = order;
  const whole = { appid, mchid: merchant.mchid, outTradeNo, tradeState: "SUCCESS", openid, total: 1800 };
  expect(paid).toMatchObject(whole);
  expect(Math.abs((paid?.successTime ?? 0) - Date.now())).toBeLessThan(60_000);
  expect(paidNotice).toEqual(notified({ kind: "payment", transaction: paid }));

  const closing = await failure(pay.close(order.outTradeNo));
  expect([closing.reason, closing.metadata.code]).toEqual(["WX_PAY_REFUSED", expect.any(String)]);

  expect(await pay.queryRefund("lr1")).toBeUndefined();
  const refundOrder = { outTradeNo, outRefundNo: "lr1", reason: "too late", amount: 800, total: 1800 };
  const asked = await pay.refund({ ...refundOrder, notifyUrl: order.notifyUrl });
  expect(asked).toMatchObject({ outRefundNo: "lr1", status: "PROCESSING", refund: 800, total: 1800 });
  expect(await pay.refund({ ...refundOrder, notifyUrl: order.notifyUrl })).toEqual(asked);

  await wx.act("/sim/refund/lr1");
  const refundNotice = await wx.next();
  const refund = await pay.queryRefund("lr1");
  expect(refund).toEqual({ ...asked, status: "SUCCESS", successTime: expect.any(Number) });
  expect(refund?.successTime).toBeGreaterThan(0);
  expect(refundNotice).toEqual(notified({ kind: "refund", mchid: merchant.mchid, refund }));
  expect(await pay.query(order.outTradeNo)).toMatchObject({ tradeState: "REFUND", total: 1800 });
});

test.for(modes)("a payment that nobody makes is closed, in %s mode", async ([, clientAt]) => {
  await using wx = await shop(clientAt);
  const { pay, order } = wx;
  await pay.prepay(order);
  await pay.close(order.outTradeNo);
  expect(await pay.query(order.outTradeNo)).toMatchObject({ tradeState: "CLOSED" });
  expect((await failure(pay.prepay(order))).reason).toBe("WX_PAY_REFUSED");
});

test.for(modes)("refusals arrive signed, in %s mode", async ([, clientAt]) => {
  await using wx = await shop(clientAt);
  const { pay, order } = wx;
  const wrongApp = await failure(pay.prepay({ ...order, appid: "wx0000000000000000" }));
  expect([wrongApp.reason, wrongApp.metadata.code]).toEqual(["WX_MISCONFIGURED", "APPID_MCHID_NOT_MATCH"]);
  const { outTradeNo, notifyUrl } = order;
  const early = { outTradeNo, outRefundNo: "lr1", reason: "", amount: 1, total: 1800, notifyUrl };
  expect((await failure(pay.refund(early))).reason).toBe("WX_PAY_REFUSED");
});
