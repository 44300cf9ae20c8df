import type { OrderRecord, Product, TicketRecord } from "liveuser-client";
import {
  OrderRecord_State as OrderState,
  TicketProgress_Phase as Phase,
  TicketRecord_Status as Status,
} from "liveuser-client";
import { yuan } from "./money";
import { dateTime } from "./time";

/** How a tag looks; TDesign's themes. */
type Theme = "default" | "primary" | "success" | "warning" | "danger";

/** Something on sale, as a page shows it. */
export interface Goods {
  id: string;
  name: string;
  /** What else there is to say, in one line. */
  note: string;
  fen: number;
  price: string;
}

export function goodsView({ productId, name, price, detail }: Product): Goods {
  return { id: productId, name, note: noteOf(detail), fen: price, price: yuan(price) };
}

/** A product's detail is JSON of the operator's own: its fields in one line. */
function noteOf(detail: string): string {
  try {
    const fields = Object.entries(JSON.parse(detail) as Record<string, unknown>);
    return fields.map(([name, value]) => `${name}: ${value}`).join(", ");
  } catch {
    return "";
  }
}

const orderStates: Record<OrderState, [text: string, theme: Theme]> = {
  [OrderState.CREATED]: ["To be paid", "warning"],
  [OrderState.PAID]: ["Paid", "success"],
  [OrderState.CANCELLED]: ["Cancelled", "default"],
  [OrderState.EXPIRED]: ["Ran out", "default"],
  [OrderState.REFUNDING]: ["Refund on its way", "primary"],
  [OrderState.REFUNDED]: ["Refunded", "default"],
};

export type OrderView = ReturnType<typeof orderView>;

export function orderView(order: OrderRecord) {
  const [state, theme] = orderStates[order.state] ?? ["", "default"];
  const lines = order.products.map(({ name, price, count }) => ({
    name,
    count: `× ${count}`,
    price: yuan(price * count),
  }));
  return {
    id: String(order.id),
    state,
    theme,
    lines,
    title: lines.map(({ name, count }) => `${name} ${count}`).join(", "),
    total: yuan(order.pay),
    discount: order.discount ? yuan(-order.discount) : "",
    createdAt: dateTime(order.createdAt),
    paidAt: dateTime(order.payAt),
    payUntil: order.state === OrderState.CREATED ? dateTime(order.expiresAt) : "",
    payable: order.state === OrderState.CREATED,
    refundable: order.state === OrderState.PAID && order.pay > 0,
    moving: order.state === OrderState.CREATED || order.state === OrderState.REFUNDING,
  };
}

const phases: Record<Phase, [text: string, step: number]> = {
  [Phase.PENDING_PAYMENT]: ["Waits to be paid", 0],
  [Phase.TO_DISTRIBUTE]: ["The cinema gets it ready", 0],
  [Phase.DISTRIBUTED]: ["Ready at your seat", 1],
  [Phase.PLAYING]: ["Playing", 2],
  [Phase.COMPLETED]: ["Played to the end", 4],
  [Phase.TO_TERMINATE]: ["Left before the end", 2],
  [Phase.TERMINATED]: ["Ended by the cinema", 2],
};

const statuses: Record<Status, [text: string, theme: Theme]> = {
  [Status.PENDING_PAYMENT]: ["To be paid", "warning"],
  [Status.ALREADY_PAID]: ["Paid", "success"],
  [Status.OVER_TIME]: ["Ran out", "default"],
  [Status.CANCELLED]: ["Cancelled", "default"],
};

export type TicketView = ReturnType<typeof ticketView>;

/** @param nameOf a movie's name by its id */
export function ticketView(ticket: TicketRecord, nameOf: (movieId: string) => string) {
  const [status, theme] = statuses[ticket.status] ?? ["", "default"];
  const alive = ticket.status === Status.PENDING_PAYMENT || ticket.status === Status.ALREADY_PAID;
  const phase = ticket.progressPhase;
  const [progress, step] = phases[phase] ?? ["", 0];
  return {
    id: String(ticket.ticketId),
    status,
    theme,
    progress: alive ? progress : "",
    step,
    movies: ticket.movieIds.map(nameOf).join(", "),
    seat: `${ticket.cinemaName}, ${ticket.hallName}, seat ${ticket.seatNumber}`,
    price: yuan(ticket.actualPrice),
    madeAt: dateTime(ticket.startTime),
    payUntil: dateTime(Number(ticket.startTime) + ticket.expireTime * 1000),
    payable: ticket.status === Status.PENDING_PAYMENT,
    paid: ticket.status === Status.ALREADY_PAID,
    /** It ends before its time. */
    broken: phase === Phase.TO_TERMINATE || phase === Phase.TERMINATED,
    moving: alive && phase !== Phase.COMPLETED && phase !== Phase.TERMINATED,
  };
}
