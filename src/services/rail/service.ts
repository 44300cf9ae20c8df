import { Rail } from "../../../gen/liveuser/rail_pb.ts";
import type { App } from "../../app.ts";
import type { Payments } from "../../payments/payments.ts";
import { service } from "../../rpc/service.ts";
import { railConfig } from "./app-config.ts";
import { railCustomers } from "./customers.ts";
import { railMerchants } from "./merchants.ts";
import { railOperators } from "./operators.ts";

/** Buying train tickets through merchants. */
export function railService(
  app: Pick<App, "store" | "clock" | "ids" | "settings" | "personal">,
  payments: Pick<Payments, "prepay" | "close" | "refund" | "send" | "wake">,
) {
  return service(Rail, {
    ...railCustomers(app, payments),
    ...railMerchants(app),
    ...railOperators(app, payments),
    ...railConfig(app),
  });
}
