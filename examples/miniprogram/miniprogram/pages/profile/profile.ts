import type { UserProfile, UserRecord } from "liveuser-client";
import { reasonOf } from "liveuser-client";
import { act, say } from "../../lib/act";
import { textOf } from "../../lib/errors";
import { yuan } from "../../lib/money";
import { session, users, wechat } from "../../lib/session";
import { dateTime } from "../../lib/time";
import { deviceName, initialOf } from "../../lib/views";
import { sandbox } from "../../sandbox";

interface Me {
  uid: string;
  name: string;
  /** The address of a picture; empty for none. */
  avatar: string;
  /** What is shown without a picture. */
  initial: string;
  birthday: string;
  phone: string;
  balance: string;
  /** What is held besides the balance; empty for nothing. */
  frozen: string;
}

interface Device {
  sid: string;
  device: string;
  usedAt: string;
  current: boolean;
}

Page({
  data: {
    me: undefined as Me | undefined,
    sessions: [] as Device[],
    signedOut: false,
    loading: true,
    failure: "",
    busy: false,
    today: dateTime(Date.now()).slice(0, 10),
    /** The sandbox's phone numbers come without WeChat's button. */
    sandbox: Boolean(sandbox),
  },

  async onShow() {
    await this.reload();
  },

  async onPullDownRefresh() {
    await this.reload();
    wx.stopPullDownRefresh();
  },

  async reload() {
    this.setData({ loading: true });
    try {
      await this.showMe();
      this.setData({ failure: "", signedOut: false });
    } catch (error) {
      if (reasonOf(error) === "TOKEN_MISSING") this.showSignedOut();
      else this.setData({ failure: textOf(error) });
    } finally {
      this.setData({ loading: false });
    }
  },

  async showMe() {
    const [{ user }, { profile }, { sessions }] = await Promise.all([
      users.get({}),
      users.getProfile({}),
      users.listSessions({}),
    ]);
    this.setData({
      me: meView(user, profile),
      sessions: sessions.map(({ sid, device, usedAt, current }) => ({
        sid,
        device: deviceName(device),
        usedAt: dateTime(usedAt),
        current,
      })),
    });
  },

  showSignedOut() {
    this.setData({ me: undefined, sessions: [], signedOut: true, failure: "" });
  },

  /** Of the form, not of the field: WeChat checks a nickname and empties one that it does not allow. */
  async rename({ detail }: WechatMiniprogram.FormSubmit) {
    const name = String(detail.value.name ?? "").trim();
    if (!name) return say("请填写昵称");
    await this.change(async () => {
      // A record is set as a whole.
      const { user } = await users.get({});
      await users.set({ user: { name, agent: user?.agent, avatar: user?.avatar } });
    });
  },

  async setBirthday({ detail }: WechatMiniprogram.PickerChange) {
    const birthday = String(detail.value);
    await this.change(() => users.setProfile({ profile: { birthday } }));
  },

  async change(write: () => Promise<unknown>) {
    await act(this, async () => {
      await write();
      await this.showMe();
      say("已保存");
    });
  },

  async takePhone({ detail }: WechatMiniprogram.CustomEvent<{ code?: string; errMsg?: string }>) {
    const code = sandbox ? sandbox.phoneCode : detail.code;
    if (!code) {
      if (!/deny|cancel/.test(detail.errMsg ?? "")) say("微信未能提供手机号");
      return;
    }
    await act(this, async () => {
      await wechat.getPhoneNumber({ code });
      await this.showMe();
    });
  },

  async revoke({ currentTarget }: WechatMiniprogram.CustomEvent) {
    await act(this, async () => {
      await users.revokeSession({ sid: currentTarget.dataset.sid });
      await this.showMe();
    });
  },

  async signOut() {
    await act(this, async () => {
      await session.signOut();
      this.showSignedOut();
    });
  },

  async signIn() {
    await act(this, async () => {
      await session.signIn();
      await this.reload();
    });
  },
});

function meView(user?: UserRecord, profile?: UserProfile): Me {
  const { uid = "", name = "", avatar = "" } = user ?? {};
  const { birthday = "", phone = "", balance = 0, frozenBalance = 0 } = profile ?? {};
  const frozen = String(frozenBalance) === "0" ? "" : yuan(frozenBalance);
  return { uid, name, avatar, initial: initialOf(name), birthday, phone, balance: yuan(balance), frozen };
}
