import { expect, test } from "vitest";
import { startSimulator } from "../../src/wechat/simulator/server.ts";
import { wechatAt } from "./client.ts";
import { failure, printed } from "./failure.ts";
import { answering } from "./host.ts";

const app = { appid: "wx00000000000000aa", secret: "s3cr3t-0f-the-account" };
const page = {
  redirectUri: "https://shop.test/back?a=1&b=王#x",
  scope: "snsapi_base",
  state: "st 1",
} as const;
const sessionPath = "/sns/oauth2/access_token";

test("the URL has WeChat's parameters in WeChat's order, encoded, and its fragment", () => {
  const url = wechatAt("https://open.test/", { app }).authorizeUrl(page);
  expect(url).toBe(
    "https://open.test/connect/oauth2/authorize?appid=wx00000000000000aa" +
      "&redirect_uri=https%3A%2F%2Fshop.test%2Fback%3Fa%3D1%26b%3D%E7%8E%8B%23x" +
      "&response_type=code&scope=snsapi_base&state=st%201#wechat_redirect",
  );
});

test("the account's appid and secret are used, not the mini-program's", async () => {
  await using wx = await answering(() => ({
    openid: "o1",
    access_token: "t",
    scope: "snsapi_base",
    unionid: "",
  }));
  const wechat = wechatAt(wx.url, { miniProgram: { appid: "wxmini", secret: "x" }, officialAccount: app });
  expect(wechat.authorizeUrl(page)).toContain(`?appid=${app.appid}&`);
  expect(await wechat.pageSession({ code: "c1" })).toEqual({
    openid: "o1",
    accessToken: "t",
    scope: "snsapi_base",
  });
  expect(wx.asked.map(({ method, path, query }) => [method, path, Object.fromEntries(query)])).toEqual([
    ["GET", sessionPath, { ...app, code: "c1", grant_type: "authorization_code" }],
  ]);
});

/** Goes to the page of authorisation as somebody, and comes back with the code. */
async function authorize(url: string, name: string): Promise<string> {
  const target = new URL(url);
  target.searchParams.append("sim_openid", name);
  const response = await fetch(target, { redirect: "manual" });
  const back = new URL(response.headers.get("location") ?? "");
  expect([response.status, back.searchParams.get("state")]).toEqual([302, page.state]);
  return back.searchParams.get("code") ?? "";
}

test("with the simulator: there and back, with name and picture", async () => {
  await using sim = await startSimulator({ port: 0, ...app });
  const wechat = wechatAt(sim.url, { app });
  const code = await authorize(wechat.authorizeUrl({ ...page, scope: "snsapi_userinfo" }), "alice");
  const session = await wechat.pageSession({ code });
  expect(session).toEqual({
    openid: "sandbox_alice",
    unionid: "union_alice",
    accessToken: expect.any(String),
    scope: "snsapi_userinfo",
  });
  expect(await wechat.userInfo(session)).toEqual({
    nickname: "alice",
    headImgUrl: expect.stringContaining("sandbox_alice"),
    unionid: "union_alice",
  });
  const again = await failure(wechat.pageSession({ code }));
  expect(again).toMatchObject({ reason: "WX_CODE_USED", metadata: { errcode: "40163" } });
});

test("with the simulator: snsapi_base tells the openid alone", async () => {
  await using sim = await startSimulator({ port: 0, ...app });
  const wechat = wechatAt(sim.url, { app });
  const session = await wechat.pageSession({ code: await authorize(wechat.authorizeUrl(page), "bob") });
  expect(session).toMatchObject({ openid: "sandbox_bob", scope: "snsapi_base" });
  expect(session).not.toHaveProperty("unionid");
  const error = await failure(wechat.userInfo(session));
  expect(error).toMatchObject({ reason: "WX_MISCONFIGURED", metadata: { errcode: "48001" } });
  expect(printed(error)).not.toContain(session.accessToken);
});

test("an answer that is lost after the work is not asked for again", async () => {
  await using wx = await answering(() => undefined);
  const wechat = wechatAt(wx.url, { app });
  const error = await failure(wechat.pageSession({ code: "c0de-1" }));
  expect(error.reason).toBe("WX_UNAVAILABLE");
  for (const value of ["c0de-1", app.secret]) expect(printed(error)).not.toContain(value);
  expect((await failure(wechat.userInfo({ openid: "o1", accessToken: "t" }))).reason).toBe("WX_UNAVAILABLE");
  expect(wx.counted.requests).toBe(2);
});

test.for([
  [40029, "WX_CODE_INVALID"],
  [41008, "WX_CODE_INVALID"],
  [42003, "WX_CODE_INVALID"],
  [40163, "WX_CODE_USED"],
  [40001, "WX_MISCONFIGURED"],
  [40125, "WX_MISCONFIGURED"],
  [40013, "WX_MISCONFIGURED"],
  [45011, "RATE_LIMITED"],
  [-1, "WX_UNAVAILABLE"],
  [99999, "WX_UNAVAILABLE"],
] as const)("errcode %i for a code is %s, asked once", async ([errcode, reason]) => {
  await using wx = await answering(() => ({ errcode, errmsg: "no, rid: 65a-b-c" }));
  const error = await failure(wechatAt(wx.url, { app }).pageSession({ code: "c1" }));
  expect(error).toMatchObject({ reason, metadata: { errcode: `${errcode}` } });
  expect(wx.counted.requests).toBe(1);
});

test.for([
  [40001, "WX_CODE_INVALID"],
  [40014, "WX_CODE_INVALID"],
  [42001, "WX_CODE_INVALID"],
  [40003, "WX_UNAVAILABLE"],
  [48001, "WX_MISCONFIGURED"],
] as const)("errcode %i for a person is %s, and renews no token", async ([errcode, reason]) => {
  await using wx = await answering(() => ({ errcode }));
  const error = await failure(wechatAt(wx.url, { app }).userInfo({ openid: "o1", accessToken: "t" }));
  expect(error.reason).toBe(reason);
  expect(wx.paths()).toEqual(["/sns/userinfo"]);
});

test.for([
  [{ access_token: "t", scope: "s" }, "openid"],
  [{ openid: "o".repeat(129), access_token: "t", scope: "s" }, "openid"],
  [{ openid: "o", scope: "s" }, "access_token"],
  [{ openid: "o", access_token: "t" }, "scope"],
  [{ openid: "o", access_token: "t", scope: "s", unionid: 7 }, "unionid"],
] as const)("the answer %j is WX_UNAVAILABLE", async ([answer, field]) => {
  await using wx = await answering(() => answer);
  const error = await failure(wechatAt(wx.url, { app }).pageSession({ code: "c1" }));
  expect(error.reason).toBe("WX_UNAVAILABLE");
  expect((error.cause as Error).message).toContain(field);
});

test("somebody without a name and a picture has empty ones", async () => {
  await using wx = await answering(() => ({ openid: "o1", nickname: "", headimgurl: "" }));
  expect(await wechatAt(wx.url, { app }).userInfo({ openid: "o1", accessToken: "t" })).toEqual({
    nickname: "",
    headImgUrl: "",
  });
  expect(Object.fromEntries(wx.asked[0]?.query ?? [])).toEqual({
    access_token: "t",
    openid: "o1",
    lang: "zh_CN",
  });
});
