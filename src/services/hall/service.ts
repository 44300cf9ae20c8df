import { Hall } from "../../../gen/liveuser/hall_pb.ts";
import type { App } from "../../app.ts";
import { service } from "../../rpc/service.ts";
import { reporting } from "./orders.ts";
import { knowing } from "./people.ts";
import { returning } from "./returns.ts";
import { ticketing } from "./tickets.ts";

/**
 * The platform for the hall's partners, and the tokens of all machine identities.
 * @param returnUrl where WeChat sends a partner's visitors
 */
export function hallService(app: App, returnUrl: () => string) {
  return service(Hall, {
    ...returning(app, returnUrl),
    ...knowing(app),
    ...reporting(app),
    ...ticketing(app),

    async token({ appid, secret }) {
      const { accessToken, expiresIn, expiry } = await app.auth.apps.issueToken(appid, secret);
      return { accessToken, expiresIn, expiry: BigInt(expiry) };
    },
  });
}
