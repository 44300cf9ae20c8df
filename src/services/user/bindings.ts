import type { Binding, User } from "../../../gen/liveuser/user_pb.ts";
import type { App } from "../../app.ts";
import { AppError, invalid } from "../../errors.ts";
import type { Call } from "../../rpc/call.ts";
import type { Implementation } from "../../rpc/service.ts";
import { addBinding, bindingsOf, findBinding, removeBinding, toBinding } from "../bindings.ts";
import { learnedPerson } from "../hall/store.ts";
import { partnerOf, personLearnedBy } from "../partner.ts";
import { identitiesOf, openidsOf } from "../wx/store.ts";

/** Phone lines and devices of a person's own openids, or of those that a partner learned. */
export function binding(app: Pick<App, "store" | "clock" | "ids" | "settings">) {
  const { store, settings } = app;

  /** The person behind an openid that a partner names. */
  async function ofPartner(call: Call, openid: string): Promise<number> {
    const appid = partnerOf(call);
    if (!openid) throw invalid({ field: "open_id", description: "a partner has to say whose" });
    return personLearnedBy(store.read, appid, openid);
  }

  /** The openid that a person means; partners know them by that of the official account. */
  async function own(userId: number, sessionAppid: string, openid: string): Promise<string> {
    const identities = await identitiesOf(store.read, { userId });
    const account = settings.WECHAT_OA_APPID ?? settings.WECHAT_APPID;
    const found = openid
      ? identities.find((one) => one.openid === openid)
      : [account, sessionAppid].flatMap((appid) => identities.find((one) => one.appid === appid) ?? [])[0];
    if (!found) throw new AppError("ACCESS_DENIED");
    return found.openid;
  }

  /** Whom and which openid a call binds to. */
  async function owner(call: Call, openid: string): Promise<{ userId: number; openid: string }> {
    if (call.identity?.kind !== "user") return { userId: await ofPartner(call, openid), openid };
    const { uid: userId, appid } = call.identity;
    return { userId, openid: await own(userId, appid, openid) };
  }

  return {
    async listBindings({ openId: openid }, call) {
      const all = call.identity?.kind === "user" && !openid;
      const openids = all ? await openidsOf(store.read, call.user.uid) : [(await owner(call, openid)).openid];
      return { bindings: (await bindingsOf(store.read, openids)).map(toBinding) };
    },

    async bind(request, call) {
      const wanted = request.binding as Binding; // required by its rule
      const { deviceNo, deviceName, operators, qcellcore } = wanted;
      const who = await owner(call, wanted.openId);
      const device = { deviceNo, deviceName, operators, qcellcore, channel: "", source: "" };
      const added = await store.tx((tx) => addBinding(app, tx, { ...who, ...device }));
      if (!added) throw new AppError("BINDING_EXISTS");
      return { binding: toBinding(added) };
    },

    async unbind({ id }, call) {
      const { identity } = call;
      const removed = await store.tx(async (tx) => {
        const row = await findBinding(tx, Number(id));
        if (!row) return false;
        const { openid, userId } = row;
        const may =
          identity?.kind === "user"
            ? userId === identity.uid
            : (await learnedPerson(tx, { appid: partnerOf(call), openid })).length > 0;
        return may && removeBinding(tx, row.id);
      });
      if (!removed) throw new AppError("BINDING_NOT_FOUND", { id: `${id}` });
      return {};
    },
  } satisfies Partial<Implementation<typeof User>>;
}
