import { type RailTicketDetail, RailOrder_State as State } from "../../../gen/liveuser/rail_pb.ts";
import type { Contact_DocumentType, Contact_PassengerType } from "../../../gen/liveuser/user_pb.ts";
import type { App } from "../../app.ts";
import type { RailRow } from "./store.ts";

/** Numbers for people begin with this, as those of the old system did. */
const prefix = "88";
const digits = 16;

/** An order's number for people: its id, always 18 digits long. */
export function orderNoOf(id: number): string {
  return prefix + `${id}`.padStart(digits, "0");
}

/** The id in an order's number; nothing when it is none. */
export function idOf(orderNo: string): number | undefined {
  const id = /^88(\d{16})$/.exec(orderNo)?.[1];
  return id === undefined ? undefined : Number(id);
}

/** The state as the contract shows it: one that nobody paid in time is cancelled before the sweep has written that. */
export function shownState({ state, expiresAt }: Pick<RailRow, "state" | "expiresAt">, now: number): State {
  return state === State.wait_pay && expiresAt <= now ? State.cancel : (state as State);
}

/** The contract's name of a state. */
export function stateName(state: State): string {
  return Object.entries(State).find(([, value]) => value === state)?.[0] ?? "";
}

/** Where an order stands for what can happen to it: after a rejected refund, where it was before. */
export function standing({ state, refundFrom }: Pick<RailRow, "state" | "refundFrom">): State {
  return (state === State.returned_return && refundFrom !== null ? refundFrom : state) as State;
}

/** What an identity number is sealed as: it can be read as that order's passenger's only. */
export function sealName(id: number): string {
  return `rail order ${id}`;
}

const buying: ReadonlySet<State> = new Set([State.robing, State.order_audit]);

/** Whether this person needs the whole identity number: it is their order, or theirs to buy a ticket for. */
function seesIdentity(row: RailRow, viewer: number | undefined): boolean {
  if (viewer === row.userId) return true;
  return viewer === row.merchantId && buying.has(standing(row));
}

/** Makes the function that shows orders to somebody: a person by uid, or the operator. */
export function recorder({ clock, personal }: Pick<App, "clock" | "personal">) {
  return (row: RailRow, viewer?: number) => ({
    id: BigInt(row.id),
    orderNo: orderNoOf(row.id),
    uid: `${row.userId}`,
    state: shownState(row, clock.now()),
    identityNumber: seesIdentity(row, viewer)
      ? personal.open(row.identitySealed, sealName(row.id)).toString()
      : row.identityLast4,
    documentType: row.documentType as Contact_DocumentType,
    passengerType: row.passengerType as Contact_PassengerType,
    passengerName: row.passengerName,
    fromSite: row.fromSite,
    toSite: row.toSite,
    details: JSON.parse(row.details) as RailTicketDetail[],
    amount: row.amount,
    merchantUid: row.merchantId === null ? "" : `${row.merchantId}`,
    ticketNo: row.ticketNo,
    createdAt: BigInt(row.createdAt),
    updatedAt: BigInt(row.updatedAt),
    remark: row.remark,
    payAt: BigInt(row.payAt ?? 0),
    expiresAt: BigInt(row.expiresAt),
    confirmsAt: BigInt(row.confirmsAt ?? 0),
  });
}

export type Recorder = ReturnType<typeof recorder>;
