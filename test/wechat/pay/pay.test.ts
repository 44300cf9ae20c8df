import { createPublicKey } from "node:crypto";
import { expect, test } from "vitest";
import { Formatter, Rsa } from "wechatpay-axios-plugin";
import {
  merchant,
  now,
  order,
  paid,
  payAt,
  platform,
  type Reply,
  refund,
  refunded,
  sandboxPlatform,
  transaction,
} from "./platform.ts";

const prepared: Reply = { body: { prepay_id: "wx01120000000000000000000000000000" } };

/** The client with a WeChat Pay that always answers that. */
async function answering(reply: Reply) {
  const server = await platform(() => reply);
  return { ...server, pay: payAt(server.url) };
}

test("a request is signed over what is sent", async () => {
  await using wx = await answering(prepared);
  await wx.pay.prepay(order);
  await wx.pay.prepay(order);
  const [first, second] = wx.asked;
  expect(wx.asked.map(({ signed }) => signed)).toEqual([true, true]);
  expect(first?.claims).toMatchObject({
    mchid: merchant.mchid,
    serial_no: merchant.serial,
    timestamp: `${now / 1000}`,
    nonce_str: expect.stringMatching(/^\w{32}$/),
  });
  expect(second?.claims.nonce_str).not.toBe(first?.claims.nonce_str);
  expect(second?.body).toBe(first?.body);
  expect(first?.headers).toMatchObject({
    accept: "application/json",
    "content-type": "application/json",
    "user-agent": "liveuser",
    "wechatpay-serial": sandboxPlatform.publicKeyId,
  });
});

test("prepay sends the order and gives the prepay_id", async () => {
  await using wx = await answering(prepared);
  expect(await wx.pay.prepay(order)).toBe("wx01120000000000000000000000000000");
  const [asked] = wx.asked;
  expect(asked).toMatchObject({ method: "POST", target: "/v3/pay/transactions/jsapi" });
  expect(JSON.parse(asked?.body ?? "")).toEqual({
    appid: order.appid,
    mchid: merchant.mchid,
    description: "Green tea",
    out_trade_no: order.outTradeNo,
    notify_url: order.notifyUrl,
    amount: { total: 1800, currency: "CNY" },
    payer: { openid: order.openid },
  });
});

test.for([
  ["ASCII", "x".repeat(200), "x".repeat(127)],
  ["three bytes each", "茶".repeat(60), "茶".repeat(42)],
  ["two bytes at the edge", `${"x".repeat(126)}é!`, "x".repeat(126)],
  ["exactly as long as allowed", `${"x".repeat(124)}茶`, `${"x".repeat(124)}茶`],
  ["characters of four bytes", "tea 🍵!𠮷", "tea ?!?"],
  ["half a character", "tea \ud83c", "tea ?"],
] as const)("a description of %s is made to fit", async ([, description, sent]) => {
  await using wx = await answering(prepared);
  await wx.pay.prepay({ ...order, description });
  expect(JSON.parse(wx.asked[0]?.body ?? "").description).toBe(sent);
});

test.for(["short", "x".repeat(33), "white space", "../../certificates", "名字名字名字", ""])(
  "the number %j is a bug and goes nowhere",
  async (outTradeNo) => {
    await using wx = await answering(prepared);
    await expect(wx.pay.prepay({ ...order, outTradeNo })).rejects.toThrow("out_trade_no");
    await expect(wx.pay.query(outTradeNo)).rejects.toThrow("out_trade_no");
    await expect(wx.pay.close(outTradeNo)).rejects.toThrow("out_trade_no");
    expect(wx.asked).toEqual([]);
  },
);

test.for([0, -1, 0.5, Number.NaN, 2 ** 53])("an amount of %d is a bug and goes nowhere", async (amount) => {
  await using wx = await answering(prepared);
  await expect(wx.pay.prepay({ ...order, amount })).rejects.toThrow("amount");
  expect(wx.asked).toEqual([]);
});

test("the parameters of wx.requestPayment are signed, and the same each time", () => {
  const input = { appid: order.appid, prepayId: "wx0112", at: 1_893_456_000, nonce: "n0nce" };
  const pay = payAt("http://pay.example");
  const params = pay.params(input);
  expect(params).toMatchObject({
    timeStamp: "1893456000",
    nonceStr: "n0nce",
    package: "prepay_id=wx0112",
    signType: "RSA",
  });
  const covered = Formatter.joinedByLineFeed(order.appid, "1893456000", "n0nce", "prepay_id=wx0112");
  expect(Rsa.verify(covered, params.paySign, createPublicKey(merchant.certificate))).toBe(true);
  expect(params.paySign).toBe(Rsa.sign(covered, Rsa.from(merchant.privateKey, "private")));
  expect(pay.params(input)).toEqual(params);
  expect(pay.params({ ...input, at: input.at + 1 }).paySign).not.toBe(params.paySign);
});

test("query tells how a payment stands", async () => {
  await using wx = await answering({ body: paid });
  expect(await wx.pay.query(order.outTradeNo)).toEqual(transaction);
  expect(wx.asked).toMatchObject([
    {
      method: "GET",
      target: `/v3/pay/transactions/out-trade-no/${order.outTradeNo}?mchid=${merchant.mchid}`,
      signed: true,
      body: "",
    },
  ]);
});

test("numbers with signs in them arrive whole, and the signature fits", async () => {
  await using wx = await answering({ body: { ...paid, out_trade_no: "a|b*c_d-e" } });
  expect(await wx.pay.query("a|b*c_d-e")).toMatchObject({ outTradeNo: "a|b*c_d-e" });
  expect(wx.asked[0]?.signed).toBe(true);
  expect(decodeURIComponent(wx.asked[0]?.path ?? "")).toBe("/v3/pay/transactions/out-trade-no/a|b*c_d-e");
});

test("a base with a path of its own is kept, and signed", async () => {
  await using wx = await platform(() => ({ body: paid }));
  await payAt(`${wx.url}/proxy/`).query(order.outTradeNo);
  expect(wx.asked[0]).toMatchObject({
    path: `/proxy/v3/pay/transactions/out-trade-no/${order.outTradeNo}`,
    signed: true,
  });
});

test.for(["NOTPAY", "CLOSED", "REVOKED", "USERPAYING", "PAYERROR"])(
  "a payment in %s has no payer and no time yet",
  async (trade_state) => {
    const { appid, mchid, out_trade_no } = paid;
    const amount = { total: 1800, payer_currency: "CNY" };
    await using wx = await answering({
      body: { amount, appid, mchid, out_trade_no, payer: {}, promotion_detail: [], trade_state },
    });
    expect(await wx.pay.query(order.outTradeNo)).toEqual({
      ...transaction,
      tradeState: trade_state,
      transactionId: "",
      successTime: 0,
      openid: "",
    });
  },
);

test("a payment that WeChat Pay does not know is undefined", async () => {
  await using wx = await answering({ status: 404, body: { code: "ORDER_NOT_EXIST", message: "订单不存在" } });
  expect(await wx.pay.query(order.outTradeNo)).toBeUndefined();
});

test("close takes 204 and no body", async () => {
  await using wx = await answering({ status: 204 });
  expect(await wx.pay.close(order.outTradeNo)).toBeUndefined();
  expect(wx.asked).toMatchObject([
    {
      method: "POST",
      target: `/v3/pay/transactions/out-trade-no/${order.outTradeNo}/close`,
      signed: true,
      body: JSON.stringify({ mchid: merchant.mchid }),
    },
  ]);
});

test("refund sends both amounts and tells how the refund stands", async () => {
  await using wx = await answering({ body: { ...refunded, status: "PROCESSING", success_time: undefined } });
  const said = await wx.pay.refund({
    outTradeNo: order.outTradeNo,
    outRefundNo: refunded.out_refund_no,
    reason: "茶".repeat(40),
    amount: 800,
    total: 1800,
    notifyUrl: order.notifyUrl,
  });
  expect(said).toEqual({ ...refund, status: "PROCESSING", successTime: 0 });
  expect(wx.asked).toMatchObject([{ method: "POST", target: "/v3/refund/domestic/refunds", signed: true }]);
  expect(JSON.parse(wx.asked[0]?.body ?? "")).toEqual({
    out_trade_no: order.outTradeNo,
    out_refund_no: refunded.out_refund_no,
    reason: "茶".repeat(26),
    notify_url: order.notifyUrl,
    amount: { refund: 800, total: 1800, currency: "CNY" },
  });
});

test("queryRefund tells how a refund stands; undefined when there is none", async () => {
  await using wx = await answering({ body: refunded });
  expect(await wx.pay.queryRefund(refunded.out_refund_no)).toEqual(refund);
  expect(wx.asked[0]?.target).toBe(`/v3/refund/domestic/refunds/${refunded.out_refund_no}`);

  await using other = await answering({ status: 404, body: { code: "RESOURCE_NOT_EXISTS", message: "" } });
  expect(await other.pay.queryRefund(refunded.out_refund_no)).toBeUndefined();
});

test.for([
  ["privateKey", "merchant's private key"],
  ["apiV3Key", "APIv3 key"],
  ["publicKey", "WeChat Pay's public key"],
] as const)("a broken %s is named in one line, without the key", ([option, name]) => {
  const broken = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n";
  const value = option === "publicKey" ? { id: "PUB_KEY_ID_1", pem: broken } : broken;
  let message = "";
  try {
    payAt("http://pay.example", { [option]: value });
  } catch (error) {
    message = (error as Error).message;
    expect((error as Error).cause).toBeUndefined();
  }
  expect(message).toContain(name);
  expect(message).not.toContain("\n");
  expect(message).not.toContain("c2VjcmV0");
});

test("a key that is no RSA key is refused", () => {
  const pem =
    "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";
  expect(() => payAt("http://pay.example", { publicKey: { id: "PUB_KEY_ID_1", pem } })).toThrow("RSA");
});
