import { randomBytes } from "node:crypto";
import type { Hall } from "../../../gen/liveuser/hall_pb.ts";
import type { App } from "../../app.ts";
import { AppError } from "../../errors.ts";
import type { Implementation } from "../../rpc/service.ts";
import { partnerOf } from "../partner.ts";
import { findProfile } from "../user/store.ts";
import * as hall from "./store.ts";

/** How long a ticket is good (ms). */
const ticketMs = 5 * 60_000;
const ticketBytes = 32;

/** Quick entry from an app: a ticket that tells a partner the person's verified phone number. */
export function ticketing({
  store,
  clock,
  ids,
  personalDigest,
}: Pick<App, "store" | "clock" | "ids" | "personalDigest">) {
  return {
    async issueTicket({ appid }, call) {
      const userId = call.user.uid;
      if (!(await findProfile(store.read, userId))?.phone) throw new AppError("PHONE_UNKNOWN");
      const ticket = randomBytes(ticketBytes).toString("base64url");
      const ticketDigest = personalDigest("hall ticket", ticket);
      const expiresAt = clock.now() + ticketMs;
      await store.tx((tx) =>
        hall.addTicket(tx, { id: ids.next(), ticketDigest, userId, appid: appid || null, expiresAt }),
      );
      return { ticket, expiry: BigInt(Math.floor(expiresAt / 1000)) };
    },

    async mobileByTicket({ ticket }, call) {
      const appid = partnerOf(call);
      const ticketDigest = personalDigest("hall ticket", ticket);
      const mobile = await store.tx(async (tx) => {
        const taken = await hall.takeTicket(tx, { ticketDigest, appid, now: clock.now() });
        return taken && (await findProfile(tx, taken.userId))?.phone;
      });
      if (!mobile) throw new AppError("HALL_TICKET_INVALID");
      return { mobile };
    },
  } satisfies Partial<Implementation<typeof Hall>>;
}
