import { expect, test } from "vitest";
import { ErrorInfoSchema } from "../../../gen/google/rpc/error_details_pb.ts";
import { PaymentState_State as Payment } from "../../../gen/liveuser/wx_pb.ts";
import { balance } from "../../../src/ledger/ledger.ts";
import { type Caller, eventually, rejects, startApp } from "../../app.ts";
import { databases } from "../../databases.ts";
import { goodWave, recorded, settle } from "./pulse.ts";

const hasPaid = async (caller: Caller, id: bigint) =>
  (await caller.measurement.get({ id })).measurement?.hasPaid;
const yes = (answer: unknown) => answer === true;

for (const database of databases) {
  test(`with a price, a report waits for the payment (${database})`, async () => {
    await using app = await startApp({
      database,
      environment: { MEASUREMENT_PRICE: "990", WORKERS: "1" },
    });
    const alice = await app.signIn("alice");
    const { id, price, hasPaid: atFirst } = await recorded(alice, goodWave());
    expect([price, atFirst]).toEqual([990, false]);
    const refused = await rejects(alice.measurement.analyze({ id }), "MEASUREMENT_UNPAID");
    expect(refused.findDetails(ErrorInfoSchema)[0]?.metadata).toEqual({ price: "990" });
    await rejects(alice.measurement.picture({ id }), "MEASUREMENT_UNPAID");
    expect(await alice.wx.payStatus({ measurementId: id })).toMatchObject({
      state: Payment.UNPAID,
      amount: 990,
    });

    const { measurement, pay } = await alice.measurement.pay({ id });
    expect(measurement).toMatchObject({ id, hasPaid: false, samples: [] });
    expect(pay).toMatchObject({ signType: "RSA", package: expect.stringMatching(/^prepay_id=./) });
    // The same attempt, however it is asked for.
    expect((await alice.measurement.pay({ id })).pay?.paySign).toBe(pay?.paySign);
    expect((await alice.wx.prepay({ measurementId: id })).paySign).toBe(pay?.paySign);
    expect((await alice.wx.prepay({})).paySign).toBe(pay?.paySign);
    await rejects(alice.measurement.analyze({ id }), "MEASUREMENT_UNPAID");

    await settle(app, pay);
    await eventually(() => hasPaid(alice, id), yes);
    expect((await alice.measurement.analyze({ id })).report?.heartRate).toBeGreaterThan(60);
    expect((await alice.measurement.list({})).measurements[0]?.hasPaid).toBe(true);
    expect(await alice.wx.payStatus({ measurementId: id })).toMatchObject({
      state: Payment.PAID,
      amount: 990,
    });
    await rejects(alice.measurement.pay({ id }), "ALREADY_PAID");
    await rejects(alice.wx.prepay({ measurementId: id }), "ALREADY_PAID");
    await rejects(alice.wx.prepay({}), "NOTHING_TO_PAY");
    const { read } = app.app.store;
    expect([await balance(read, "sales"), await balance(read, "wechat")]).toEqual([990, -990]);
    const { payments } = await app.sim("/sim/payments?openid=sandbox_alice");
    expect(payments).toMatchObject([{ total: 990, description: "脉搏测量报告" }]);
  });

  test(`without a price, a report needs no payment; paying marks it, once (${database})`, async () => {
    await using app = await startApp({ database, environment: { WORKERS: "1" } });
    const alice = await app.signIn("alice");
    const { id } = await recorded(alice, goodWave());
    expect((await alice.measurement.analyze({ id })).report?.heartRate).toBeGreaterThan(60);
    await rejects(alice.wx.prepay({ measurementId: id }), "ALREADY_PAID");
    await rejects(alice.wx.prepay({}), "NOTHING_TO_PAY");
    expect(await hasPaid(alice, id)).toBe(false);
    const answers = await Promise.allSettled(Array.from({ length: 10 }, () => alice.measurement.pay({ id })));
    const paid = answers.flatMap((answer) => (answer.status === "fulfilled" ? [answer.value] : []));
    expect(paid).toMatchObject([{ measurement: { id, hasPaid: true } }]);
    expect(paid[0]?.pay).toBeUndefined();
    expect(await hasPaid(alice, id)).toBe(true);
    await rejects(alice.measurement.pay({ id }), "ALREADY_PAID");
    expect(await alice.wx.payStatus({ measurementId: id })).toMatchObject({ state: Payment.PAID, amount: 0 });
    expect(await balance(app.app.store.read, "sales")).toBe(0);
  });

  test(`money that comes for a deleted measurement goes back (${database})`, async () => {
    await using app = await startApp({ database, environment: { MEASUREMENT_PRICE: "100" } });
    const alice = await app.signIn("alice");
    const { id } = await recorded(alice);
    const { pay } = await alice.measurement.pay({ id });
    // WeChat can't be asked to close it in time.
    await app.sim("/sim/fault", { path: "/v3/pay/transactions/out-trade-no/*", status: 502, times: 1000 });
    await alice.measurement.delete({ id });
    await settle(app, pay);
    const { refunds } = await eventually(
      () => app.sim("/sim/refunds"),
      (answer) => answer.refunds.length > 0,
    );
    expect(refunds).toHaveLength(1);
    expect(await balance(app.app.store.read, "sales")).toBe(0);
    await rejects(alice.wx.payStatus({ measurementId: id }), "MEASUREMENT_NOT_FOUND");
  });
}

test("an unpaid measurement that is deleted can't be paid at WeChat any more", async () => {
  await using app = await startApp({ environment: { MEASUREMENT_PRICE: "100" } });
  const alice = await app.signIn("alice");
  const { id } = await recorded(alice);
  await alice.measurement.pay({ id });
  await alice.measurement.delete({ id });
  await eventually(
    () => app.sim("/sim/payments?openid=sandbox_alice"),
    ({ payments }) => payments[0].trade_state === "CLOSED",
  );
});
