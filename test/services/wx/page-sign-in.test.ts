import { expect, test, vi } from "vitest";
import { rejects, startApp, type TestApp } from "../../app.ts";
import { databases } from "../../databases.ts";

const page = "http://127.0.0.1:9999/shop?a=1#/cart";

/** Where WeChat sends somebody after they let the page know who they are. */
async function comeBack(app: TestApp, name: string, scope = ""): Promise<URL> {
  const { url } = await app.as().wx.authorizeUrl({ url: page, scope, state: "s-1" });
  const asking = new URL(url);
  asking.hash = "";
  asking.searchParams.append("sim_openid", name);
  const response = await fetch(asking, { redirect: "manual" });
  expect(response.status, await response.text()).toBe(302);
  return new URL(response.headers.get("location") ?? "");
}

async function follower(app: TestApp, openid: string) {
  const { db, t } = app.app.store.read;
  const { nickName, iconUrl, subscribed } = t.followers;
  const rows = await db
    .select({ openid: t.followers.openid, nickName, iconUrl, subscribed })
    .from(t.followers);
  return rows.find((row) => row.openid === openid);
}

for (const database of databases) {
  test(`a person signs in on a page and shows their name and picture (${database})`, async () => {
    await using app = await startApp({ database });
    const back = await comeBack(app, "alice", "snsapi_userinfo");
    expect(back.href).toMatch(/^http:\/\/127\.0\.0\.1:9999\/shop\?a=1&code=[^&]+&state=s-1#\/cart$/);
    const code = back.searchParams.get("code") ?? "";
    const signedIn = await app.as().wx.oauthLogin({ code });
    expect(Number(signedIn.expiry)).toBeGreaterThan(Date.now() / 1000 + 3500);
    const onPage = app.as(signedIn.accessToken);
    const { user } = await onPage.user.get({});
    const picture = `${app.simulator}/sim/avatar/sandbox_alice`;
    expect(user).toMatchObject({ uid: signedIn.uid, name: "alice", avatar: picture });
    expect(Number(user?.updateAt)).toBeGreaterThan(0);
    // The same person as in the mini-program, as it is the same app.
    expect((await app.signIn("alice")).uid).toBe(signedIn.uid);
    const renewed = await app.as().wx.renewToken({ refreshToken: signedIn.refreshToken });
    expect((await app.as(renewed.accessToken).user.get({})).user?.uid).toBe(signedIn.uid);

    const shown = { openid: "sandbox_alice", nickName: "alice", iconUrl: picture };
    expect(await follower(app, "sandbox_alice")).toEqual({ ...shown, subscribed: false });
    const service = await app.appWith("service");
    expect((await service.wx.listFollowers({})).totalCount).toBe(0);
    await app.sim("/sim/event", { openid: "sandbox_alice", event: "subscribe" });
    expect(await follower(app, "sandbox_alice")).toEqual({ ...shown, subscribed: true });
    expect((await service.wx.listFollowers({})).followers).toMatchObject([
      { openId: "sandbox_alice", nickName: "alice", iconUrl: picture },
    ]);
    await rejects(app.as().wx.oauthLogin({ code }), "WX_CODE_USED");
  });

  test(`what a person wrote about themself stays (${database})`, async () => {
    await using app = await startApp({ database });
    const alice = await app.signIn("alice");
    await alice.user.set({ user: { name: "Alice L.", agent: "phone" } });
    const wechat = vi.spyOn(app.app.wechat, "userInfo");
    const show = async (nickname: string, headImgUrl: string) => {
      wechat.mockResolvedValueOnce({ nickname, headImgUrl });
      await app.as().wx.oauthLogin({ code: "dev:alice" });
    };
    await show("小明🀄", "https://thirdwx.qlogo.cn/1");
    expect((await alice.user.get({})).user).toMatchObject({
      name: "Alice L.",
      agent: "phone",
      avatar: "https://thirdwx.qlogo.cn/1",
    });
    await show("", "");
    await show("x", "");
    expect(await follower(app, "sandbox_alice")).toMatchObject({
      nickName: "x",
      iconUrl: "https://thirdwx.qlogo.cn/1",
    });
    expect((await alice.user.get({})).user?.avatar).toBe("https://thirdwx.qlogo.cn/1");
  });

  test(`one person is one uid, on pages at once too (${database})`, async () => {
    await using app = await startApp({ database });
    const sign = () => app.as().wx.oauthLogin({ code: "dev:alice" });
    const answers = await Promise.all(Array.from({ length: 10 }, sign));
    expect(new Set(answers.map(({ uid }) => uid)).size).toBe(1);
  });
}

test("a base authorisation asks for nothing, and keeps nothing", async () => {
  await using app = await startApp();
  const asked = vi.spyOn(app.app.wechat, "userInfo");
  for (const scope of ["", "snsapi_base"]) {
    const code = (await comeBack(app, "alice", scope)).searchParams.get("code") ?? "";
    const { accessToken } = await app.as().wx.oauthLogin({ code });
    expect((await app.as(accessToken).user.get({})).user?.name).toBe("");
  }
  expect(asked).not.toHaveBeenCalled();
  expect(await follower(app, "sandbox_alice")).toBeUndefined();
});

test("a name that cannot be fetched does not stand in the way", async () => {
  await using app = await startApp();
  for (const fault of [{ errcode: -1 }, { errcode: 48001 }, { status: 502 }, { drop: true }]) {
    await app.sim("/sim/fault", { path: "/sns/userinfo", times: 1, ...fault });
    const { accessToken } = await app.as().wx.oauthLogin({ code: "dev:alice" });
    expect((await app.as(accessToken).user.get({})).user?.name).toBe("");
  }
});

test("the official account's sessions are its own, the person is the mini-program's", async () => {
  const environment = { WECHAT_OA_APPID: "wx-account", WECHAT_OA_SECRET: "x" };
  await using app = await startApp({ environment });
  const session = { openid: "o-alice", accessToken: "t", scope: "snsapi_base", unionid: "union_alice" };
  vi.spyOn(app.app.wechat, "pageSession").mockResolvedValue(session);
  const alice = await app.signIn("alice");
  const { uid } = await app.as().wx.oauthLogin({ code: "c" });
  expect(uid).toBe(alice.uid);
  const { db, t } = app.app.store.read;
  const { appid } = t.sessions;
  const appids = (await db.select({ appid }).from(t.sessions)).map((row) => row.appid);
  expect(appids.sort()).toEqual([app.app.settings.WECHAT_APPID, "wx-account"].sort());
  const identities = await db
    .select({ appid: t.identities.appid, openid: t.identities.openid })
    .from(t.identities);
  expect(identities).toContainEqual({ appid: "wx-account", openid: "o-alice" });
});

test("codes of pages that WeChat does not take, and banned people", async () => {
  await using app = await startApp();
  await rejects(app.as().wx.oauthLogin({ code: "made-up" }), "WX_CODE_INVALID");
  await rejects(app.as().wx.oauthLogin({}), "INVALID_REQUEST");
  await app.sim("/sim/fault", { path: "/sns/oauth2/access_token", times: 1, drop: true });
  await rejects(app.as().wx.oauthLogin({ code: "dev:alice" }), "WX_UNAVAILABLE");
  const alice = await app.signIn("alice");
  await app.app.auth.sessions.ban(Number(alice.uid));
  await rejects(app.as().wx.oauthLogin({ code: "dev:alice" }), "USER_BANNED");
});
