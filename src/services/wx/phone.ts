import type { Wx } from "../../../gen/liveuser/wx_pb.ts";
import type { App } from "../../app.ts";
import type { Implementation } from "../../rpc/service.ts";
import * as wx from "./store.ts";

/** The phone number that WeChat knows a person by. */
export function phoning({ store, clock, wechat }: Pick<App, "store" | "clock" | "wechat">) {
  return {
    async getPhoneNumber({ code }, call) {
      const number = await wechat.phoneNumber({ code, signal: call.signal });
      const { purePhoneNumber, countryCode } = number;
      // The same form as of a number that was verified by text message.
      const phone = countryCode === "86" ? purePhoneNumber : `+${countryCode}${purePhoneNumber}`;
      const verified = { userId: call.user.uid, phone, at: clock.now() };
      await store.tx((tx) => wx.setVerifiedPhone(tx, verified));
      return number;
    },
  } satisfies Partial<Implementation<typeof Wx>>;
}
