import type { RailOrder_State } from "../../../gen/liveuser/rail_pb.ts";
import type { Machine } from "../machine.ts";

export type RailState = keyof typeof RailOrder_State;

/** What happens to rail orders: at WeChat Pay, by the customer, by merchants, by the operator, by time. */
export type RailEvent =
  | "pay"
  | "cancel"
  | "expire"
  | "grab"
  | "giveUp"
  | "submit"
  | "approveTicket"
  | "rejectTicket"
  | "confirm"
  | "confirmByTime"
  | "refund"
  | "approveRefund"
  | "rejectRefund"
  | "refunded"
  | "refundFailed";

/**
 * The old system's states under its names. A refund that was rejected leaves the order where it was when
 * the customer asked: from returned_return goes on what could go on from there, and nothing else.
 */
export const railMachine: Machine<RailState, RailEvent> = {
  start: "wait_pay",
  states: {
    wait_pay: "waits to be paid",
    wait_rob: "waits for a merchant",
    robing: "a merchant buys the ticket",
    order_audit: "the ticket is audited",
    wait_confirme: "the customer has to confirm",
    success: "done, the merchant is paid",
    cancel: "cancelled, or not paid in time",
    returned_audit: "the refund is audited",
    returned_return: "the refund was rejected",
    returning_amount: "the money is on its way back",
    returned_amount: "the money is back",
  },
  events: {
    // From cancel: it ran out, but was paid in time and the news came late.
    pay: { from: ["wait_pay", "cancel"], to: "wait_rob" },
    cancel: { from: ["wait_pay"], to: "cancel" },
    expire: { from: ["wait_pay"], to: "cancel" },
    grab: { from: ["wait_rob", "returned_return"], to: "robing" },
    giveUp: { from: ["robing", "returned_return"], to: "wait_rob" },
    submit: { from: ["robing", "returned_return"], to: "order_audit" },
    approveTicket: { from: ["order_audit", "returned_return"], to: "wait_confirme" },
    rejectTicket: { from: ["order_audit", "returned_return"], to: "robing" },
    confirm: { from: ["wait_confirme", "returned_return"], to: "success" },
    confirmByTime: { from: ["wait_confirme", "returned_return"], to: "success" },
    refund: {
      from: ["wait_rob", "robing", "order_audit", "wait_confirme", "returned_return"],
      to: "returned_audit",
    },
    approveRefund: { from: ["returned_audit"], to: "returning_amount" },
    rejectRefund: { from: ["returned_audit"], to: "returned_return" },
    refunded: { from: ["returning_amount"], to: "returned_amount" },
    refundFailed: { from: ["returning_amount"], to: "returned_audit" },
  },
};
