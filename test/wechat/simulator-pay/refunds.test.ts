import { expect, test } from "vitest";
import { standingClock } from "../simulator/start.ts";
import { merchant, open } from "./shop.ts";

const refused = (status: number, code: string) => ({ status, body: { code, message: expect.any(String) } });

/** A shop with a payment of 1800 fen that went through, and its notification taken. */
async function paidShop(options: Parameters<typeof open>[0] = {}) {
  const shop = await open(options);
  await shop.prepay();
  const { transaction_id } = await shop.post("/sim/pay", { out_trade_no: "lu0001", notify: false });
  return { ...shop, transaction_id: transaction_id as string };
}

test("asked for, worked on, settled by hand, told", async () => {
  const clock = standingClock();
  await using shop = await paidShop({ clock });
  const asked = await shop.refund("lr1", 800, { reason: "cold tea" });
  const record = {
    refund_id: expect.stringMatching(/^\d{29}$/),
    out_refund_no: "lr1",
    transaction_id: shop.transaction_id,
    out_trade_no: "lu0001",
    channel: "ORIGINAL",
    user_received_account: "支付用户零钱",
    create_time: "2030-01-01T08:00:00+08:00",
    status: "PROCESSING",
    funds_account: "AVAILABLE",
    amount: {
      total: 1800,
      refund: 800,
      payer_total: 1800,
      payer_refund: 800,
      settlement_total: 1800,
      settlement_refund: 800,
      discount_refund: 0,
      currency: "CNY",
    },
  };
  expect(asked).toMatchObject({ status: 200, body: record });
  expect(asked.body).toEqual(record);
  expect((await shop.query()).body.trade_state).toBe("REFUND");

  clock.pass(2000);
  const settled = await shop.post("/sim/refund/lr1", "");
  expect(settled).toMatchObject({ http: 200, out_refund_no: "lr1", status: "SUCCESS", reason: "cold tea" });
  const after = { ...asked.body, status: "SUCCESS", success_time: "2030-01-01T08:00:02+08:00" };
  expect((await shop.ask("GET", "/v3/refund/domestic/refunds/lr1")).body).toEqual(after);
  const [notice] = await shop.noticed(1);
  expect(notice).toMatchObject({ event_type: "REFUND.SUCCESS" });
  expect(notice?.resource).toEqual({
    mchid: merchant.mchid,
    out_trade_no: "lu0001",
    transaction_id: shop.transaction_id,
    out_refund_no: "lr1",
    refund_id: asked.body.refund_id,
    refund_status: "SUCCESS",
    success_time: "2030-01-01T08:00:02+08:00",
    user_received_account: "支付用户零钱",
    amount: { total: 1800, refund: 800, payer_total: 1800, payer_refund: 800 },
  });
  expect(await shop.post("/sim/refund/lr1", {})).toEqual({ http: 400, error: "it is SUCCESS already" });
  const { refunds } = (await shop.get("/sim/refunds")) as { refunds: object[] };
  expect(refunds).toEqual([
    {
      out_refund_no: "lr1",
      refund_id: asked.body.refund_id,
      out_trade_no: "lu0001",
      openid: "sandbox_alice",
      amount: 800,
      total: 1800,
      reason: "cold tea",
      status: "SUCCESS",
      created_at: 1893456000,
      settled_at: 1893456002,
      notifications: [expect.objectContaining({ event_type: "REFUND.SUCCESS", sent_at: 1893456002 })],
    },
  ]);
});

test("one that nobody settles goes through after 20 s", async () => {
  await using shop = await paidShop({ timeScale: 1000 });
  expect((await shop.refund("lr1", 1800)).body.status).toBe("PROCESSING");
  const [notice] = await shop.noticed(1);
  expect(notice?.event_type).toBe("REFUND.SUCCESS");
  expect((await shop.ask("GET", "/v3/refund/domestic/refunds/lr1")).body.status).toBe("SUCCESS");
});

test("the same number refunds once, and only the same", async () => {
  await using shop = await paidShop();
  const first = await shop.refund("lr1", 1000);
  expect((await shop.refund("lr1", 1000)).body).toEqual(first.body);
  expect(await shop.refund("lr1", 999)).toMatchObject(refused(400, "INVALID_REQUEST"));
  expect((await shop.get("/sim/refunds")).refunds).toHaveLength(1);
});

test("no more goes back than was paid; what is turned down counts no more", async () => {
  await using shop = await paidShop();
  expect(await shop.refund("lr0", 1801)).toMatchObject(refused(400, "INVALID_REQUEST"));
  await shop.refund("lr1", 1000);
  await shop.refund("lr2", 800);
  expect(await shop.refund("lr3", 1)).toMatchObject(refused(400, "INVALID_REQUEST"));
  expect(await shop.post("/sim/refund/lr2", { status: "CLOSED" })).toMatchObject({ status: "CLOSED" });
  expect((await shop.query()).body.trade_state).toBe("REFUND");
  const [notice] = await shop.noticed(1);
  expect(notice).toMatchObject({ event_type: "REFUND.CLOSED", resource: { refund_status: "CLOSED" } });
  expect(notice?.resource).not.toHaveProperty("success_time");
  expect((await shop.refund("lr3", 800)).status).toBe(200);
  await shop.post("/sim/refund/lr1", { status: "CLOSED" });
  await shop.post("/sim/refund/lr3", { status: "CLOSED" });
  expect((await shop.query()).body.trade_state).toBe("SUCCESS");
});

test("an abnormal refund waits for somebody, also beyond 20 s", async () => {
  await using shop = await paidShop({ timeScale: 200 });
  await shop.refund("lr1", 1);
  await shop.post("/sim/refund/lr1", { status: "ABNORMAL" });
  await shop.refund("lr2", 1);
  const notices = await shop.noticed(2);
  expect(notices.map(({ event_type }) => event_type)).toEqual(["REFUND.ABNORMAL", "REFUND.SUCCESS"]);
  expect((await shop.ask("GET", "/v3/refund/domestic/refunds/lr1")).body.status).toBe("ABNORMAL");
  expect((await shop.post("/sim/refund/lr1", { status: "ABNORMAL" })).http).toBe(400);
  expect(await shop.post("/sim/refund/lr1", {})).toMatchObject({ http: 200, status: "SUCCESS" });
  const [first, , third] = await shop.noticed(3);
  expect(third).toMatchObject({ event_type: "REFUND.SUCCESS", resource: { out_refund_no: "lr1" } });
  expect(third?.id).not.toBe(first?.id);
});

test("an empty account: nothing is taken on, the number stays free", async () => {
  await using shop = await paidShop();
  expect(await shop.post("/sim/merchant", { empty: true })).toEqual({ http: 200, empty: true });
  expect(await shop.refund("lr1", 1)).toMatchObject(refused(403, "NOT_ENOUGH"));
  expect((await shop.query()).body.trade_state).toBe("SUCCESS");
  expect((await shop.post("/sim/merchant", {})).http).toBe(400);
  await shop.post("/sim/merchant", { empty: false });
  expect((await shop.refund("lr1", 1)).status).toBe(200);
});

test("by WeChat's number; without notify_url nobody is told", async () => {
  await using shop = await paidShop();
  const { transaction_id } = shop;
  const by = { out_trade_no: undefined, transaction_id, notify_url: undefined };
  expect((await shop.refund("lr1", 5, by)).body.out_trade_no).toBe("lu0001");
  expect(await shop.post("/sim/refund/lr1", {})).toMatchObject({ http: 200, notifications: [] });
  expect((await shop.post("/sim/notify", { out_refund_no: "lr1" })).http).toBe(400);
});

test.for([
  [{ out_trade_no: "lu0002" }, 404, "RESOURCE_NOT_EXISTS"],
  [{ out_trade_no: undefined }, 400, "PARAM_ERROR"],
  [{ transaction_id: "4200" }, 400, "PARAM_ERROR"],
  [{ out_trade_no: undefined, transaction_id: "4200" }, 404, "RESOURCE_NOT_EXISTS"],
  [{ out_refund_no: "" }, 400, "PARAM_ERROR"],
  [{ out_refund_no: "a b" }, 400, "PARAM_ERROR"],
  [{ out_refund_no: "1".repeat(65) }, 400, "PARAM_ERROR"],
  [{ amount: { refund: 1, total: 1799, currency: "CNY" } }, 400, "INVALID_REQUEST"],
  [{ amount: { refund: 1, total: 1800 } }, 400, "PARAM_ERROR"],
  [{ amount: { refund: 0, total: 1800, currency: "CNY" } }, 400, "PARAM_ERROR"],
  [{ reason: "茶".repeat(27) }, 400, "PARAM_ERROR"],
  [{ notify_url: "http://shop.example/refunds" }, 400, "PARAM_ERROR"],
] as const)("%j is refused with %i %s", async ([wrong, status, code]) => {
  await using shop = await paidShop();
  expect(await shop.refund("lr1", 1, wrong)).toMatchObject(refused(status, code));
  expect((await shop.get("/sim/refunds")).refunds).toEqual([]);
});

test("what is not paid, and what is not known", async () => {
  await using shop = await open();
  await shop.prepay();
  expect(await shop.refund("lr1", 1)).toMatchObject(refused(400, "INVALID_REQUEST"));
  const unknown = await shop.ask("GET", "/v3/refund/domestic/refunds/lr1");
  expect(unknown).toMatchObject(refused(404, "RESOURCE_NOT_EXISTS"));
  expect((await shop.post("/sim/refund/lr1", {})).http).toBe(400);
});
