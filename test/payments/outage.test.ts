import { expect, test } from "vitest";
import { OrderRecord_State as State } from "../../gen/liveuser/order_pb.ts";
import { PaymentState_State as Payment } from "../../gen/liveuser/wx_pb.ts";
import { eventually, movableClock, rejects, startApp } from "../app.ts";

test("while WeChat is down nothing is lost: neither payments nor sessions", async () => {
  const clock = movableClock();
  await using app = await startApp({ clock });
  const alice = await app.signIn("alice");
  const create = async () =>
    (await alice.order.create({ products: [{ productId: "tea", count: 1 }] })).order?.id;
  const [paid, unpaid, returned] = [await create(), await create(), await create()];
  const stateOf = async (id: bigint | undefined) => (await alice.order.get({ id })).order?.state;
  const prepay = async (orderId: bigint | undefined) => {
    const { package: text } = await alice.wx.prepay({ orderId });
    return text.replace("prepay_id=", "");
  };
  await app.sim("/sim/pay", { prepay_id: await prepay(returned) });
  await eventually(
    () => stateOf(returned),
    (state) => state === State.PAID,
  );
  const prepayId = await prepay(paid);

  const down = 1000;
  for (const path of ["/v3/*", "/sns/*", "/cgi-bin/*"])
    await app.sim("/sim/fault", { path, drop: true, times: down });
  // Debited before WeChat went down; its notification is lost.
  await app.sim("/sim/pay", { prepay_id: prepayId, notify: false });

  await rejects(app.signIn("bob"), "WX_UNAVAILABLE");
  const renewed = await app.as().wx.renewToken({ refreshToken: alice.refreshToken });
  expect((await app.as(renewed.accessToken).order.list({})).orders).toHaveLength(3);
  await rejects(alice.wx.prepay({ orderId: unpaid }), "WX_UNAVAILABLE");
  await rejects(alice.wx.payStatus({ orderId: paid }), "WX_UNAVAILABLE");
  // The refund is taken down and sent when WeChat is back.
  expect((await alice.order.refund({ id: returned })).order?.state).toBe(State.REFUNDING);
  expect((await app.sim("/sim/refunds")).refunds).toEqual([]);
  clock.pass(11_000);
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect([await stateOf(paid), await stateOf(unpaid)]).toEqual([State.CREATED, State.CREATED]);

  await fetch(`${app.simulator}/sim/fault`, { method: "DELETE" });
  clock.pass(60_000);
  await eventually(
    () => stateOf(paid),
    (state) => state === State.PAID,
  );
  await eventually(
    () => app.sim("/sim/refunds"),
    ({ refunds }) => refunds.length === 1,
  );
  expect((await alice.wx.prepay({ orderId: unpaid })).package).toMatch(/^prepay_id=./);
  expect(await alice.wx.payStatus({ orderId: paid })).toMatchObject({ state: Payment.PAID });
  await app.signIn("bob");
}, 30_000);
