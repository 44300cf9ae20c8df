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
  /** What it has for a picture. */
  initial: string;
  /** What else there is to say, in one line. */
  note: string;
  fen: number;
  price: string;
}

export function goodsView({ productId, name, price, detail }: Product): Goods {
  return {
    id: productId,
    name,
    initial: initialOf(name),
    note: noteOf(detail),
    fen: price,
    price: yuan(price),
  };
}

/** The first character of a name, of an emoji all of it. */
export function initialOf(name: string): string {
  return Array.from(name)[0] ?? "";
}

/** A product's detail is JSON of the operator's own: its fields in one line. */
function noteOf(detail: string): string {
  try {
    const fields = Object.entries(JSON.parse(detail) as Record<string, unknown>);
    return fields.map(([name, value]) => `${name}: ${value}`).join(" · ");
  } catch {
    return "";
  }
}

const orderStates: Record<OrderState, [text: string, theme: Theme]> = {
  [OrderState.CREATED]: ["待支付", "warning"],
  [OrderState.PAID]: ["已支付", "success"],
  [OrderState.CANCELLED]: ["已取消", "default"],
  [OrderState.EXPIRED]: ["已超时", "default"],
  [OrderState.REFUNDING]: ["退款中", "primary"],
  [OrderState.REFUNDED]: ["已退款", "default"],
};

/** A state by its name in the contract, as an error has it. */
export function orderStateText(name: string): string {
  return orderStates[OrderState[name as keyof typeof OrderState]]?.[0] ?? "状态已变";
}

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
    title: lines.map(({ name, count }) => `${name} ${count}`).join("，"),
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
  [Phase.PENDING_PAYMENT]: ["待支付", 0],
  [Phase.TO_DISTRIBUTE]: ["影院准备中", 0],
  [Phase.DISTRIBUTED]: ["已就绪，请入座", 1],
  [Phase.PLAYING]: ["播放中", 2],
  [Phase.COMPLETED]: ["已看完", 4],
  [Phase.TO_TERMINATE]: ["已提前离开", 2],
  [Phase.TERMINATED]: ["影院已结束放映", 2],
};

const statuses: Record<Status, [text: string, theme: Theme]> = {
  [Status.PENDING_PAYMENT]: ["待支付", "warning"],
  [Status.ALREADY_PAID]: ["已支付", "success"],
  [Status.OVER_TIME]: ["已超时", "default"],
  [Status.CANCELLED]: ["已取消", "default"],
};

/** A status by its name in the contract, as an error has it. */
export function ticketStatusText(name: string): string {
  return statuses[Status[name as keyof typeof Status]]?.[0] ?? "状态已变";
}

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
    movies: ticket.movieIds.map(nameOf).join("，"),
    seat: `${ticket.cinemaName} · ${ticket.hallName} · ${ticket.seatNumber}\u00a0座`,
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

const devices: [agent: RegExp, name: string][] = [
  [/wechatdevtools/i, "微信开发者工具"],
  [/iPhone/, "iPhone"],
  [/iPad/, "iPad"],
  [/HarmonyOS/i, "鸿蒙设备"],
  [/Android/, "Android 设备"],
  [/Windows/, "Windows 电脑"],
  [/Macintosh/, "Mac 电脑"],
];

/** What a person calls the device whose program names itself like this (User-Agent). */
export function deviceName(agent: string): string {
  return devices.find(([known]) => known.test(agent))?.[1] ?? "其他设备";
}
