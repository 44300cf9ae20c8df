import { Wx } from "../../../gen/liveuser/wx_pb.ts";
import type { App } from "../../app.ts";
import type { Payments } from "../../payments/payments.ts";
import { service } from "../../rpc/service.ts";
import { following } from "./followers.ts";
import { messaging } from "./messages.ts";
import { webPages } from "./pages.ts";
import { paying } from "./pay.ts";
import { phoning } from "./phone.ts";
import { signingIn } from "./sign-in.ts";

/** What goes through WeChat: signing in, paying, followers, messages. */
export function wxService(app: App, payments: Pick<Payments, "prepay" | "status" | "newestUnpaid">) {
  return service(Wx, {
    ...signingIn(app),
    ...webPages(app),
    ...paying(app, payments),
    ...following(app),
    ...messaging(app),
    ...phoning(app),
  });
}
