import { expect, test } from "vitest";
import { sandboxApp } from "../../../src/wechat/simulator/sandbox-app.ts";
import { standingClock } from "../simulator/start.ts";
import { merchant, open } from "./shop.ts";

const refused = (status: number, code: string) => ({ status, body: { code, message: expect.any(String) } });

test("prepaid, asked about, paid, found by both numbers", async () => {
  await using shop = await open({ clock: standingClock() });
  expect(await shop.query()).toMatchObject(refused(404, "ORDER_NOT_EXIST"));
  const { body } = await shop.prepay();
  expect(body).toEqual({ prepay_id: expect.stringMatching(/^wx20300101080000[0-9a-f]{20}$/) });
  expect((await shop.prepay()).body).toEqual(body);
  expect((await shop.query()).body).toEqual({
    appid: sandboxApp.appid,
    mchid: merchant.mchid,
    out_trade_no: "lu0001",
    trade_state: "NOTPAY",
    trade_state_desc: "订单未支付",
    attach: "",
    amount: { total: 1800, currency: "CNY" },
  });

  const paid = await shop.post("/sim/pay", { prepay_id: body.prepay_id });
  const transaction_id = expect.stringMatching(/^\d{28}$/);
  expect(paid).toEqual({
    http: 200,
    out_trade_no: "lu0001",
    trade_state: "SUCCESS",
    transaction_id,
    notified: true,
  });
  const found = (await shop.query()).body;
  expect(found).toEqual({
    appid: sandboxApp.appid,
    mchid: merchant.mchid,
    out_trade_no: "lu0001",
    transaction_id: paid.transaction_id,
    trade_type: "JSAPI",
    trade_state: "SUCCESS",
    trade_state_desc: "支付成功",
    bank_type: "OTHERS",
    attach: "",
    success_time: "2030-01-01T08:00:00+08:00",
    payer: { openid: "sandbox_alice" },
    amount: { total: 1800, payer_total: 1800, currency: "CNY", payer_currency: "CNY" },
  });
  const byId = `/v3/pay/transactions/id/${paid.transaction_id}?mchid=${merchant.mchid}`;
  expect((await shop.ask("GET", byId)).body).toEqual(found);
  expect(await shop.ask("GET", byId.replace("?", "9?"))).toMatchObject(refused(404, "ORDER_NOT_EXIST"));
  expect(await shop.ask("GET", byId.replace(merchant.mchid, "1"))).toMatchObject(refused(400, "PARAM_ERROR"));
  expect(await shop.prepay()).toMatchObject(refused(400, "ORDERPAID"));
  expect(await shop.closeOrder()).toMatchObject(refused(400, "ORDERPAID"));
  const twice = await shop.post("/sim/pay", { out_trade_no: "lu0001" });
  expect(twice).toEqual({ http: 400, error: "it is paid already" });
});

test("closed: not paid, not prepaid again, closed twice", async () => {
  await using shop = await open();
  expect(await shop.closeOrder()).toMatchObject(refused(404, "ORDER_NOT_EXIST"));
  await shop.prepay();
  for (const _ of [1, 2]) expect((await shop.closeOrder()).status).toBe(204);
  expect((await shop.query()).body.trade_state).toBe("CLOSED");
  expect(await shop.prepay()).toMatchObject(refused(400, "ORDER_CLOSED"));
  const pay = await shop.post("/sim/pay", { out_trade_no: "lu0001" });
  expect(pay).toEqual({ http: 400, error: "it is closed" });
});

test("a prepay_id is good for two hours; then there is a new one", async () => {
  const clock = standingClock();
  await using shop = await open({ clock, timeScale: 2 });
  const { prepay_id } = (await shop.prepay()).body;
  clock.pass(3600_000 - 1);
  expect((await shop.prepay()).body).toEqual({ prepay_id });
  clock.pass(1);
  expect(await shop.post("/sim/pay", { prepay_id })).toEqual({
    http: 400,
    error: "the prepay_id has expired",
  });
  const fresh = (await shop.prepay()).body;
  expect(fresh.prepay_id).not.toBe(prepay_id);
  expect((await shop.post("/sim/pay", { prepay_id })).http).toBe(400);
  expect((await shop.post("/sim/pay", fresh)).http).toBe(200);
});

test.for([
  ["appid", { appid: "wx0000000000000000" }, "APPID_MCHID_NOT_MATCH"],
  ["mchid", { mchid: "1900000002" }, "PARAM_ERROR"],
  ["/out_trade_no", { out_trade_no: "12345" }, "PARAM_ERROR"],
  ["/out_trade_no", { out_trade_no: "1".repeat(33) }, "PARAM_ERROR"],
  ["/out_trade_no", { out_trade_no: "123 456" }, "PARAM_ERROR"],
  ["/out_trade_no", { out_trade_no: 1234567 }, "PARAM_ERROR"],
  ["/description", { description: "" }, "PARAM_ERROR"],
  ["/description", { description: "茶".repeat(43) }, "PARAM_ERROR"],
  ["/description", { description: "tea 🍵" }, "PARAM_ERROR"],
  ["/attach", { attach: "a".repeat(129) }, "PARAM_ERROR"],
  ["/amount", { amount: 1800 }, "PARAM_ERROR"],
  ["/amount/total", { amount: { total: 0 } }, "PARAM_ERROR"],
  ["/amount/total", { amount: { total: 1.5 } }, "PARAM_ERROR"],
  ["/amount/total", { amount: { total: "1800" } }, "PARAM_ERROR"],
  ["/amount/currency", { amount: { total: 1, currency: "USD" } }, "PARAM_ERROR"],
  ["/payer", { payer: "sandbox_alice" }, "PARAM_ERROR"],
  ["/payer/openid", { payer: { openid: "" } }, "PARAM_ERROR"],
  ["/notify_url", { notify_url: undefined }, "PARAM_ERROR"],
  ["/notify_url", { notify_url: "http://shop.example/notify" }, "PARAM_ERROR"],
  ["/notify_url", { notify_url: "http://127.0.0.1.shop.example/notify" }, "PARAM_ERROR"],
  ["/notify_url", { notify_url: "https://shop.example/notify?a=1" }, "PARAM_ERROR"],
  ["/notify_url", { notify_url: "http://[" }, "PARAM_ERROR"],
  ["/notify_url", { notify_url: "/notify" }, "PARAM_ERROR"],
] as const)("%s %j is refused with %s", async ([field, wrong, code]) => {
  await using shop = await open();
  const { status, body } = await shop.prepay(wrong);
  expect([status, body.code, body.message]).toEqual([400, code, expect.stringContaining(field)]);
  if (code === "PARAM_ERROR") expect(body.detail.field).toBe(field);
  expect((await shop.query()).status).toBe(404);
});

test("bodies that are none", async () => {
  await using shop = await open();
  for (const body of ["", "{", "[]", "null"]) {
    const answer = await shop.ask("POST", "/v3/pay/transactions/jsapi", body);
    expect(answer).toMatchObject(refused(400, "PARAM_ERROR"));
  }
});

test.for([
  ["description", { description: "Green tea" }],
  ["total", { amount: { total: 1799 } }],
  ["openid", { payer: { openid: "sandbox_bob" } }],
  ["notifyUrl", { notify_url: "https://shop.example/notify" }],
  ["attach", { attach: "table 7" }],
] as const)("the same number with another %s is refused", async ([name, other]) => {
  await using shop = await open();
  const first = await shop.prepay();
  const { status, body } = await shop.prepay(other);
  expect([status, body.code]).toEqual([400, "INVALID_REQUEST"]);
  expect(body.message).toContain(name);
  expect((await shop.prepay()).body).toEqual(first.body);
});

test("limits that are met; what is attached comes back", async () => {
  await using shop = await open();
  const out_trade_no = "a_b-c|d*".repeat(4);
  const attach = "茶".repeat(42);
  const order = { out_trade_no, attach, description: `${"茶".repeat(42)}.`, amount: { total: 1 } };
  expect((await shop.prepay({ ...order, notify_url: "https://shop.example/n" })).status).toBe(200);
  expect((await shop.query(encodeURIComponent(out_trade_no))).body).toMatchObject({ out_trade_no, attach });
});

test("the person of a payment is known from then on", async () => {
  await using shop = await open();
  await shop.prepay({ payer: { openid: "oNew" } });
  expect(await shop.get("/sim/overview")).toMatchObject({ people: [{ openid: "oNew" }] });
});

test.for([
  [{}, "one of prepay_id and out_trade_no is needed"],
  [{ prepay_id: "wx1" }, "there is no such payment"],
  [{ out_trade_no: "lu0002" }, "there is no such payment"],
  [{ out_trade_no: "lu0001", prepay_id: "wx1" }, "there is no such payment"],
  [{ out_trade_no: "lu0001", notify: "no" }, "notify must be true or false"],
  [{ out_trade_no: "lu0001", amount: 1 }, 'unknown field "amount"'],
] as const)("POST /sim/pay %j is refused", async ([body, error]) => {
  await using shop = await open();
  await shop.prepay();
  expect(await shop.post("/sim/pay", body)).toEqual({ http: 400, error });
  expect((await shop.query()).body.trade_state).toBe("NOTPAY");
});

test("payments are listed, all or one person's", async () => {
  await using shop = await open({ clock: standingClock() });
  const { prepay_id } = (await shop.prepay()).body;
  await shop.prepay({ out_trade_no: "lu0002", payer: { openid: "sandbox_bob" } });
  expect((await shop.get("/sim/payments")).payments).toHaveLength(2);
  expect(await shop.get("/sim/payments", { openid: "sandbox_alice" })).toEqual({
    http: 200,
    payments: [
      {
        out_trade_no: "lu0001",
        prepay_id,
        openid: "sandbox_alice",
        description: shop.order.description,
        total: 1800,
        trade_state: "NOTPAY",
        transaction_id: null,
        created_at: 1893456000,
        paid_at: null,
        notifications: [],
      },
    ],
  });
});
