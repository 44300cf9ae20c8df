import type { Logger } from "../../log.ts";
import type { Coming, Onward } from "../../services/hall/returns.ts";
import { callerAddress } from "../address.ts";
import { type Exchange, queryOf, send } from "../exchange.ts";
import { codeOf, discreet, plainText, refuseVisitor, single } from "./visitor.ts";

/** Where WeChat sends the visitors of the hall's partners. */
export const hallReturnPath = "/service/wxoauth/2.0/wxcode";

const noSuchState =
  "链接无效，请从合作方的页面重新进入。\nThis link is not valid: begin at the partner's page again.\n";
const notAllowed = "该页面不允许访问。\nThat page may not be visited from here.\n";
const failed = "登录没有成功，请返回合作方的页面重试。";

export interface HallReturnOptions {
  /** Where somebody goes on to. */
  comeBack(coming: Coming): Promise<Onward>;
  /** Counts visitors. @throws AppError RATE_LIMITED */
  limit?: ((peer: string) => Promise<void>) | undefined;
  log: Logger;
}

/**
 * `GET /service/wxoauth/2.0/wxcode?code=…&state=…`: WeChat sends a visitor here, who goes on to the
 * partner's page with a code of the hall's, or is told in plain words why not.
 */
export function createHallReturn({ comeBack, limit, log }: HallReturnOptions) {
  async function goOn(exchange: Exchange): Promise<void> {
    await limit?.(callerAddress(exchange.req, exchange.trustedProxies));
    const { requestId, path } = exchange;
    const query = queryOf(exchange);
    const onward = await comeBack({ state: single(query, "state"), code: codeOf(query), requestId });
    const result = "refused" in onward ? onward.refused : "came back";
    log.info({ path, result, requestId }, "hall's visitor");
    if ("location" in onward) send(exchange, 302, { ...discreet, location: onward.location }, "");
    else if (onward.refused === "no such state") send(exchange, 400, plainText, noSuchState);
    else send(exchange, 403, plainText, notAllowed);
  }

  return {
    GET: (exchange: Exchange): Promise<void> =>
      goOn(exchange).catch((thrown) =>
        refuseVisitor(exchange, thrown, { log, what: "hall's visitor", failed }),
      ),
  };
}
