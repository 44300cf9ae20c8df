import type { Wx } from "../../../gen/liveuser/wx_pb.ts";
import type { App } from "../../app.ts";
import type { Implementation } from "../../rpc/service.ts";

/** What the application's other programs do at WeChat: messages through here, the rest with the token. */
export function messaging({ wechat }: Pick<App, "wechat">) {
  return {
    async getAccessToken(_, call) {
      const { token, expiresIn } = await wechat.accessToken(call.signal);
      return { accessToken: token, expiresIn };
    },

    async sendMessage({ openId: openid, templateId, subscription, url, data }, call) {
      const message = { openid, templateId, url, data, signal: call.signal };
      if (!subscription) return { messageId: await wechat.sendTemplate(message) };
      await wechat.sendSubscription(message);
      return { messageId: "" };
    },
  } satisfies Partial<Implementation<typeof Wx>>;
}
