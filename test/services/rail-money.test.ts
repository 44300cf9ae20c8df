import { expect, test } from "vitest";
import { RailOrder_State as State } from "../../gen/liveuser/rail_pb.ts";
import { PaymentState_State as Payment } from "../../gen/liveuser/wx_pb.ts";
import { held } from "../../src/ledger/accounts.ts";
import { balance, entriesAbout, post } from "../../src/ledger/ledger.ts";
import { feeOf, giveBack, payOut } from "../../src/services/rail/money.ts";
import * as orders from "../../src/services/rail/store.ts";
import { eventually, movableClock, rejects, startApp } from "../app.ts";
import { databases } from "../databases.ts";
import {
  approvedOrder,
  journey,
  merchant,
  moneyOf,
  paidOrder,
  settleRefunds,
  stateOf,
  until,
} from "./rail-world.ts";

for (const database of databases) {
  test(`a payment that was in time counts although the order ran out; one after a cancel goes back (${database})`, async () => {
    const clock = movableClock();
    await using app = await startApp({ database, clock, environment: { RAIL_EXPIRE: "60" } });
    const alice = await app.signIn("alice");
    const [inTime, cancelled] = [await alice.rail.create(journey), await alice.rail.create(journey)];
    const ids = [inTime, cancelled].map(({ order }) => order?.id ?? 0n) as [bigint, bigint];
    // WeChat does not hear that they are to be closed until they are paid.
    await app.sim("/sim/fault", { path: "/v3/*", status: 502, times: 1000 });
    await alice.rail.cancel({ id: ids[1] });
    for (const { pay: params } of [inTime, cancelled]) {
      await app.sim("/sim/pay", { prepay_id: params?.package.replace("prepay_id=", ""), notify: false });
    }
    clock.pass(61_000);
    const { read } = app.app.store;
    // Both are written as cancelled by now.
    const states = read.db.select({ state: read.t.railOrders.state }).from(read.t.railOrders);
    await eventually(
      () => states.then((rows) => rows.map(({ state }) => state)),
      (now) => now.every((state) => state === State.cancel),
    );
    await fetch(`${app.simulator}/sim/fault`, { method: "DELETE" });
    await eventually(
      () => alice.wx.payStatus({ railOrderId: ids[0] }),
      (now) => now.state === Payment.PAID,
    );
    expect(await stateOf(alice, ids[0])).toBe(State.wait_rob);
    await eventually(
      () => alice.wx.payStatus({ railOrderId: ids[1] }),
      (now) => now.state === Payment.REFUNDING,
    );
    expect(await stateOf(alice, ids[1])).toBe(State.cancel);
    expect(await moneyOf(alice)).toEqual({ balance: 0, held: 8000 });
    expect(await entriesAbout(read, `rail_order:${ids[1]}`)).toEqual([]);
  });
}

test("a refund that WeChat turns down waits to be audited again, its money still held", async () => {
  await using app = await startApp();
  const alice = await app.signIn("alice");
  const operator = await app.appWith("operator");
  const id = await paidOrder(app, alice);
  await alice.rail.refund({ id });
  await operator.rail.auditRefund({ id, approve: true });
  const [{ out_refund_no: number }] = (await app.sim("/sim/refunds")).refunds;
  await app.sim(`/sim/refund/${number}`, { status: "CLOSED" });
  await until(alice, id, State.returned_audit);
  expect(await moneyOf(alice)).toEqual({ balance: 0, held: 8000 });
  expect((await operator.rail.auditRefund({ id, approve: true })).order?.state).toBe(State.returning_amount);
  const { refunds } = await app.sim("/sim/refunds");
  await app.sim(`/sim/refund/${refunds[1].out_refund_no}`, {});
  await until(alice, id, State.returned_amount);
  expect(await moneyOf(alice)).toEqual({ balance: 0, held: 0 });
  expect(await balance(app.app.store.read, "wechat")).toBe(0);
});

test("a refund that WeChat refuses at once is the operator's to know", async () => {
  await using app = await startApp();
  const alice = await app.signIn("alice");
  const operator = await app.appWith("operator");
  const id = await paidOrder(app, alice);
  await alice.rail.refund({ id });
  // Somebody gave the money back past this server.
  const [{ out_trade_no: outTradeNo }] = (await app.sim("/sim/payments?openid=sandbox_alice")).payments;
  const sums = { amount: journey.amount, total: journey.amount };
  const notifyUrl = "http://127.0.0.1:9/";
  await app.app.wechat.pay?.refund({ outTradeNo, outRefundNo: "past", reason: "", notifyUrl, ...sums });
  await rejects(operator.rail.auditRefund({ id, approve: true }), "WX_PAY_REFUSED");
  expect(await stateOf(alice, id)).toBe(State.returned_audit);
  expect(await moneyOf(alice)).toEqual({ balance: 0, held: 8000 });
});

test("the ledger itself pays an order out one way only", async () => {
  await using app = await startApp();
  const people = {
    customer: await app.signIn("alice"),
    merchant: await merchant(app, "mei"),
    operator: await app.appWith("operator"),
  };
  const id = Number(await approvedOrder(app, people));
  await paidOrder(app, people.customer); // There would be money enough.
  const { store } = app.app;
  const order = (await orders.find(store.read, id)) as orders.RailRow;
  await store.tx((tx) => payOut(tx, app.app, order));
  const back = store.tx((tx) => giveBack(tx, app.app, order));
  await expect(back).rejects.toThrow(`something else was posted as rail_order:${id}:out`);
  await store.tx((tx) => payOut(tx, app.app, order));
  expect(await moneyOf(people.merchant)).toEqual({ balance: 8000, held: 0 });
  expect(await moneyOf(people.customer)).toEqual({ balance: 0, held: 8000 });
});

test("an order whose money can't be moved stays as it was, and keeps no other one waiting", async () => {
  const clock = movableClock();
  await using app = await startApp({ clock, environment: { RAIL_CONFIRM: "60" } });
  const alice = await app.signIn("alice");
  const bob = await app.signIn("bob");
  const people = { merchant: await merchant(app, "mei"), operator: await app.appWith("operator") };
  const stuck = await approvedOrder(app, { customer: alice, ...people });
  const other = await approvedOrder(app, { customer: bob, ...people });
  const { store, ids } = app.app;
  const uid = Number(alice.uid);
  const lines = [
    { account: held(uid), amount: -1 },
    { account: "fees", amount: 1 },
  ] as const;
  const gone = { id: ids.next(), key: "gone", kind: "test", reference: "test", at: 1, lines };
  await store.tx((tx) => post(tx, gone));
  await rejects(alice.rail.confirm({ id: stuck }), "BALANCE_TOO_LOW");
  expect(await stateOf(alice, stuck)).toBe(State.wait_confirme);
  clock.pass(61_000);
  await until(bob, other, State.success);
  expect(await stateOf(alice, stuck)).toBe(State.wait_confirme);
  expect(await moneyOf(people.merchant)).toEqual({ balance: 8000, held: 0 });
  // Once the money is there the order goes on by itself.
  const back = lines.map(({ account, amount }) => ({ account, amount: -amount }));
  await store.tx((tx) => post(tx, { ...gone, id: ids.next(), key: "back", lines: back }));
  await until(alice, stuck, State.success);
});

test("fees: rounded down, of any rate", () => {
  expect(feeOf({ amount: 8001, feeRate: 333 })).toBe(266);
  expect(feeOf({ amount: 1, feeRate: 9999 })).toBe(0);
  expect(feeOf({ amount: 2 ** 31 - 1, feeRate: 10_000 })).toBe(2 ** 31 - 1);
  expect(feeOf({ amount: 8000, feeRate: null })).toBe(0);
});

test("a fee of everything or of nothing is booked without empty lines", async () => {
  await using app = await startApp();
  const people = {
    customer: await app.signIn("alice"),
    merchant: await merchant(app, "mei"),
    operator: await app.appWith("operator"),
  };
  const { uid } = people.merchant;
  await rejects(people.operator.rail.setBenefitRate({ uid: "5", benefitRate: 1 }), "USER_NOT_FOUND");
  await rejects(people.operator.rail.setBenefitRate({ uid, benefitRate: 10_001 }), "INVALID_REQUEST");
  await people.operator.rail.setBenefitRate({ uid, benefitRate: 10_000 });
  expect((await people.merchant.user.getProfile({})).profile?.benefitRate).toBe(10_000);
  await people.customer.rail.confirm({ id: await approvedOrder(app, people, 5) });
  expect(await moneyOf(people.merchant)).toEqual({ balance: 0, held: 0 });
  await people.operator.rail.setBenefitRate({ uid, benefitRate: 0 });
  const id = await approvedOrder(app, people, 7);
  await people.customer.rail.confirm({ id });
  expect(await moneyOf(people.merchant)).toEqual({ balance: 7, held: 0 });
  expect(await balance(app.app.store.read, "fees")).toBe(5);
  const entries = await entriesAbout(app.app.store.read, `rail_order:${id}`);
  expect(entries[1]?.lines).toHaveLength(2);
});

test("settled refunds settle once", async () => {
  await using app = await startApp();
  const alice = await app.signIn("alice");
  const operator = await app.appWith("operator");
  const id = await paidOrder(app, alice);
  await alice.rail.refund({ id });
  await operator.rail.auditRefund({ id, approve: true });
  await settleRefunds(app);
  await until(alice, id, State.returned_amount);
  const entries = await entriesAbout(app.app.store.read, `rail_order:${id}`);
  expect(entries.map(({ key }) => key)).toEqual([`rail_order:${id}:in`, `rail_order:${id}:out`]);
});
