import {
  TicketProgress_Phase as Phase,
  TicketRecord_Status as Status,
} from "../../../gen/liveuser/ticket_pb.ts";
import type { Machine } from "../machine.ts";

/** Where a ticket can stand: its status, and while it is paid how far it is. */
export type TicketState =
  | "pending"
  | "overTime"
  | "cancelled"
  | "toDistribute"
  | "distributed"
  | "playing"
  | "completed"
  | "toTerminate"
  | "terminated";

/** What happens to tickets: at WeChat Pay, by the viewer, by time, by the operator, by the seat's device. */
export type TicketEvent =
  | "pay"
  | "cancel"
  | "expire"
  | "distribute"
  | "reportPlaying"
  | "reportCompleted"
  | "reportToTerminate"
  | "terminate";

export const ticketMachine: Machine<TicketState, TicketEvent> = {
  start: "pending",
  states: {
    pending: "PENDING_PAYMENT",
    overTime: "OVER_TIME",
    cancelled: "CANCELLED",
    toDistribute: "ALREADY_PAID, TO_DISTRIBUTE",
    distributed: "ALREADY_PAID, DISTRIBUTED",
    playing: "ALREADY_PAID, PLAYING",
    completed: "ALREADY_PAID, COMPLETED",
    toTerminate: "ALREADY_PAID, TO_TERMINATE",
    terminated: "ALREADY_PAID, TERMINATED",
  },
  events: {
    // From overTime: paid in time, but the news came late.
    pay: { from: ["pending", "overTime"], to: "toDistribute" },
    cancel: { from: ["pending"], to: "cancelled" },
    expire: { from: ["pending"], to: "overTime" },
    distribute: { from: ["toDistribute"], to: "distributed" },
    reportPlaying: { from: ["distributed"], to: "playing" },
    reportCompleted: { from: ["playing"], to: "completed" },
    reportToTerminate: { from: ["playing"], to: "toTerminate" },
    // From distributed: nobody came.
    terminate: { from: ["distributed", "playing", "toTerminate"], to: "terminated" },
  },
};

/** How a ticket stands, in the contract's two numbers. */
export interface Standing {
  status: Status;
  phase: Phase;
}

const unpaid = Phase.PENDING_PAYMENT;
const paid = Status.ALREADY_PAID;

/** What each state is on the wire and in the database. */
export const standingOf: Readonly<Record<TicketState, Standing>> = {
  pending: { status: Status.PENDING_PAYMENT, phase: unpaid },
  overTime: { status: Status.OVER_TIME, phase: unpaid },
  cancelled: { status: Status.CANCELLED, phase: unpaid },
  toDistribute: { status: paid, phase: Phase.TO_DISTRIBUTE },
  distributed: { status: paid, phase: Phase.DISTRIBUTED },
  playing: { status: paid, phase: Phase.PLAYING },
  completed: { status: paid, phase: Phase.COMPLETED },
  toTerminate: { status: paid, phase: Phase.TO_TERMINATE },
  terminated: { status: paid, phase: Phase.TERMINATED },
};

/** Whether a ticket is in the state that the event leads to already: then its repeat changes nothing. */
export function isThere({ status, phase }: Standing, event: TicketEvent): boolean {
  const there = standingOf[ticketMachine.events[event].to];
  return there.status === status && there.phase === phase;
}
