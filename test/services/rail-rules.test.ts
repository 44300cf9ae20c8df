import { expect, test } from "vitest";
import { RailOrder_State as State } from "../../gen/liveuser/rail_pb.ts";
import { rejects, startApp } from "../app.ts";
import { databases } from "../databases.ts";
import { approvedOrder, identityNumber, journey, merchant, paidOrder, pay, until } from "./rail-world.ts";

for (const database of databases) {
  test(`the same key and content give the same order, also at once; other content is refused (${database})`, async () => {
    await using app = await startApp({ database });
    const alice = await app.signIn("alice");
    const bob = await app.signIn("bob");
    const request = { ...journey, idempotencyKey: "k1" };
    const answers = await Promise.all(Array.from({ length: 10 }, () => alice.rail.create(request)));
    expect(new Set(answers.map(({ order }) => order?.id)).size).toBe(1);
    expect(new Set(answers.map(({ pay }) => pay?.package)).size).toBe(1);
    expect((await alice.rail.list({})).total).toBe(1);
    for (const change of [
      { amount: 1 },
      { identityNumber: "110101199003076149" },
      { toSite: "Xi'an" },
      { details: [{ ...journey.details[0], trainNum: "G1" }] },
    ]) {
      await rejects(alice.rail.create({ ...request, ...change }), "IDEMPOTENCY_KEY_REUSED");
    }
    expect((await bob.rail.create({ ...request, amount: 1 })).order?.amount).toBe(1);
    await pay(app, answers[0]?.pay);
    const id = answers[0]?.order?.id ?? 0n;
    await until(alice, id, State.wait_rob);
    const { order, pay: params } = await alice.rail.create(request);
    expect([order?.id, order?.state, params]).toEqual([id, State.wait_rob, undefined]);
  });

  test(`lists: a person's by page, open and taken ones by cursor, all for the operator (${database})`, async () => {
    await using app = await startApp({ database });
    const alice = await app.signIn("alice");
    const bob = await app.signIn("bob");
    const mei = await merchant(app, "mei");
    const operator = await app.appWith("operator");
    const ids: bigint[] = [];
    for (let i = 0; i < 5; i++) ids.push(await paidOrder(app, alice));
    const unpaid = (await alice.rail.create(journey)).order?.id ?? 0n;
    await bob.rail.create(journey);
    const shown = (orders: { id: bigint }[]) => orders.map(({ id }) => id);

    const mine = await alice.rail.list({ size: 4 });
    expect(mine).toMatchObject({ total: 6, pages: 2, page: 1 });
    expect(shown(mine.orders)).toEqual([unpaid, ...ids.toReversed()].slice(0, 4));
    const rest = await alice.rail.list({ size: 4, page: 2 });
    expect([shown(rest.orders), rest.page]).toEqual([[ids[1], ids[0]], 2]);
    expect(shown((await alice.rail.list({ size: 4, page: 3 })).orders)).toEqual([]);

    // One whose refund was rejected waits for a merchant like the others.
    await alice.rail.refund({ id: ids[1] });
    expect(shown((await mei.rail.listOpen({})).orders)).toEqual([ids[0], ids[2], ids[3], ids[4]]);
    await operator.rail.auditRefund({ id: ids[1], approve: false });
    const open = await mei.rail.listOpen({ limit: 2 });
    expect(shown(open.orders)).toEqual([ids[0], ids[1]]);
    const more = await mei.rail.listOpen({ limit: 3, cursor: open.cursor });
    expect([shown(more.orders), more.cursor]).toEqual([[ids[2], ids[3], ids[4]], 0n]);

    for (const id of [ids[3], ids[0], ids[1]]) await mei.rail.grab({ id });
    const taken = await mei.rail.listGrabbed({ limit: 2 });
    expect(shown(taken.orders)).toEqual([ids[3], ids[1]]);
    expect(shown((await mei.rail.listGrabbed({ cursor: taken.cursor })).orders)).toEqual([ids[0]]);

    const { wait_pay, robing } = State;
    const all = await operator.rail.listAll({ states: [wait_pay, robing] });
    expect(all.orders.map(({ state }) => state)).toEqual([wait_pay, wait_pay, robing, robing, robing]);
    expect(all.orders.map((order) => order.identityNumber)).toEqual(Array(5).fill("002X"));
    expect((await operator.rail.listAll({ limit: 6 })).orders).toHaveLength(6);
  });
}

test("merchants keep to their own orders; customers and operators to their own methods", async () => {
  await using app = await startApp();
  const alice = await app.signIn("alice");
  const bob = await app.signIn("bob");
  const mei = await merchant(app, "mei");
  const lan = await merchant(app, "lan");
  const operator = await app.appWith("operator");
  const { order } = await alice.rail.create(journey);
  await rejects(mei.rail.grab({ id: order?.id }), "ORDER_STATE");
  await rejects(mei.rail.grab({ id: 5n }), "ORDER_NOT_FOUND");
  await rejects(mei.rail.get({ id: order?.id }), "ORDER_NOT_FOUND");
  const id = await paidOrder(app, alice);
  await rejects(mei.rail.submit({ id, ticketNo: "E1" }), "ORDER_STATE");
  await mei.rail.grab({ id });
  await rejects(lan.rail.grab({ id }), "ORDER_TAKEN");
  await rejects(lan.rail.submit({ id, ticketNo: "E1" }), "ORDER_NOT_YOURS");
  await rejects(lan.rail.giveUp({ id }), "ORDER_NOT_YOURS");
  await rejects(lan.rail.get({ id }), "ORDER_NOT_FOUND");
  await rejects(operator.rail.auditTicket({ id, approve: true }), "ORDER_STATE");

  // Given up, anybody may have it, and the number is none of the first one's business any more.
  const { order: given } = await mei.rail.giveUp({ id });
  expect(given).toMatchObject({ state: State.wait_rob, merchantUid: "", identityNumber: "002X" });
  await rejects(mei.rail.giveUp({ id }), "ORDER_STATE");
  await lan.rail.grab({ id });
  await rejects(mei.rail.grab({ id }), "ORDER_TAKEN");

  // A ticket that is rejected is bought again.
  await lan.rail.submit({ id, ticketNo: "E1" });
  expect((await lan.rail.submit({ id, ticketNo: "E1" })).order?.state).toBe(State.order_audit);
  await rejects(lan.rail.submit({ id, ticketNo: "E2" }), "ORDER_STATE");
  await rejects(lan.rail.giveUp({ id }), "ORDER_STATE");
  const { order: rejected } = await operator.rail.auditTicket({ id, approve: false, remark: "wrong day" });
  expect(rejected).toMatchObject({ state: State.robing, ticketNo: "", remark: "wrong day" });
  await lan.rail.submit({ id, ticketNo: "E2" });
  await operator.rail.auditTicket({ id, approve: true });

  for (const call of [
    bob.rail.get({ id }),
    bob.rail.confirm({ id }),
    bob.rail.refund({ id }),
    bob.rail.pay({ id }),
    bob.rail.cancel({ id: order?.id }),
    lan.rail.confirm({ id }),
    alice.rail.pay({ orderNo: "880000000000000005" }),
    alice.rail.pay({ orderNo: "5" }),
  ]) {
    await rejects(call, "ORDER_NOT_FOUND");
  }
  await rejects(alice.rail.cancel({ id }), "ORDER_STATE");
  await rejects(alice.rail.pay({ id }), "ALREADY_PAID");
  for (const call of [
    alice.rail.listOpen({}),
    alice.rail.grab({ id }),
    alice.rail.listAll({}),
    mei.rail.auditTicket({ id, approve: true }),
    mei.rail.auditRefund({ id, approve: true }),
    mei.rail.setBenefitRate({ uid: mei.uid, benefitRate: 0 }),
    mei.rail.setAppConfig({ key: "a", value: "1" }),
    operator.rail.grab({ id }),
    operator.rail.confirm({ id }),
  ]) {
    await rejects(call, "ACCESS_DENIED");
  }
  expect((await alice.rail.cancel({ id: order?.id })).order?.state).toBe(State.cancel);
  expect((await alice.rail.cancel({ id: order?.id })).order?.state).toBe(State.cancel);
});

test("what an order has to say", async () => {
  await using app = await startApp();
  const alice = await app.signIn("alice");
  await rejects(alice.rail.create({ ...journey, identityNumber: "110105194912310021" }), "IDENTITY_INVALID");
  await rejects(alice.rail.create({ ...journey, identityNumber: "11010519490231002X" }), "IDENTITY_INVALID");
  for (const wrong of [
    { identityNumber: "" },
    { identityNumber: "1234" },
    { passengerName: "" },
    { contactId: 5n },
    { amount: 0 },
    { amount: -1 },
    { fromSite: "" },
    { details: [] },
    { details: [{ ...journey.details[0], departureDate: "2026-13-01" }] },
  ]) {
    await rejects(alice.rail.create({ ...journey, ...wrong }), "INVALID_REQUEST");
  }
  const stranger = { identityNumber: "", passengerName: "", contactId: 5n };
  await rejects(alice.rail.create({ ...journey, ...stranger }), "CONTACT_NOT_FOUND");
  expect((await alice.rail.list({})).total).toBe(0);
  const { order } = await alice.rail.create({ ...journey, identityNumber: identityNumber.toLowerCase() });
  expect(order?.identityNumber).toBe(identityNumber);
});

test("when WeChat can't be asked the order is there, to be paid later", async () => {
  await using app = await startApp();
  const alice = await app.signIn("alice");
  await app.sim("/sim/fault", { path: "/v3/*", status: 502, times: 1000 });
  await rejects(alice.rail.create({ ...journey, idempotencyKey: "k" }), "WX_UNAVAILABLE");
  await fetch(`${app.simulator}/sim/fault`, { method: "DELETE" });
  const { order, pay: params } = await alice.rail.create({ ...journey, idempotencyKey: "k" });
  expect((await alice.rail.list({})).total).toBe(1);
  await pay(app, params);
  await until(alice, order?.id ?? 0n, State.wait_rob);
});

test("the passenger's number is sealed where it is kept", async () => {
  await using app = await startApp();
  const alice = await app.signIn("alice");
  await paidOrder(app, alice);
  const { read } = app.app.store;
  const [row] = await read.db.select().from(read.t.railOrders);
  const kept = Buffer.concat([
    Buffer.from(JSON.stringify({ ...row, identitySealed: "" })),
    Buffer.from(row?.identitySealed ?? []),
  ]);
  expect(kept.toString("latin1")).not.toContain(identityNumber.slice(0, 17));
  expect(kept.toString("latin1")).toContain("002X");
});

test("the operator's decisions are on record", async () => {
  await using app = await startApp();
  const people = {
    customer: await app.signIn("alice"),
    merchant: await merchant(app, "mei"),
    operator: await app.appWith("operator"),
  };
  const id = await approvedOrder(app, people);
  await people.customer.rail.refund({ id });
  await people.operator.rail.auditRefund({ id, approve: false, remark: "used" });
  await people.operator.rail.setBenefitRate({ uid: people.merchant.uid, benefitRate: 50 });
  const { read } = app.app.store;
  const events = await read.db.select().from(read.t.auditEvents);
  const decisions = events.filter(({ kind }) => kind.startsWith("rail."));
  expect(new Set(decisions.map(({ appid }) => appid))).toEqual(new Set(["sandbox-operator"]));
  expect(decisions.map(({ kind, detail }) => ({ kind, ...JSON.parse(detail) }))).toEqual([
    { kind: "rail.ticket_audited", order: Number(id), decision: "approved", remark: "" },
    { kind: "rail.refund_audited", order: Number(id), decision: "rejected", remark: "used" },
    { kind: "rail.benefit_rate_set", rate: 50 },
  ]);
});

test("the clients' configuration", async () => {
  await using app = await startApp();
  const alice = await app.signIn("alice");
  const operator = await app.appWith("operator");
  const bags = JSON.parse((await alice.rail.appConfig({ key: "refuel_bag" })).value);
  expect(bags).toHaveLength(3);
  await rejects(alice.rail.appConfig({ key: "colors" }), "CONFIG_NOT_FOUND");
  await rejects(operator.rail.setAppConfig({ key: "colors", value: "{" }), "INVALID_REQUEST");
  await rejects(operator.rail.setAppConfig({ key: "Colors!", value: "{}" }), "INVALID_REQUEST");
  await operator.rail.setAppConfig({ key: "colors", value: '["red"]' });
  await operator.rail.setAppConfig({ key: "colors", value: '["blue"]' });
  expect((await alice.rail.appConfig({ key: "colors" })).value).toBe('["blue"]');
  expect((await operator.rail.appConfig({ key: "colors" })).value).toBe('["blue"]');
});
