import { expect, test } from "vitest";
import { standingClock } from "../simulator/start.ts";
import { open, platform } from "./shop.ts";

type Shop = Awaited<ReturnType<typeof open>>;

async function sendings(shop: Shop): Promise<{ id: string; status: number | null; error?: string }[]> {
  const { payments } = (await shop.get("/sim/payments")) as never as { payments: { notifications: [] }[] };
  return payments[0]?.notifications ?? [];
}

/** Asks until the answer is what it should be; the test's own time limit ends it otherwise. */
async function until<T>(ask: () => Promise<T>, check: (answer: T) => boolean): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (check(answer)) return answer;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

test("a payment is told once, signed, encrypted, with what a query tells", async () => {
  await using shop = await open({ timeScale: 1000 });
  await shop.prepay();
  await shop.post("/sim/pay", { out_trade_no: "lu0001" });
  const [notice] = await shop.noticed(1);
  expect(notice).toMatchObject({
    id: expect.stringMatching(/^[0-9a-f]{32}$/),
    create_time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+08:00$/),
    event_type: "TRANSACTION.SUCCESS",
    resource_type: "encrypt-resource",
    summary: "支付成功",
  });
  expect(notice?.headers["content-type"]).toBe("application/json");
  expect(notice?.resource).toEqual((await shop.query()).body);
  const sent = await until(
    () => sendings(shop),
    ([first]) => first?.status === 204,
  );
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(await sendings(shop)).toEqual(sent);
  expect(sent).toMatchObject([{ id: notice?.id, status: 204 }]);
});

test("what is not taken comes again, the same, signed anew, until it is", async () => {
  await using shop = await open({ timeScale: 5000 });
  await shop.prepay();
  shop.answerWith(500, 404, 302, 202, "break", 200);
  await shop.post("/sim/pay", { out_trade_no: "lu0001" });
  const notices = await shop.noticed(6);
  expect(new Set(notices.map(({ id }) => id)).size).toBe(1);
  expect(new Set(notices.map(({ headers }) => headers["wechatpay-signature"])).size).toBe(6);
  expect(new Set(notices.map(({ resource }) => resource.transaction_id)).size).toBe(1);
  const sent = await until(
    () => sendings(shop),
    (all) => all.at(-1)?.status === 200,
  );
  expect(sent.map(({ status }) => status)).toEqual([500, 404, 302, 202, null, 200]);
  expect(sent[4]?.error).toMatch(/socket|closed|UND_ERR|ECONNRESET/);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(await sendings(shop)).toHaveLength(6);
});

test("after fifteen repeats it is given up", async () => {
  await using shop = await open({ timeScale: 1e9, clock: standingClock() });
  await shop.prepay();
  shop.answerWith(...Array<number>(20).fill(500));
  await shop.post("/sim/pay", { out_trade_no: "lu0001" });
  await shop.noticed(16);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(await sendings(shop)).toHaveLength(16);
});

test("what was taken by hand is not repeated", async () => {
  await using shop = await open({ timeScale: 100 });
  await shop.prepay();
  shop.answerWith(500);
  await shop.post("/sim/pay", { out_trade_no: "lu0001" });
  await shop.noticed(1);
  expect((await shop.post("/sim/notify", { out_trade_no: "lu0001" })).status).toBe(204);
  await new Promise((resolve) => setTimeout(resolve, 400));
  expect(await sendings(shop)).toHaveLength(2);
});

test("who does not answer is not waited for", async () => {
  await using shop = await open({ timeScale: 1000 });
  await shop.prepay();
  shop.answerWith("hang");
  const pay = await shop.post("/sim/pay", { out_trade_no: "lu0001" });
  expect(pay).toMatchObject({ http: 200, notified: true });
  await shop.noticed(2);
  const [first] = await sendings(shop);
  expect(first).toMatchObject({ status: null, error: "no answer in time" });
});

test("nobody listens: the payment is made all the same", async () => {
  await using shop = await open();
  await shop.prepay({ notify_url: "http://127.0.0.1:9/" });
  expect((await shop.post("/sim/pay", { out_trade_no: "lu0001" })).http).toBe(200);
  const [first] = await until(
    () => sendings(shop),
    ([first]) => first?.error !== undefined,
  );
  expect(first?.status).toBeNull();
});

test("without a notification, and with one later, as often as asked for", async () => {
  await using shop = await open({ timeScale: 1000 });
  await shop.prepay();
  const notify = () => shop.post("/sim/notify", { out_trade_no: "lu0001" });
  expect((await notify()).http).toBe(400);
  const pay = await shop.post("/sim/pay", { out_trade_no: "lu0001", notify: false });
  expect(pay).toMatchObject({ http: 200, notified: false });
  expect((await shop.query()).body.trade_state).toBe("SUCCESS");
  expect(await sendings(shop)).toEqual([]);

  shop.answerWith(500);
  const first = await notify();
  expect(first).toEqual({ http: 200, id: expect.any(String), status: 500 });
  expect(await notify()).toEqual({ http: 200, id: first.id, status: 204 });
  expect(await notify()).toEqual({ http: 200, id: first.id, status: 204 });
  expect(new Set((await shop.noticed(3)).map(({ id }) => id))).toEqual(new Set([first.id]));
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(await sendings(shop)).toHaveLength(3);

  await shop.refund("lr1", 1);
  expect((await shop.post("/sim/notify", { out_refund_no: "lr1" })).http).toBe(400);
  await shop.post("/sim/refund/lr1", {});
  await shop.noticed(4);
  const again = await shop.post("/sim/notify", { out_refund_no: "lr1" });
  expect(again).toMatchObject({ http: 200, status: 204 });
  expect((await shop.noticed(5)).at(-1)?.event_type).toBe("REFUND.SUCCESS");
});

test("a merchant who verifies with the public key is told with the public key", async () => {
  await using shop = await open();
  const headers = { "wechatpay-serial": platform.publicKeyId };
  await shop.ask("POST", "/v3/pay/transactions/jsapi", shop.order, { headers });
  await shop.prepay({ out_trade_no: "lu0002" });
  await shop.post("/sim/pay", { out_trade_no: "lu0001" });
  await shop.noticed(1);
  await shop.post("/sim/pay", { out_trade_no: "lu0002" });
  const serials = (await shop.noticed(2)).map((notice) => notice.headers["wechatpay-serial"]);
  expect(serials).toEqual([platform.publicKeyId, platform.serial]);

  const refund = {
    out_trade_no: "lu0002",
    out_refund_no: "lr1",
    notify_url: shop.order.notify_url,
    amount: { refund: 1, total: 1800, currency: "CNY" },
  };
  await shop.ask("POST", "/v3/refund/domestic/refunds", refund, { headers });
  await shop.post("/sim/refund/lr1", {});
  const [, , third] = await shop.noticed(3);
  expect(third?.headers["wechatpay-serial"]).toBe(platform.publicKeyId);
});

test("a closed simulator sends nothing more", async () => {
  await using shop = await open({ timeScale: 1000 });
  await shop.prepay();
  shop.answerWith(500);
  await shop.post("/sim/pay", { out_trade_no: "lu0001" });
  await shop.noticed(1);
  await shop.close();
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(await shop.noticed(1)).toHaveLength(1);
});
