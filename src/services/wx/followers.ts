import type { Wx } from "../../../gen/liveuser/wx_pb.ts";
import type { App } from "../../app.ts";
import { AppError, invalid } from "../../errors.ts";
import type { Call } from "../../rpc/call.ts";
import type { Implementation } from "../../rpc/service.ts";
import { pageSize } from "../page.ts";
import * as wx from "./store.ts";

/** The followers of the official account, and the QR codes that lead to it. */
export function following({ store, wechat }: Pick<App, "store" | "wechat">) {
  /** The openids whose scenes the caller may know. */
  async function openidsFor(openid: string, { identity }: Call): Promise<string[]> {
    if (identity?.kind === "app") {
      if (!openid) throw invalid({ field: "open_id", description: "an app has to say whose scene" });
      return [openid];
    }
    if (!identity) throw new AppError("ACCESS_DENIED");
    const own = await wx.openidsOf(store.read, identity.uid);
    if (!openid) return own;
    if (!own.includes(openid)) throw new AppError("ACCESS_DENIED");
    return [openid];
  }

  return {
    async listFollowers({ openId: openid, start, limit }) {
      const { followers, total } = await wx.listFollowers(store.read, {
        openid,
        start,
        limit: pageSize(limit),
      });
      return {
        followers: followers.map((follower) => ({
          openId: follower.openid,
          nickName: follower.nickName,
          iconUrl: follower.iconUrl,
          attentionTime: BigInt(follower.attentionTime),
          sceneId: follower.sceneId ?? 0,
          subscribed: follower.subscribed,
        })),
        totalCount: total,
      };
    },

    async getScene({ openId: openid }, call) {
      const scene = await wx.lastScene(store.read, await openidsFor(openid, call));
      if (!scene) throw new AppError("SCENE_NOT_FOUND");
      return { sceneId: scene.sceneId, scanTime: BigInt(Math.floor(scene.scanTime / 1000)) };
    },

    async createSceneQr({ sceneId, expireSeconds }, call) {
      return wechat.createSceneQr({ sceneId, expireSeconds, signal: call.signal });
    },
  } satisfies Partial<Implementation<typeof Wx>>;
}
