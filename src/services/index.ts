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
import type { Service } from "../rpc/service.ts";
import { catalogService } from "./catalog/service.ts";
import { hallService } from "./hall/service.ts";
import { orderService } from "./order/service.ts";
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

/** The services that work. */
export function services(app: App): Service[] {
  return [userService(app), wxService(app), orderService(app), catalogService(app), hallService(app)];
}
