import type { Wx } from "../../../gen/liveuser/wx_pb.ts";
import type { App } from "../../app.ts";
import { AppError } from "../../errors.ts";
import type { Implementation } from "../../rpc/service.ts";
import { isAllowedOrigin, isAllowedPage } from "../allowed-pages.ts";

/** What web pages need of WeChat. */
export function webPages({ wechat, settings }: Pick<App, "wechat" | "settings">) {
  return {
    async authorizeUrl({ url: redirectUri, scope, state }) {
      if (!isAllowedPage(redirectUri, settings.WECHAT_PAGES, { loopback: settings.sandbox })) {
        throw new AppError("WX_PAGE_NOT_ALLOWED");
      }
      const url = wechat.authorizeUrl({
        redirectUri,
        scope: scope === "snsapi_userinfo" ? scope : "snsapi_base",
        state,
      });
      return { url };
    },

    async getJsSdkConfig({ url }, call) {
      if (!isAllowedOrigin(url, settings.WECHAT_PAGES, { loopback: settings.sandbox })) {
        throw new AppError("WX_PAGE_NOT_ALLOWED");
      }
      const config = await wechat.jsSdkConfig(url, call.signal);
      return { ...config, timestamp: BigInt(config.timestamp) };
    },
  } satisfies Partial<Implementation<typeof Wx>>;
}
