import { generateKeyPairSync } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { OrderRecord_State as State } from "../../gen/liveuser/order_pb.ts";
import { eventually, rejects, startApp, type TestApp } from "../app.ts";
import { databases } from "../databases.ts";
import { type Forgery, notification, transaction } from "./notification.ts";

const path = "/liveuser/Wx/Postpay";

/** An order of 68.00 that waits to be paid, with its number at WeChat. */
async function prepaid(app: TestApp, name = "alice") {
  const caller = await app.signIn(name);
  const { order } = await caller.order.create({ products: [{ productId: "tea", count: 1 }] });
  const id = order?.id ?? 0n;
  await caller.wx.prepay({ orderId: id });
  const { payments } = await app.sim(`/sim/payments?openid=sandbox_${name}`);
  const number: string = payments.at(-1).out_trade_no;
  return { caller, id, number, state: async () => (await caller.order.get({ id })).order?.state };
}

async function notify(app: TestApp, forgery: Forgery) {
  const response = await fetch(`${app.url}${path}`, notification(forgery));
  const text = await response.text();
  return { status: response.status, body: text ? JSON.parse(text) : undefined };
}

for (const database of databases) {
  test(`a hundred notifications at once mark one payment (${database})`, async () => {
    await using app = await startApp({ database });
    const { state, number, id, caller } = await prepaid(app);
    const same = notification({ transaction: transaction(number, 6800) });
    const answers = await Promise.all(Array.from({ length: 100 }, () => fetch(`${app.url}${path}`, same)));
    expect(answers.map(({ status }) => status)).toEqual(Array(100).fill(204));
    expect(await state()).toBe(State.PAID);
    const { store } = app.app;
    const events = await store.read.db.select().from(store.read.t.auditEvents);
    expect(events.filter(({ kind }) => kind.startsWith("payment"))).toEqual([]);
    expect((await app.sim("/sim/refunds")).refunds).toEqual([]);
    // Also later on, in a notification of its own.
    const { order } = await caller.order.get({ id });
    const again = transaction(number, 6800, { success_time: "2030-01-01T00:00:00+08:00" });
    expect(await notify(app, { transaction: again })).toEqual({ status: 204, body: undefined });
    expect((await caller.order.get({ id })).order).toEqual(order);
  });
}

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app[Symbol.asyncDispose]());

const { privateKey: strangersKey } = generateKeyPairSync("rsa", {
  modulusLength: 2048,
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
  publicKeyEncoding: { type: "spki", format: "pem" },
});

const forgeries: [name: string, forge: (number: string) => Forgery, status: number][] = [
  ["signed with another key", (n) => ({ transaction: transaction(n, 6800), key: strangersKey }), 401],
  ["altered", (n) => ({ transaction: transaction(n, 6800), tamper: (body) => `${body} ` }), 401],
  ["six minutes old", (n) => ({ transaction: transaction(n, 6800), age: 360 }), 401],
  ["from the future", (n) => ({ transaction: transaction(n, 6800), age: -360 }), 401],
  [
    "without a signature",
    (n) => ({ transaction: transaction(n, 6800), headers: { "wechatpay-signature": "" } }),
    401,
  ],
  [
    "with a probe's signature",
    (n) => ({
      transaction: transaction(n, 6800),
      headers: { "wechatpay-signature": "WECHATPAY/SIGNTEST/abc" },
    }),
    401,
  ],
  [
    "of another serial number",
    (n) => ({ transaction: transaction(n, 6800), headers: { "wechatpay-serial": "PUB_KEY_ID_0" } }),
    401,
  ],
  ["of a fen less", (n) => ({ transaction: transaction(n, 6799) }), 400],
  ["of another appid", (n) => ({ transaction: transaction(n, 6800, { appid: "wx0000000000000000" }) }), 400],
  ["of another merchant", (n) => ({ transaction: transaction(n, 6800, { mchid: "1900000002" }) }), 400],
  ["of an unknown number", () => ({ transaction: transaction("lu1", 6800) }), 400],
  ["without an amount", (n) => ({ transaction: transaction(n, 6800, { amount: undefined }) }), 400],
];

test.for(forgeries)("a notification %s marks nothing", async ([, forge, status]) => {
  const { number, state } = await prepaid(app);
  const answer = await notify(app, forge(number));
  expect(answer).toEqual({ status, body: { code: "FAIL", message: expect.any(String) } });
  expect(await state()).toBe(State.CREATED);
});

test("a payment that did not go through marks nothing", async () => {
  const { number, state } = await prepaid(app);
  const unpaid = transaction(number, 6800, { trade_state: "NOTPAY" });
  expect((await notify(app, { transaction: unpaid })).status).toBe(204);
  expect(await state()).toBe(State.CREATED);
});

test("one order's notification does not pay for another", async () => {
  const [mine, theirs] = [await prepaid(app, "alice"), await prepaid(app, "bob")];
  expect((await notify(app, { transaction: transaction(theirs.number, 6800) })).status).toBe(204);
  expect([await mine.state(), await theirs.state()]).toEqual([State.CREATED, State.PAID]);
});

test("what is no notification at all is refused; a call of the method too", async () => {
  for (const body of ["", "{}", "[]", "null", "x".repeat(70_000)]) {
    const response = await fetch(`${app.url}${path}`, { method: "POST", body });
    expect(response.status).toBeGreaterThanOrEqual(400);
    expect(await response.json()).toEqual({ code: "FAIL", message: expect.any(String) });
  }
  expect((await fetch(`${app.url}${path}`)).status).toBe(405);
  await rejects(app.as().wx.postpay({}), "WX_SIGNATURE_INVALID");
});

test("a mismatch is noted for the operator, without secrets", async () => {
  const { number } = await prepaid(app);
  await notify(app, { transaction: transaction(number, 1) });
  const { store } = app.app;
  const noted = await eventually(
    async () => store.read.db.select().from(store.read.t.auditEvents),
    (events) => events.some(({ kind }) => kind === "payment.mismatch"),
  );
  expect(noted.find(({ kind }) => kind === "payment.mismatch")?.detail).toContain("amount");
});
