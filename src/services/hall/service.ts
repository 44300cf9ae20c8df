import { Hall } from "../../../gen/liveuser/hall_pb.ts";
import type { App } from "../../app.ts";
import { service } from "../../rpc/service.ts";

/** The platform for the hall's partners, and the tokens of all machine identities. */
export function hallService({ auth }: Pick<App, "auth">) {
  return service(
    Hall,
    {
      async token({ appid, secret }) {
        const { accessToken, expiresIn, expiry } = await auth.apps.issueToken(appid, secret);
        return { accessToken, expiresIn, expiry: BigInt(expiry) };
      },
    },
    [
      "authorizeUrl",
      "openidByCode",
      "getUser",
      "sendPrizeNotice",
      "bind",
      "reportOrder",
      "issueTicket",
      "mobileByTicket",
    ],
  );
}
