import type { DescService } from "@bufbuild/protobuf";
import { Cart } from "../../gen/liveuser/cart_pb.ts";
import { Catalog } from "../../gen/liveuser/catalog_pb.ts";
import { Hall } from "../../gen/liveuser/hall_pb.ts";
import { Measurement } from "../../gen/liveuser/measurement_pb.ts";
import { Order } from "../../gen/liveuser/order_pb.ts";
import { Rail } from "../../gen/liveuser/rail_pb.ts";
import { Ticket } from "../../gen/liveuser/ticket_pb.ts";
import { User } from "../../gen/liveuser/user_pb.ts";
import { Wx } from "../../gen/liveuser/wx_pb.ts";
import type { App } from "../app.ts";
import type { Payables } from "../payments/payable.ts";
import type { Payments } from "../payments/payments.ts";
import type { Service } from "../rpc/service.ts";
import { cartService } from "./cart/service.ts";
import { catalogService } from "./catalog/service.ts";
import { hallService } from "./hall/service.ts";
import type { Analyst } from "./measurement/analyst.ts";
import { measurementPayable } from "./measurement/payable.ts";
import { measurementService } from "./measurement/service.ts";
import { orderPayable } from "./order/payable.ts";
import { orderService } from "./order/service.ts";
import * as orders from "./order/store.ts";
import { confirmByTime } from "./rail/confirmation.ts";
import * as railDue from "./rail/due.ts";
import { railPayable } from "./rail/payable.ts";
import { railService } from "./rail/service.ts";
import { startSweep } from "./sweep.ts";
import { ticketIssue } from "./ticket/issue.ts";
import { ticketPayable } from "./ticket/payable.ts";
import { ticketService } from "./ticket/service.ts";
import * as tickets from "./ticket/store.ts";
import { expire as expireTickets } from "./ticket/transition.ts";
import { ticketFeed } from "./ticket/watch.ts";
import { sweepUnpaid } from "./unpaid.ts";
import { userService } from "./user/service.ts";
import { wxService } from "./wx/service.ts";

/** Every service of the contract. */
export const contract: readonly DescService[] = [
  User,
  Wx,
  Order,
  Cart,
  Ticket,
  Catalog,
  Rail,
  Hall,
  Measurement,
];

/** Everything that can be paid for. */
export function payables(app: App): Payables {
  return {
    order: orderPayable(app),
    ticket: ticketPayable(app),
    rail_order: railPayable(app),
    measurement: measurementPayable(app),
  };
}

/** What services are made of besides the app. */
export interface Parts {
  payments: Payments;
  analyst: Analyst;
  /** Where WeChat sends the visitors of the hall's partners. */
  hallReturnUrl(): string;
}

/** The services that work. */
export function services(app: App, { payments, analyst, hallReturnUrl }: Parts): Service[] {
  const feed = ticketFeed(app);
  return [
    userService(app),
    wxService(app, payments),
    orderService(app, payments),
    cartService(app, { issue: ticketIssue(app), changed: feed.changed }),
    ticketService(app, payments, feed),
    catalogService(app),
    railService(app, payments),
    hallService(app, hallReturnUrl),
    measurementService(app, payments, analyst),
  ];
}

/**
 * Begins to write down what runs out: what nobody paid, and rail orders that nobody confirmed. Gives the
 * functions that stop it.
 */
export function sweeps(app: App, payments: Payments): (() => Promise<void>)[] {
  return [
    sweepUnpaid(app, payments, { kind: "order", next: orders.nextExpiry, expire: orders.expire }),
    sweepUnpaid(app, payments, { kind: "ticket", next: tickets.nextExpiry, expire: expireTickets }),
    sweepUnpaid(app, payments, { kind: "rail_order", next: railDue.nextExpiry, expire: railDue.expire }),
    startSweep(app, {
      what: "unconfirmed rail orders",
      next: () => railDue.nextConfirmation(app.store.read),
      expire: (limit) => confirmByTime(app, limit),
    }),
  ];
}
