import { expect, test } from "vitest";
import { RailOrder_State as State } from "../../gen/liveuser/rail_pb.ts";
import { PaymentState_State as Payment } from "../../gen/liveuser/wx_pb.ts";
import { balance, entriesAbout } from "../../src/ledger/ledger.ts";
import { movableClock, rejects, startApp } from "../app.ts";
import { databases } from "../databases.ts";
import {
  approvedOrder,
  identityNumber,
  journey,
  merchant,
  moneyOf,
  paidOrder,
  pay,
  settleRefunds,
  stateOf,
  until,
} from "./rail-world.ts";

for (const database of databases) {
  test(`ordered, paid, grabbed, bought, approved, confirmed: the merchant is paid less the fee (${database})`, async () => {
    await using app = await startApp({ database });
    const alice = await app.signIn("alice");
    const mei = await merchant(app, "mei");
    const operator = await app.appWith("operator");
    await operator.rail.setBenefitRate({ uid: mei.uid, benefitRate: 333 });

    const { order, pay: params } = await alice.rail.create({ ...journey, amount: 8001 });
    const id = order?.id ?? 0n;
    expect(order).toMatchObject({
      uid: alice.uid,
      state: State.wait_pay,
      identityNumber,
      passengerName: "Wang Wu",
      fromSite: "Beijing",
      toSite: "Zhengzhou",
      details: journey.details,
      amount: 8001,
      merchantUid: "",
      payAt: 0n,
    });
    expect(params).toMatchObject({ signType: "RSA", package: expect.stringMatching(/^prepay_id=./) });
    expect((await alice.rail.pay({ id })).pay).toEqual(params);
    expect((await alice.rail.pay({ orderNo: order?.orderNo ?? "" })).pay).toEqual(params);
    expect((await alice.wx.prepay({ railOrderId: id })).package).toBe(params?.package);
    expect((await alice.wx.prepay({})).package).toBe(params?.package);
    expect((await mei.rail.listOpen({})).orders).toEqual([]);

    await pay(app, params);
    await until(alice, id, State.wait_rob);
    expect(await moneyOf(alice)).toEqual({ balance: 0, held: 8001 });
    expect(await alice.wx.payStatus({ railOrderId: id })).toMatchObject({
      state: Payment.PAID,
      amount: 8001,
    });
    expect((await mei.rail.listOpen({})).orders).toMatchObject([{ id, identityNumber: "002X" }]);

    const { order: grabbed } = await mei.rail.grab({ id });
    expect(grabbed).toMatchObject({ state: State.robing, merchantUid: mei.uid, identityNumber });
    // A later change of the fee is for later orders.
    await operator.rail.setBenefitRate({ uid: mei.uid, benefitRate: 9000 });
    const { order: submitted } = await mei.rail.submit({ id, ticketNo: "E1" });
    expect(submitted).toMatchObject({ state: State.order_audit, ticketNo: "E1" });
    const { order: approved } = await operator.rail.auditTicket({ id, approve: true, remark: "seen" });
    expect(approved).toMatchObject({ state: State.wait_confirme, remark: "seen", identityNumber: "002X" });
    expect((await mei.rail.get({ id })).order).toMatchObject({ identityNumber: "002X" });
    expect(await moneyOf(mei)).toEqual({ balance: 0, held: 0 });

    const answers = await Promise.all(Array.from({ length: 10 }, () => alice.rail.confirm({ id })));
    expect(answers.map((answer) => answer.order?.state)).toEqual(Array(10).fill(State.success));
    // 8001 × 3.33 % = 266.4333
    expect(await moneyOf(mei)).toEqual({ balance: 7735, held: 0 });
    expect(await moneyOf(alice)).toEqual({ balance: 0, held: 0 });
    const { read } = app.app.store;
    expect(await balance(read, "fees")).toBe(266);
    expect(await balance(read, "wechat")).toBe(-8001);
    expect((await entriesAbout(read, `rail_order:${id}`)).map(({ kind }) => kind)).toEqual([
      "rail_paid",
      "rail_success",
    ]);
    await rejects(alice.rail.refund({ id }), "ORDER_STATE");
  });

  test(`a refund that the operator approves comes back through WeChat, once (${database})`, async () => {
    await using app = await startApp({ database });
    const alice = await app.signIn("alice");
    const mei = await merchant(app, "mei");
    const operator = await app.appWith("operator");
    const id = await paidOrder(app, alice);
    await rejects(operator.rail.auditRefund({ id, approve: true }), "ORDER_STATE");
    await mei.rail.grab({ id });
    expect((await alice.rail.refund({ id })).order?.state).toBe(State.returned_audit);
    expect((await alice.rail.refund({ id })).order?.state).toBe(State.returned_audit);
    await rejects(mei.rail.submit({ id, ticketNo: "E1" }), "ORDER_STATE");
    expect((await mei.rail.get({ id })).order?.identityNumber).toBe("002X");

    const audits = await Promise.all(
      Array.from({ length: 5 }, () => operator.rail.auditRefund({ id, approve: true, remark: "fine" })),
    );
    expect(audits.map(({ order }) => order?.state)).toEqual(Array(5).fill(State.returning_amount));
    expect((await app.sim("/sim/refunds")).refunds).toHaveLength(1);
    expect(await moneyOf(alice)).toEqual({ balance: 0, held: 8000 });
    await rejects(alice.rail.confirm({ id }), "ORDER_STATE");

    await settleRefunds(app);
    await until(alice, id, State.returned_amount);
    expect(await moneyOf(alice)).toEqual({ balance: 0, held: 0 });
    expect(await moneyOf(mei)).toEqual({ balance: 0, held: 0 });
    expect(await balance(app.app.store.read, "wechat")).toBe(0);
    expect((await alice.rail.refund({ id })).order?.state).toBe(State.returned_amount);
    await rejects(alice.rail.pay({ id }), "ORDER_STATE");
  });

  test(`after a rejected refund the order goes on from where it was (${database})`, async () => {
    await using app = await startApp({ database });
    const alice = await app.signIn("alice");
    const mei = await merchant(app, "mei");
    const lan = await merchant(app, "lan");
    const operator = await app.appWith("operator");
    const reject = async (id: bigint) => {
      await alice.rail.refund({ id });
      const { order } = await operator.rail.auditRefund({ id, approve: false, remark: "too late" });
      expect(order).toMatchObject({ state: State.returned_return, remark: "too late" });
    };
    const id = await paidOrder(app, alice);
    await reject(id);
    await rejects(alice.rail.confirm({ id }), "ORDER_STATE");
    await rejects(mei.rail.submit({ id, ticketNo: "E1" }), "ORDER_STATE");
    expect((await mei.rail.listOpen({})).orders).toMatchObject([{ id, state: State.returned_return }]);
    await mei.rail.grab({ id });
    expect((await mei.rail.listOpen({})).orders).toEqual([]);
    // Rejected twice: it still stands where it was before the first time.
    await reject(id);
    await reject(id);
    expect((await mei.rail.get({ id })).order?.identityNumber).toBe(identityNumber);
    await rejects(lan.rail.grab({ id }), "ORDER_TAKEN");
    await rejects(alice.rail.confirm({ id }), "ORDER_STATE");
    await mei.rail.submit({ id, ticketNo: "E1" });
    await reject(id);
    await rejects(mei.rail.giveUp({ id }), "ORDER_STATE");
    await operator.rail.auditTicket({ id, approve: true });
    await reject(id);
    await rejects(operator.rail.auditTicket({ id, approve: false }), "ORDER_STATE");
    expect((await alice.rail.confirm({ id })).order?.state).toBe(State.success);
    expect(await moneyOf(mei)).toEqual({ balance: 8000, held: 0 });
  });

  test(`of a hundred merchants one gets the order (${database})`, async () => {
    await using app = await startApp({ database });
    const alice = await app.signIn("alice");
    const merchants = await Promise.all(Array.from({ length: 100 }, (_, i) => merchant(app, `m${i}`)));
    const id = await paidOrder(app, alice);
    const outcomes = await Promise.all(
      merchants.map((one) =>
        one.rail.grab({ id }).then(
          ({ order }) => order?.merchantUid,
          (error) => rejects(Promise.reject(error), "ORDER_TAKEN").then(() => "taken"),
        ),
      ),
    );
    const winner = merchants.findIndex((_, i) => outcomes[i] !== "taken");
    expect(outcomes.filter((outcome) => outcome === "taken")).toHaveLength(99);
    expect(outcomes[winner]).toBe(merchants[winner]?.uid);
    expect((await alice.rail.get({ id })).order?.merchantUid).toBe(merchants[winner]?.uid);
    // Grabbing it again changes nothing.
    expect((await merchants[winner]?.rail.grab({ id }))?.order?.state).toBe(State.robing);
    expect((await merchants[winner]?.rail.listGrabbed({}))?.orders).toMatchObject([{ id }]);
    expect((await merchants[winner ? 0 : 1]?.rail.listGrabbed({}))?.orders).toEqual([]);
  });

  test(`confirming races asking for the money back: one of them happens, and the money goes one way (${database})`, async () => {
    await using app = await startApp({ database });
    const customer = await app.signIn("alice");
    const mei = await merchant(app, "mei");
    const operator = await app.appWith("operator");
    let paidOut = 0;
    for (let round = 0; round < 6; round++) {
      const id = await approvedOrder(app, { customer, merchant: mei, operator });
      const calls = [customer.rail.confirm({ id }), customer.rail.refund({ id })];
      if (round % 2) calls.reverse();
      const [first, second] = await Promise.allSettled(calls);
      expect([first?.status, second?.status].sort()).toEqual(["fulfilled", "rejected"]);
      const state = await stateOf(customer, id);
      if (state === State.success) {
        paidOut += journey.amount;
        await rejects(operator.rail.auditRefund({ id, approve: true }), "ORDER_STATE");
      } else {
        await operator.rail.auditRefund({ id, approve: true });
        await settleRefunds(app);
        await until(customer, id, State.returned_amount);
      }
      expect(await moneyOf(mei)).toEqual({ balance: paidOut, held: 0 });
      expect(await moneyOf(customer)).toEqual({ balance: 0, held: 0 });
    }
    expect(await balance(app.app.store.read, "wechat")).toBe(0 - paidOut);
  });

  test(`unpaid orders are cancelled, unconfirmed ones confirmed, when their time is over (${database})`, async () => {
    const clock = movableClock();
    await using app = await startApp({
      database,
      clock,
      environment: { RAIL_EXPIRE: "600", RAIL_CONFIRM: "3600", ACCESS_TOKEN_TTL: "864000" },
    });
    const alice = await app.signIn("alice");
    const mei = await merchant(app, "mei");
    const operator = await app.appWith("operator");
    const people = { customer: alice, merchant: mei, operator };
    const unpaid = (await alice.rail.create(journey)).order?.id ?? 0n;
    const approved = await approvedOrder(app, people);
    const rejected = await approvedOrder(app, people);
    await alice.rail.refund({ id: rejected });
    const asked = await approvedOrder(app, people);
    await alice.rail.refund({ id: asked });

    clock.pass(600_000);
    // Cancelled from that moment on, whether or not that is written already.
    expect(await stateOf(alice, unpaid)).toBe(State.cancel);
    await rejects(alice.rail.pay({ id: unpaid }), "ORDER_STATE");
    expect((await alice.rail.cancel({ id: unpaid })).order?.state).toBe(State.cancel);

    // The time that the audit takes is not the customer's.
    clock.pass(2_900_000);
    await operator.rail.auditRefund({ id: rejected, approve: false });
    clock.pass(200_000);
    await until(alice, approved, State.success);
    expect(await moneyOf(mei)).toEqual({ balance: 8000, held: 0 });
    expect(await stateOf(alice, rejected)).toBe(State.returned_return);
    clock.pass(3_500_000);
    await until(alice, rejected, State.success);
    expect(await moneyOf(mei)).toEqual({ balance: 16000, held: 0 });
    // What the operator has to decide does not decide itself.
    expect(await stateOf(alice, asked)).toBe(State.returned_audit);
    expect(await moneyOf(alice)).toEqual({ balance: 0, held: 8000 });
  });
}
