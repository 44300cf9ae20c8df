import { Wx } from "../../../gen/liveuser/wx_pb.ts";
import type { App } from "../../app.ts";
import type { Call } from "../../rpc/call.ts";
import { service } from "../../rpc/service.ts";
import { personOf } from "./person.ts";

const deviceLength = 128;

/** What goes through WeChat: signing in, paying, followers, messages. */
export function wxService(app: Pick<App, "store" | "clock" | "ids" | "auth" | "wechat" | "settings">) {
  const { auth, wechat, settings } = app;
  return service(
    Wx,
    {
      async login({ code, role }, call) {
        const { openid, unionid } = await wechat.code2Session({ code, signal: call.signal });
        const { id } = await personOf(app, {
          appid: settings.WECHAT_APPID,
          openid,
          unionid,
          role: role === "business" ? "business" : "customer",
        });
        const { uid, ...tokens } = await auth.sessions.create({ uid: id, device: deviceOf(call) });
        return { ...toTokens(tokens), uid: `${uid}` };
      },

      async renewToken({ refreshToken, attemptId }) {
        return toTokens(await auth.sessions.renew(refreshToken, attemptId));
      },

      async logout(_, call) {
        const { uid, sid } = call.user;
        await auth.sessions.revoke(uid, sid, "logout");
        return {};
      },
    },
    [
      "oauthLogin",
      "authorizeUrl",
      "getPhoneNumber",
      "prepay",
      "postpay",
      "payStatus",
      "getAccessToken",
      "getJsSdkConfig",
      "listFollowers",
      "getScene",
      "createSceneQr",
      "sendMessage",
    ],
  );
}

function toTokens({
  accessToken,
  refreshToken,
  expiry,
}: {
  accessToken: string;
  refreshToken: string;
  expiry: number;
}) {
  return { accessToken, refreshToken, expiry: BigInt(expiry) };
}

/** What the client calls itself, so that people can tell their sessions apart. */
function deviceOf(call: Call): string {
  return (call.arrival.header("user-agent") ?? "").slice(0, deviceLength);
}
