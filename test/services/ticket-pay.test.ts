import { expect, test } from "vitest";
import {
  TicketProgress_Phase as Phase,
  TicketRecord_Status as Status,
  type TicketRecord,
} from "../../gen/liveuser/ticket_pb.ts";
import { PaymentState_State as Payment } from "../../gen/liveuser/wx_pb.ts";
import { eventually, movableClock, startApp, type TestApp } from "../app.ts";
import { databases } from "../databases.ts";
import { pay, scan, statusOf, sums, ticketOf } from "./cinema.ts";

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function settle(app: TestApp, params: { package: string }, more: object = {}) {
  return app.sim("/sim/pay", { prepay_id: params.package.replace("prepay_id=", ""), ...more });
}

for (const database of databases) {
  test(`a payment racing a cancel ends in a paid ticket, or a cancelled one with the money back (${database})`, async () => {
    await using app = await startApp({ database });
    const alice = await app.signIn("alice");
    await scan(app, "alice", 1);
    for (let round = 0; round < 12; round++) {
      const { ticketId } = await ticketOf(alice, "orbit");
      const params = await alice.wx.prepay({ ticketId });
      await Promise.all([
        wait(Math.random() * 12).then(() => settle(app, params).catch(() => undefined)),
        wait(Math.random() * 12).then(() => alice.ticket.cancel({ ticketId }).catch(() => undefined)),
      ]);
      const { payments } = await app.sim("/sim/payments?openid=sandbox_alice");
      const { trade_state: debited, out_trade_no: number } = payments.find((one: { prepay_id: string }) =>
        params.package.endsWith(one.prepay_id),
      );
      const back = (refunds: { out_trade_no: string }[]) =>
        refunds.filter((one) => one.out_trade_no === number).length;
      const end = await eventually(
        async () => ({
          status: await statusOf(alice, ticketId),
          returned: back((await app.sim("/sim/refunds")).refunds),
        }),
        ({ status, returned }) => {
          if (status === Status.ALREADY_PAID) return returned === 0;
          return status === Status.CANCELLED && returned === (debited === "SUCCESS" ? 1 : 0);
        },
      );
      const { movieIds } = await alice.cart.get({});
      expect(movieIds).toEqual(end.status === Status.CANCELLED ? ["orbit"] : []);
    }
    const { kept, counted } = await sums(app);
    expect(kept).toEqual(counted);
  }, 60_000);

  test(`a payment made in time counts, however late the news; one made too late goes back (${database})`, async () => {
    const clock = movableClock();
    await using app = await startApp({ database, clock, environment: { TICKET_EXPIRE: "3" } });
    const alice = await app.signIn("alice");
    const device = await app.appWith("device");
    await scan(app, "alice", 1);
    const [inTime, late] = [await ticketOf(alice, "orbit"), await ticketOf(alice, "rally")];
    const params = await alice.wx.prepay({ ticketId: late.ticketId });
    await settle(app, await alice.wx.prepay({ ticketId: inTime.ticketId }), { notify: false });
    // From here on WeChat is not reached, so nothing can be closed there.
    await app.sim("/sim/fault", { path: "/v3/*", status: 502, times: 1000 });
    const watching = device.ticket.watch({ cursor: 1n })[Symbol.asyncIterator]();
    clock.pass(6_000);
    await eventually(
      async () => (await alice.ticket.list({ status: [Status.OVER_TIME] })).totalCount,
      (count) => count === 2,
    );
    // The sweep writes it down and tells those who watch.
    const told: [bigint | undefined, Status | undefined][] = [];
    while (told.length < 4) {
      const { value } = await watching.next();
      if (value.ticket) told.push([value.ticket.ticketId, value.ticket.status]);
    }
    expect(told.slice(2).map(([, status]) => status)).toEqual([Status.OVER_TIME, Status.OVER_TIME]);
    await wait(Math.max(0, Number(late.startTime) + 4_500 - Date.now()));
    await settle(app, params);
    await fetch(`${app.simulator}/sim/fault`, { method: "DELETE" });
    clock.pass(120_000);
    const [paid] = await eventually(
      async () => (await alice.ticket.list({ ticketId: inTime.ticketId })).tickets,
      ([ticket]) => ticket?.status === Status.ALREADY_PAID,
    );
    expect(paid).toMatchObject({ progressPhase: Phase.TO_DISTRIBUTE, payMode: "WEIXIN" });
    expect(Number(paid?.payTime)).toBeLessThanOrEqual(Number(inTime.startTime) + 3_000);
    await eventually(
      () => alice.wx.payStatus({ ticketId: late.ticketId }),
      ({ state }) => state === Payment.REFUNDING,
    );
    expect(await statusOf(alice, late.ticketId)).toBe(Status.OVER_TIME);
    expect((await app.sim("/sim/refunds")).refunds).toHaveLength(1);
    await watching.return?.();
  }, 60_000);
}

test("an empty prepay pays the newest thing that waits, a ticket too; the person sees what it is for", async () => {
  await using app = await startApp();
  const alice = await app.signIn("alice");
  await scan(app, "alice", 1);
  await alice.order.create({ products: [{ productId: "tea", count: 1 }] });
  const ticket: TicketRecord = await ticketOf(alice, "orbit", "rally");
  const params = await alice.wx.prepay({});
  expect(params.package).toBe((await alice.wx.prepay({ ticketId: ticket.ticketId })).package);
  const { payments } = await app.sim("/sim/payments?openid=sandbox_alice");
  expect(payments).toMatchObject([{ total: 7500, description: "One Orbit, Desert Rally" }]);
  await pay(app, alice, ticket);
  expect(await alice.wx.payStatus({ ticketId: ticket.ticketId })).toMatchObject({
    state: Payment.PAID,
    amount: 7500,
  });
});

test("a cancelled ticket's payment is closed at WeChat", async () => {
  await using app = await startApp();
  const alice = await app.signIn("alice");
  await scan(app, "alice", 1);
  const { ticketId } = await ticketOf(alice, "orbit");
  await alice.wx.prepay({ ticketId });
  await alice.ticket.cancel({ ticketId });
  await eventually(
    () => app.sim("/sim/payments?openid=sandbox_alice"),
    ({ payments }) => payments[0].trade_state === "CLOSED",
  );
});
