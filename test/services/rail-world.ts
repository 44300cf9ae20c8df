import { RailOrder_State as State } from "../../gen/liveuser/rail_pb.ts";
import type { PayParams } from "../../gen/liveuser/wx_pb.ts";
import { type Caller, eventually, type TestApp } from "../app.ts";

/** A resident identity number with a right check digit; nobody's. */
export const identityNumber = "11010519491231002X";

export const journey = {
  identityNumber,
  passengerName: "Wang Wu",
  fromSite: "Beijing",
  toSite: "Zhengzhou",
  details: [{ seatType: "hard seat,hard sleeper", departureDate: "2026-12-01", trainNum: "K180,K190" }],
  amount: 8000,
};

export type Person = Caller & { uid: string };

/** Signs a merchant in. */
export async function merchant(app: TestApp, name: string): Promise<Person> {
  const { accessToken, uid } = await app.as().wx.login({ code: `dev:${name}`, role: "business" });
  return { ...app.as(accessToken), uid };
}

/** Pays at WeChat what was prepaid. */
export async function pay(app: TestApp, params: PayParams | undefined): Promise<void> {
  await app.sim("/sim/pay", { prepay_id: params?.package.replace("prepay_id=", "") });
}

export async function stateOf(caller: Caller, id: bigint): Promise<State | undefined> {
  return (await caller.rail.get({ id })).order?.state;
}

export async function until(caller: Caller, id: bigint, state: State): Promise<void> {
  await eventually(
    () => stateOf(caller, id),
    (now) => now === state,
  );
}

/** An order of the customer's that is paid for and waits for a merchant; its id. */
export async function paidOrder(app: TestApp, customer: Caller, amount = journey.amount): Promise<bigint> {
  const { order, pay: params } = await customer.rail.create({ ...journey, amount });
  const id = order?.id ?? 0n;
  await pay(app, params);
  await until(customer, id, State.wait_rob);
  return id;
}

/** One that a merchant bought the ticket for and that the operator approved; its id. */
export async function approvedOrder(
  app: TestApp,
  { customer, merchant, operator }: Record<"customer" | "merchant" | "operator", Caller>,
  amount = journey.amount,
): Promise<bigint> {
  const id = await paidOrder(app, customer, amount);
  await merchant.rail.grab({ id });
  await merchant.rail.submit({ id, ticketNo: "E123456789" });
  await operator.rail.auditTicket({ id, approve: true });
  return id;
}

/** Lets WeChat send every refund's money back that is on its way. */
export async function settleRefunds(app: TestApp): Promise<void> {
  const { refunds } = await app.sim("/sim/refunds");
  for (const { out_refund_no: number } of refunds) await app.sim(`/sim/refund/${number}`, {});
}

/** What the books say of a person (fen). */
export async function moneyOf(caller: Caller) {
  const { profile } = await caller.user.getProfile({});
  return { balance: Number(profile?.balance), held: Number(profile?.frozenBalance) };
}
