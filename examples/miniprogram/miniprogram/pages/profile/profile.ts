import type { UserProfile } from "liveuser-client";
import { reasonOf } from "liveuser-client";
import { act, say } from "../../lib/act";
import { textOf } from "../../lib/errors";
import { yuan } from "../../lib/money";
import { session, users, wechat } from "../../lib/session";
import { dateTime } from "../../lib/time";
import { sandbox } from "../../sandbox";

interface Me {
  uid: string;
  name: string;
  birthday: string;
  phone: string;
  balance: string;
  /** What of the balance is held; empty for nothing. */
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
      me: meView(user?.uid ?? "", profile),
      sessions: sessions.map(({ sid, device, usedAt, current }) => ({
        sid,
        device: device || "A device without a name",
        usedAt: dateTime(usedAt),
        current,
      })),
    });
  },

  showSignedOut() {
    this.setData({ me: undefined, sessions: [], signedOut: true, failure: "" });
  },

  async rename({ detail }: WechatMiniprogram.InputBlur) {
    const name = detail.value.trim();
    if (name === this.data.me?.name) return;
    await this.change({ name });
  },

  async setBirthday({ detail }: WechatMiniprogram.PickerChange) {
    await this.change({ birthday: String(detail.value) });
  },

  async change(profile: { name?: string; birthday?: string }) {
    await act(this, async () => {
      await users.setProfile({ profile });
      await this.showMe();
      say("Saved");
    });
  },

  async takePhone({ detail }: WechatMiniprogram.CustomEvent<{ code?: string }>) {
    const code = sandbox ? sandbox.phoneCode : detail.code;
    // The person said no.
    if (!code) return;
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

function meView(uid: string, profile?: UserProfile): Me {
  const { name = "", birthday = "", phone = "", balance = 0, frozenBalance = 0 } = profile ?? {};
  const frozen = String(frozenBalance) === "0" ? "" : yuan(frozenBalance);
  return { uid, name, birthday, phone, balance: yuan(balance), frozen };
}
