import { expect, test } from "vitest";
import { Product_Kind } from "../../gen/liveuser/catalog_pb.ts";
import { OrderRecord_State as State } from "../../gen/liveuser/order_pb.ts";
import { PaymentState_State as Payment } from "../../gen/liveuser/wx_pb.ts";
import { balance, entriesAbout } from "../../src/ledger/ledger.ts";
import { type Caller, eventually, movableClock, rejects, startApp, type TestApp } from "../app.ts";
import { databases } from "../databases.ts";

const tea = (count: number) => ({ products: [{ productId: "tea", count }] });

async function order(caller: Caller, count = 1): Promise<bigint> {
  const { order } = await caller.order.create(tea(count));
  return order?.id ?? 0n;
}

/** Pays at WeChat what was prepaid. */
async function pay(app: TestApp, params: { package: string }, more: object = {}) {
  return app.sim("/sim/pay", { prepay_id: params.package.replace("prepay_id=", ""), ...more });
}

async function state(caller: Caller, id: bigint): Promise<State | undefined> {
  return (await caller.order.get({ id })).order?.state;
}

for (const database of databases) {
  test(`prepaid, paid at WeChat, PAID here (${database})`, async () => {
    await using app = await startApp({ database });
    const alice = await app.signIn("alice");
    const id = await order(alice, 2);
    const params = await alice.wx.prepay({ orderId: id });
    expect(params).toMatchObject({ signType: "RSA", package: expect.stringMatching(/^prepay_id=./) });
    expect(await alice.wx.prepay({ orderId: id })).toEqual(params);
    expect(await alice.wx.payStatus({ orderId: id })).toMatchObject({
      state: Payment.UNPAID,
      amount: 13600,
      payAt: 0n,
    });

    const before = Date.now();
    await pay(app, params);
    await eventually(
      () => state(alice, id),
      (now) => now === State.PAID,
    );
    const { order: paid } = await alice.order.get({ id });
    expect(Number(paid?.payAt)).toBeGreaterThan(before - 2000);
    expect(await alice.wx.payStatus({ orderId: id })).toMatchObject({
      state: Payment.PAID,
      amount: 13600,
      payAt: paid?.payAt,
    });
    await rejects(alice.wx.prepay({ orderId: id }), "ALREADY_PAID");
    await rejects(alice.order.cancel({ id }), "ORDER_STATE");
    await rejects(alice.wx.prepay({}), "NOTHING_TO_PAY");
  });

  test(`twenty calls at once open one attempt (${database})`, async () => {
    await using app = await startApp({ database });
    const alice = await app.signIn("alice");
    const id = await order(alice);
    const answers = await Promise.all(Array.from({ length: 20 }, () => alice.wx.prepay({ orderId: id })));
    expect(new Set(answers.map(({ paySign }) => paySign)).size).toBe(1);
    const { payments } = await app.sim("/sim/payments?openid=sandbox_alice");
    expect(payments).toHaveLength(1);
  });

  test(`a refund comes back once (${database})`, async () => {
    await using app = await startApp({ database });
    const alice = await app.signIn("alice");
    const id = await order(alice);
    await rejects(alice.order.refund({ id }), "ORDER_STATE");
    await pay(app, await alice.wx.prepay({ orderId: id }));
    await eventually(
      () => state(alice, id),
      (now) => now === State.PAID,
    );
    const asked = await Promise.all(
      Array.from({ length: 10 }, () => alice.order.refund({ id, reason: "cold tea" })),
    );
    expect(asked.map(({ order }) => order?.state)).toEqual(Array(10).fill(State.REFUNDING));
    expect(await alice.wx.payStatus({ orderId: id })).toMatchObject({ state: Payment.REFUNDING });
    const { refunds } = await app.sim("/sim/refunds");
    expect(refunds).toHaveLength(1);
    await app.sim(`/sim/refund/${refunds[0].out_refund_no}`, {});
    await eventually(
      () => state(alice, id),
      (now) => now === State.REFUNDED,
    );
    expect(await alice.wx.payStatus({ orderId: id })).toMatchObject({
      state: Payment.REFUNDED,
      amount: 6800,
    });
    expect((await alice.order.refund({ id })).order?.state).toBe(State.REFUNDED);
    expect((await app.sim("/sim/refunds")).refunds).toHaveLength(1);

    const booked = await entriesAbout(app.app.store.read, `order:${id}`);
    expect(booked.map(({ kind }) => kind)).toEqual(["sale", "sale_returned"]);
    expect(await balance(app.app.store.read, "sales")).toBe(0);
    expect(await balance(app.app.store.read, "wechat")).toBe(0);
  });

  test(`a payment racing a cancel ends in exactly one of PAID and cancelled with the money back (${database})`, async () => {
    await using app = await startApp({ database });
    const alice = await app.signIn("alice");
    const seen = new Set<State | undefined>();
    for (let round = 0; round < 12; round++) {
      const id = await order(alice);
      const params = await alice.wx.prepay({ orderId: id });
      const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
      await Promise.all([
        wait(Math.random() * 12).then(() => pay(app, params).catch(() => undefined)),
        wait(Math.random() * 12).then(() => alice.order.cancel({ id }).catch(() => undefined)),
      ]);
      const { payments } = await app.sim("/sim/payments?openid=sandbox_alice");
      const { trade_state: debited, out_trade_no: number } = payments.find((one: { prepay_id: string }) =>
        params.package.endsWith(one.prepay_id),
      );
      const end = await eventually(
        async () => ({ order: await state(alice, id), refunds: (await app.sim("/sim/refunds")).refunds }),
        ({ order, refunds }) => {
          const back = refunds.filter((one: { out_trade_no: string }) => one.out_trade_no === number);
          if (order === State.PAID) return back.length === 0;
          return (
            order === State.CANCELLED &&
            (["SUCCESS", "REFUND"].includes(debited) ? back.length === 1 : back.length === 0)
          );
        },
      );
      seen.add(end.order);
    }
    expect(seen.size).toBeGreaterThan(0);
  }, 30_000);
}

test("an empty request pays the newest unpaid order; others' and over ones can't be paid", async () => {
  const clock = movableClock();
  await using app = await startApp({ clock });
  const alice = await app.signIn("alice");
  const bob = await app.signIn("bob");
  await rejects(alice.wx.prepay({}), "NOTHING_TO_PAY");
  const first = await order(alice, 1);
  const second = await order(alice, 2);
  expect((await alice.wx.prepay({})).package).toBe((await alice.wx.prepay({ orderId: second })).package);
  await rejects(bob.wx.prepay({ orderId: first }), "ORDER_NOT_FOUND");
  await rejects(bob.wx.payStatus({ orderId: first }), "ORDER_NOT_FOUND");
  await rejects(alice.wx.prepay({ orderId: first, ticketId: 1n }), "INVALID_REQUEST");
  await alice.order.cancel({ id: second });
  await rejects(alice.wx.prepay({ orderId: second }), "ORDER_STATE");
  expect(await alice.wx.payStatus({ orderId: second })).toMatchObject({ state: Payment.CLOSED });
  clock.pass(31 * 60_000);
  await rejects(alice.wx.prepay({ orderId: first }), "ORDER_STATE");
  await rejects(alice.wx.prepay({}), "NOTHING_TO_PAY");
});

test("what costs nothing is paid at once, and refunded at once", async () => {
  await using app = await startApp();
  const alice = await app.signIn("alice");
  const operator = await app.appWith("operator");
  const product = {
    productId: "leaflet",
    kind: Product_Kind.PRODUCT,
    name: "Leaflet",
    price: 0,
    onSale: true,
  };
  await operator.catalog.set({ product });
  const { order: free } = await alice.order.create({ products: [{ productId: "leaflet", count: 3 }] });
  expect(free).toMatchObject({ state: State.PAID, pay: 0 });
  await rejects(alice.wx.prepay({ orderId: free?.id }), "ALREADY_PAID");
  expect((await alice.order.refund({ id: free?.id })).order?.state).toBe(State.REFUNDED);
});

test("a cancelled order's payment is closed at WeChat", async () => {
  await using app = await startApp();
  const alice = await app.signIn("alice");
  const id = await order(alice);
  const params = await alice.wx.prepay({ orderId: id });
  await alice.order.cancel({ id });
  const { payments } = await eventually(
    () => app.sim("/sim/payments?openid=sandbox_alice"),
    ({ payments }) => payments[0].trade_state === "CLOSED",
  );
  expect(params.package).toContain(payments[0].prepay_id);
});

test("what expires is closed at WeChat; a payment that came too late goes back and is noted", async () => {
  await using app = await startApp({ environment: { ORDER_EXPIRE: "1" } });
  const alice = await app.signIn("alice");
  const [early, late] = [await order(alice), await order(alice)];
  await alice.wx.prepay({ orderId: early });
  const params = await alice.wx.prepay({ orderId: late });
  // WeChat does not hear that it is to be closed until it was paid.
  await app.sim("/sim/fault", { path: "/v3/*", status: 502, times: 1000 });
  await new Promise((resolve) => setTimeout(resolve, 2100));
  await pay(app, params);
  await fetch(`${app.simulator}/sim/fault`, { method: "DELETE" });
  await eventually(
    () => alice.wx.payStatus({ orderId: late }),
    (now) => now.state === Payment.REFUNDING,
  );
  expect(await state(alice, late)).toBe(State.EXPIRED);
  const { refunds } = await eventually(
    () => app.sim("/sim/refunds"),
    ({ refunds }) => refunds.length === 1,
  );
  await app.sim(`/sim/refund/${refunds[0].out_refund_no}`, {});
  await eventually(
    () => alice.wx.payStatus({ orderId: late }),
    (now) => now.state === Payment.REFUNDED,
  );
  const { store } = app.app;
  const events = await store.read.db.select().from(store.read.t.auditEvents);
  expect(events.filter(({ kind }) => kind === "payment.late")).toMatchObject([
    { userId: Number(alice.uid), detail: expect.stringContaining(`"subject":"order:${late}"`) },
  ]);
});

test("a payment whose notification never comes is found by asking", async () => {
  const clock = movableClock();
  await using app = await startApp({ clock });
  const alice = await app.signIn("alice");
  const [asked, waited] = [await order(alice), await order(alice)];
  for (const orderId of [asked, waited])
    await pay(app, await alice.wx.prepay({ orderId }), { notify: false });
  expect(await alice.wx.payStatus({ orderId: asked })).toMatchObject({ state: Payment.PAID });
  expect(await state(alice, asked)).toBe(State.PAID);
  expect(await state(alice, waited)).toBe(State.CREATED);
  clock.pass(11_000);
  await eventually(
    () => state(alice, waited),
    (now) => now === State.PAID,
  );
}, 20_000);

test("a refund that WeChat turns down leaves the order paid", async () => {
  await using app = await startApp();
  const alice = await app.signIn("alice");
  const id = await order(alice);
  await pay(app, await alice.wx.prepay({ orderId: id }));
  await eventually(
    () => state(alice, id),
    (now) => now === State.PAID,
  );
  await alice.order.refund({ id });
  const [{ out_refund_no: number }] = (await app.sim("/sim/refunds")).refunds;
  await app.sim(`/sim/refund/${number}`, { status: "CLOSED" });
  await eventually(
    () => state(alice, id),
    (now) => now === State.PAID,
  );
  // And it can be asked for again.
  expect((await alice.order.refund({ id })).order?.state).toBe(State.REFUNDING);
  expect((await app.sim("/sim/refunds")).refunds).toHaveLength(2);
});
