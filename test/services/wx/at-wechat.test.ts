import { createHash } from "node:crypto";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { movableClock, rejects, startApp, type TestApp } from "../../app.ts";
import { databases } from "../../databases.ts";

let app: TestApp;
beforeAll(async () => {
  app = await startApp({
    environment: { WECHAT_PAGES: "https://shop.example/app, https://open.example" },
  });
});
afterAll(() => app[Symbol.asyncDispose]());

test("pages are sent to WeChat if they are on the list, or on the sandbox's loopback host", async () => {
  const { wx } = app.as();
  const { url } = await wx.authorizeUrl({ url: "https://shop.example/app/7?a=b&c=d#/e" });
  const { WECHAT_APPID } = app.app.settings;
  expect(url).toBe(
    `${app.simulator}/connect/oauth2/authorize?appid=${WECHAT_APPID}` +
      "&redirect_uri=https%3A%2F%2Fshop.example%2Fapp%2F7%3Fa%3Db%26c%3Dd%23%2Fe" +
      "&response_type=code&scope=snsapi_base&state=#wechat_redirect",
  );
  const asking = await wx.authorizeUrl({
    url: "http://localhost:3000/",
    scope: "snsapi_userinfo",
    state: "x-1",
  });
  expect(asking.url).toContain("&scope=snsapi_userinfo&state=x-1#");
  for (const page of [
    "https://shop.example/",
    "https://shop.example/application",
    "https://shop.example/app/../admin",
    "https://shop.example@evil.example/app",
    "https://evil.example/https://shop.example/app",
    "javascript:alert(1)",
  ]) {
    await rejects(wx.authorizeUrl({ url: page }), "WX_PAGE_NOT_ALLOWED");
  }
  await rejects(wx.authorizeUrl({ url: "/app" }), "INVALID_REQUEST");
  await rejects(wx.authorizeUrl({ url: "https://open.example/", state: "a&b" }), "INVALID_REQUEST");
  await rejects(wx.authorizeUrl({ url: "https://open.example/", scope: "snsapi_login" }), "INVALID_REQUEST");
});

test("the loopback host is for the sandbox alone", async () => {
  const settings = vi.spyOn(app.app.settings, "sandbox", "get").mockReturnValue(false);
  try {
    await rejects(app.as().wx.authorizeUrl({ url: "http://localhost:3000/" }), "WX_PAGE_NOT_ALLOWED");
    await rejects(app.as().wx.getJsSdkConfig({ url: "http://127.0.0.1/" }), "WX_PAGE_NOT_ALLOWED");
  } finally {
    settings.mockRestore();
  }
});

test("a page of an allowed host gets what wx.config() needs", async () => {
  const { wx } = app.as();
  const config = await wx.getJsSdkConfig({ url: "https://shop.example/any?b=2&a=1#here" });
  expect(config.appId).toBe(app.app.settings.WECHAT_APPID);
  expect(Math.abs(Number(config.timestamp) - Date.now() / 1000)).toBeLessThan(60);
  const { accessToken } = await (await app.appWith("service")).wx.getAccessToken({});
  const { ticket } = await app.sim(`/cgi-bin/ticket/getticket?access_token=${accessToken}&type=jsapi`);
  const text = `jsapi_ticket=${ticket}&noncestr=${config.nonceStr}&timestamp=${config.timestamp}&url=https://shop.example/any?b=2&a=1`;
  expect(config.signature).toBe(createHash("sha1").update(text).digest("hex"));
  const again = await wx.getJsSdkConfig({ url: "https://shop.example/any?b=2&a=1" });
  expect(again.nonceStr).not.toBe(config.nonceStr);
  for (const url of ["https://evil.example/app", "http://shop.example/app", "https://shop.example:444/app"]) {
    await rejects(wx.getJsSdkConfig({ url }), "WX_PAGE_NOT_ALLOWED");
  }
});

test("a service gets the app's access token, the same one each time", async () => {
  const service = await app.appWith("service");
  const answers = await Promise.all(Array.from({ length: 10 }, () => service.wx.getAccessToken({})));
  expect(new Set(answers.map(({ accessToken }) => accessToken)).size).toBe(1);
  const expiresIn = answers[0]?.expiresIn ?? 0;
  expect(expiresIn).toBeGreaterThan(0);
  expect(expiresIn).toBeLessThanOrEqual(7200);
});

for (const database of databases) {
  test(`a phone number that WeChat knows is kept as verified (${database})`, async () => {
    const clock = movableClock();
    await using own = await startApp({ database, clock });
    const [alice, bob] = [await own.signIn("alice"), await own.signIn("bob")];
    const number = await alice.wx.getPhoneNumber({ code: "dev:13800138000" });
    expect(number).toMatchObject({
      phoneNumber: "13800138000",
      purePhoneNumber: "13800138000",
      countryCode: "86",
    });
    expect((await alice.user.getProfile({})).profile?.phone).toBe("13800138000");
    expect((await bob.user.getProfile({})).profile?.phone).toBe("");
    const { db, t } = own.app.store.read;
    const { userId, phoneVerifiedAt } = t.profiles;
    const rows = await db.select({ userId, phoneVerifiedAt }).from(t.profiles);
    expect(rows).toEqual([{ userId: Number(alice.uid), phoneVerifiedAt: expect.any(Number) }]);

    // Another one takes its place, and nothing else of the profile changes.
    await alice.user.setProfile({ profile: { realName: "Li" } });
    const { code } = await own.sim("/sim/phone-code", { openid: "sandbox_alice", phone: "13900139000" });
    clock.pass(60_000);
    await alice.wx.getPhoneNumber({ code });
    expect((await alice.user.getProfile({})).profile).toMatchObject({ phone: "13900139000", realName: "Li" });
    const [later] = await db.select({ phoneVerifiedAt }).from(t.profiles);
    expect(later?.phoneVerifiedAt).toBeGreaterThanOrEqual((rows[0]?.phoneVerifiedAt ?? 0) + 60_000);
    await rejects(alice.wx.getPhoneNumber({ code }), "WX_CODE_USED");
    await rejects(alice.wx.getPhoneNumber({ code: "made-up" }), "WX_CODE_INVALID");
    expect((await alice.user.getProfile({})).profile?.phone).toBe("13900139000");
  });
}

test("a foreign number has its country's prefix", async () => {
  const alice = await app.signIn("traveller");
  const number = { phoneNumber: "+85291234567", purePhoneNumber: "91234567", countryCode: "852" };
  vi.spyOn(app.app.wechat, "phoneNumber").mockResolvedValueOnce(number);
  expect(await alice.wx.getPhoneNumber({ code: "c" })).toMatchObject(number);
  expect((await alice.user.getProfile({})).profile?.phone).toBe("+85291234567");
});

test("messages are sent, of both kinds", async () => {
  const service = await app.appWith("service");
  await app.signIn("reader");
  await app.sim("/sim/event", { openid: "sandbox_reader", event: "subscribe" });
  const message = { openId: "sandbox_reader", templateId: "template-1", data: { thing1: "tea" } };
  const url = "https://shop.example/app";
  const { messageId } = await service.wx.sendMessage({ ...message, url });
  expect(messageId).toMatch(/^\d+$/);
  expect(
    await service.wx.sendMessage({ ...message, url: "pages/order?id=7", subscription: true }),
  ).toMatchObject({
    messageId: "",
  });
  const { messages } = await app.sim("/sim/messages?openid=sandbox_reader");
  expect(messages).toMatchObject([
    { kind: "template", msgid: Number(messageId), url, data: { thing1: { value: "tea" } } },
    { kind: "subscribe", url: "pages/order?id=7" },
  ]);
  await app.sim("/sim/subscription", { openid: "sandbox_reader", template_id: "template-1", accept: false });
  await rejects(service.wx.sendMessage({ ...message, subscription: true }), "WX_MESSAGE_REFUSED");
  await rejects(service.wx.sendMessage({ ...message, openId: "o-nobody" }), "WX_MESSAGE_REFUSED");
  await rejects(service.wx.sendMessage({ ...message, openId: "" }), "INVALID_REQUEST");
});

test("a message whose answer was lost is not sent again", async () => {
  const service = await app.appWith("service");
  await app.signIn("hasty");
  const message = { openId: "sandbox_hasty", templateId: "template-1", data: { thing1: "tea" } };
  const path = { true: "/cgi-bin/message/subscribe/send", false: "/cgi-bin/message/template/send" };
  for (const subscription of [true, false]) {
    await app.sim("/sim/fault", { path: path[`${subscription}`], times: 1, drop: true, after: true });
    await rejects(service.wx.sendMessage({ ...message, subscription }), "WX_UNAVAILABLE");
  }
  const { messages } = await app.sim("/sim/messages?openid=sandbox_hasty");
  expect(messages).toHaveLength(2);
});
