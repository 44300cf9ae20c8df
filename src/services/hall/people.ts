import type { Hall } from "../../../gen/liveuser/hall_pb.ts";
import type { App } from "../../app.ts";
import { AppError } from "../../errors.ts";
import type { Implementation } from "../../rpc/service.ts";
import { addBinding, bindingsOf, refreshBinding, toBinding } from "../bindings.ts";
import { partnerOf, personLearnedBy } from "../partner.ts";
import { isPartnersPage } from "./pages.ts";
import * as hall from "./store.ts";

/** In the sandbox any text of that form is a template. */
const sandboxTemplate = "sandbox-prize-notice";

/** What a partner does with the people whose openids it learned. */
export function knowing(app: Pick<App, "store" | "clock" | "ids" | "settings" | "wechat">) {
  const { store, settings, wechat } = app;

  return {
    async getUser({ openId: openid }, call) {
      const userId = await personLearnedBy(store.read, partnerOf(call), openid);
      const [face] = await hall.faceOf(store.read, { openid, userId });
      if (!face) throw new AppError("OPENID_UNKNOWN");
      const accounts = await bindingsOf(store.read, [openid]);
      const { name, avatar, createdAt, updateAt, nickName, iconUrl } = face;
      return {
        user: {
          id: `${userId}`,
          openId: openid,
          nickname: nickName || name,
          headImage: iconUrl || avatar,
          accounts: accounts.map(toBinding),
          createdAt: BigInt(createdAt),
          updatedAt: BigInt(Math.max(createdAt, updateAt, ...accounts.map(({ changedAt }) => changedAt))),
        },
      };
    },

    async sendPrizeNotice({ openId: openid, first, activity, prize, remark, url }, call) {
      const appid = partnerOf(call);
      await personLearnedBy(store.read, appid, openid);
      if (url && !(await isPartnersPage(app, appid, url))) throw new AppError("WX_PAGE_NOT_ALLOWED");
      const templateId = settings.HALL_PRIZE_TEMPLATE ?? (settings.sandbox ? sandboxTemplate : undefined);
      if (!templateId) {
        throw new AppError("WX_MISCONFIGURED", {}, { cause: new Error("HALL_PRIZE_TEMPLATE is not set") });
      }
      const fields = Object.entries({ first, keyword1: activity, keyword2: prize, remark });
      // WeChat refuses empty values, and shows nothing for a field that is not there.
      const data = Object.fromEntries(fields.filter(([, value]) => value !== ""));
      return { messageId: await wechat.sendTemplate({ openid, templateId, url, data, signal: call.signal }) };
    },

    async bind({ openId: openid, deviceNo, operators, qcellcore, channel, from: source }, call) {
      const userId = await personLearnedBy(store.read, partnerOf(call), openid);
      const binding = { openid, deviceNo, deviceName: "", operators, qcellcore, channel, source };
      await store.tx(async (tx) => {
        if (!(await addBinding(app, tx, { ...binding, userId }))) await refreshBinding(app, tx, binding);
      });
      return {};
    },
  } satisfies Partial<Implementation<typeof Hall>>;
}
