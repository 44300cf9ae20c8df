import type { Wx } from "../../../gen/liveuser/wx_pb.ts";
import type { App } from "../../app.ts";
import { AppError } from "../../errors.ts";
import type { Call } from "../../rpc/call.ts";
import type { Implementation } from "../../rpc/service.ts";
import type { PageSession } from "../../wechat/wechat.ts";
import { type Newcomer, personOf } from "./person.ts";
import * as wx from "./store.ts";

const deviceLength = 128;
/** As long as User.Set takes them. */
const nameLength = 64;
const pictureLength = 2048;

/** Signing in, in the mini-program or on a page, and how long that lasts. */
export function signingIn(app: Parameters<typeof pageVisitor>[0] & Pick<App, "auth">) {
  const { auth, wechat, settings } = app;
  const visitor = pageVisitor(app);

  async function start(uid: number, appid: string, call: Call) {
    const { accessToken, refreshToken, expiry } = await auth.sessions.create({
      uid,
      appid,
      device: deviceOf(call.arrival.header("user-agent")),
    });
    return { accessToken, refreshToken, expiry: BigInt(expiry), uid: `${uid}` };
  }

  return {
    async login({ code, role }, call) {
      const { openid, unionid } = await wechat.code2Session({ code, signal: call.signal });
      const appid = settings.WECHAT_APPID;
      const newcomer: Newcomer = {
        appid,
        openid,
        unionid,
        role: role === "business" ? "business" : "customer",
      };
      const { id } = await personOf(app, newcomer);
      return start(id, appid, call);
    },

    async oauthLogin({ code }, call) {
      const { requestId } = call.arrival;
      const { uid, appid } = await visitor({ code, requestId, signal: call.signal });
      return start(uid, appid, call);
    },

    async renewToken({ refreshToken, attemptId }) {
      const renewed = await auth.sessions.renew(refreshToken, attemptId);
      return {
        accessToken: renewed.accessToken,
        refreshToken: renewed.refreshToken,
        expiry: BigInt(renewed.expiry),
      };
    },

    async logout(_, call) {
      const { uid, sid } = call.user;
      await auth.sessions.revoke(uid, sid, "logout");
      return {};
    },
  } satisfies Partial<Implementation<typeof Wx>>;
}

/**
 * Who came back from a page authorisation, by the code that they brought; a person who comes for the first
 * time is created. What they let the page see is kept. Asked once only.
 * @throws AppError WX_CODE_INVALID, WX_CODE_USED, WX_UNAVAILABLE, WX_MISCONFIGURED, USER_BANNED
 */
export function pageVisitor(app: Pick<App, "store" | "clock" | "ids" | "wechat" | "settings" | "log">) {
  const { store, clock, ids, wechat, settings, log } = app;

  /** What the person let the page see. Without it they are signed in all the same: their code is used up. */
  async function shownBy({ openid, accessToken, scope }: PageSession, { requestId, signal }: Coming) {
    if (!scope.split(",").includes("snsapi_userinfo")) return undefined;
    try {
      return await wechat.userInfo({ openid, accessToken, signal });
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      log.warn({ requestId, result: error.reason }, "somebody's name and picture could not be fetched");
      return undefined;
    }
  }

  return async (coming: Coming): Promise<{ uid: number; appid: string; openid: string }> => {
    const session = await wechat.pageSession(coming);
    const shown = await shownBy(session, coming);
    const { openid, unionid = shown?.unionid } = session;
    const appid = settings.WECHAT_OA_APPID ?? settings.WECHAT_APPID;
    const { id } = await personOf(app, { appid, openid, unionid, role: "customer" });
    if (shown) {
      const name = cut(shown.nickname, nameLength);
      const picture = shown.headImgUrl.length <= pictureLength ? shown.headImgUrl : "";
      await store.tx(async (tx) => {
        await wx.showFollower(tx, { id: ids.next(), openid, nickName: name, iconUrl: picture });
        await wx.fillRecord(tx, { id, name, avatar: picture, updateAt: clock.now() });
      });
    }
    return { uid: id, appid, openid };
  };
}

interface Coming {
  code: string;
  requestId: string;
  signal?: AbortSignal;
}

/** What the client calls itself (User-Agent), so that people can tell their sessions apart. */
export function deviceOf(userAgent: string | undefined): string {
  return (userAgent ?? "").slice(0, deviceLength);
}

/** The first `length` characters; an emoji counts as one and stays whole. */
function cut(text: string, length: number): string {
  return [...text].slice(0, length).join("");
}
