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
import { orderPayable } from "./order/payable.ts";
import { orderService } from "./order/service.ts";
import { railPayable } from "./rail/payable.ts";
import { railService } from "./rail/service.ts";
import { ticketIssue } from "./ticket/issue.ts";
import { ticketPayable } from "./ticket/payable.ts";
import { ticketService } from "./ticket/service.ts";
import { ticketFeed } from "./ticket/watch.ts";
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
  return { order: orderPayable(app), ticket: ticketPayable(app), rail_order: railPayable(app) };
}

/** The services that work. */
export function services(app: App, payments: Payments): Service[] {
  const feed = ticketFeed(app);
  return [
    userService(app),
    wxService(app, payments),
    orderService(app, payments),
    cartService(app, { issue: ticketIssue(app), changed: feed.changed }),
    ticketService(app, payments, feed),
    catalogService(app),
    railService(app, payments),
    hallService(app),
  ];
}
