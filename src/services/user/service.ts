import {
  User,
  type UserProfile,
  UserProfile_Status,
  type UserRecord,
} from "../../../gen/liveuser/user_pb.ts";
import type { App } from "../../app.ts";
import { AppError, invalid } from "../../errors.ts";
import { available, held } from "../../ledger/accounts.ts";
import { balance } from "../../ledger/ledger.ts";
import { service } from "../../rpc/service.ts";
import type { Reader } from "../../storage/store.ts";
import { identityNumber, isDate } from "../identity-number.ts";
import { binding } from "./bindings.ts";
import { contacting } from "./contacts.ts";
import { phoneCodes } from "./phone-codes.ts";
import * as users from "./store.ts";

/** What a person keeps here: record, profile, passengers, phone number, sessions. */
export function userService(app: App) {
  const { store, clock, auth, personal } = app;

  async function record(reader: Reader, uid: number): Promise<users.RecordRow> {
    const row = await users.findRecord(reader, uid);
    if (!row) throw new AppError("USER_NOT_FOUND");
    return row;
  }

  async function profile(reader: Reader, uid: number) {
    const { name, avatar } = await record(reader, uid);
    const row = await users.findProfile(reader, uid);
    const sealed = row?.identitySealed;
    return {
      phone: row?.phone ?? "",
      balance: BigInt(await balance(reader, available(uid))),
      frozenBalance: BigInt(await balance(reader, held(uid))),
      avatar,
      name,
      wechatNo: row?.wechatNo ?? "",
      status: UserProfile_Status[row?.status ?? "WAIT_AUTHEN"],
      birthday: row?.birthday ?? "",
      identityNumber: sealed ? personal.open(sealed, `identity ${uid}`).toString() : "",
      realName: row?.realName ?? "",
      benefitRate: row?.benefitRate ?? 0,
      railAccount: row?.railAccount ?? "",
    };
  }

  /** The columns to change: a field that the request does not have stays. */
  function changeOf(uid: number, wanted: UserProfile): users.ProfileChange {
    const { wechatNo, birthday, realName, railAccount } = wanted;
    const change: users.ProfileChange = {};
    if (wechatNo !== undefined) change.wechatNo = wechatNo;
    if (birthday !== undefined) change.birthday = birthday;
    if (realName !== undefined) change.realName = realName;
    if (railAccount !== undefined) change.railAccount = railAccount;
    if (wanted.identityNumber === "") {
      change.identitySealed = null;
      change.identityLast4 = "";
    } else if (wanted.identityNumber !== undefined) {
      const number = identityNumber(wanted.identityNumber);
      if (!number) throw new AppError("IDENTITY_INVALID");
      change.identitySealed = personal.seal(Buffer.from(number), `identity ${uid}`);
      change.identityLast4 = number.slice(-4);
    }
    return change;
  }

  return service(User, {
    ...contacting(app),
    ...phoneCodes(app),
    ...binding(app),

    async set({ user }, call) {
      const { name, agent, avatar } = user as UserRecord; // required by its rule
      const id = call.user.uid;
      await store.tx((tx) => users.setRecord(tx, { id, name, agent, avatar, updateAt: clock.now() }));
      return {};
    },

    async get(_, call) {
      const { id, name, agent, updateAt, avatar } = await record(store.read, call.user.uid);
      return { user: { uid: `${id}`, name, agent, updateAt: BigInt(updateAt), avatar } };
    },

    async getProfile(_, call) {
      return { profile: await profile(store.read, call.user.uid) };
    },

    async setProfile(request, call) {
      const wanted = request.profile as UserProfile; // required by its rule
      const uid = call.user.uid;
      if (wanted.birthday && !isDate(wanted.birthday)) {
        throw invalid({ field: "profile.birthday", description: "there is no such day" });
      }
      const change = changeOf(uid, wanted);
      return store.tx(async (tx) => {
        if (wanted.name !== undefined || wanted.avatar !== undefined) {
          const { id, name, agent, avatar } = await record(tx, uid);
          await users.setRecord(tx, {
            id,
            name: wanted.name ?? name,
            agent,
            avatar: wanted.avatar ?? avatar,
            updateAt: clock.now(),
          });
        }
        await users.changeProfile(tx, uid, change);
        return { profile: await profile(tx, uid) };
      });
    },

    async listSessions(_, call) {
      const { uid, sid: current } = call.user;
      const sessions = await auth.sessions.list(uid);
      return {
        sessions: sessions.map(({ sid, device, createdAt, usedAt }) => ({
          sid,
          device,
          createdAt: BigInt(createdAt),
          usedAt: BigInt(usedAt),
          current: sid === current,
        })),
      };
    },

    async revokeSession({ sid, allOthers }, call) {
      const { uid, sid: current } = call.user;
      if (allOthers) return { revoked: await auth.sessions.revokeOthers(uid, current) };
      return { revoked: (await auth.sessions.revoke(uid, sid, "revoked")) ? 1 : 0 };
    },
  });
}
