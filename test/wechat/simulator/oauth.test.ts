import { expect, test } from "vitest";
import { type Answer, appid, secret, standingClock, start } from "./start.ts";

const minute = 60_000;
const day = 24 * 60 * minute;
const page = {
  appid,
  redirect_uri: "https://shop.example/back?from=menu&q=%E4%B8%AD#top",
  response_type: "code",
  scope: "snsapi_userinfo",
  state: "a b&c=中",
};
const right = { appid, secret, grant_type: "authorization_code" };

async function started() {
  const clock = standingClock();
  const sim = await start({ clock });
  const authorize = (query: Record<string, string> = {}) =>
    fetch(`${sim.url}/connect/oauth2/authorize?${new URLSearchParams({ ...page, ...query })}`, {
      redirect: "manual",
    });
  /** A code that a person was sent back with. */
  async function newCode(query: Record<string, string> = {}): Promise<string> {
    const location = (await authorize({ sim_openid: "alice", ...query })).headers.get("location") ?? "";
    return new URL(location).searchParams.get("code") ?? "";
  }
  const change = (code: string) => sim.get("/sns/oauth2/access_token", { ...right, code });
  return { ...sim, clock, authorize, newCode, change };
}

const named = ({ access_token, openid }: Answer) => ({
  access_token: access_token as string,
  openid: openid as string,
});

test("sim_openid sends the person back at once, with code and state; the address stays as it was", async () => {
  await using sim = await started();
  const response = await sim.authorize({ sim_openid: "alice" });
  expect(response.status).toBe(302);
  const target = new URL(response.headers.get("location") ?? "");
  const code = target.searchParams.get("code");
  expect(target.href).toBe(
    `https://shop.example/back?from=menu&q=%E4%B8%AD&code=${code}&state=a%20b%26c%3D%E4%B8%AD#top`,
  );
  expect(await sim.change(code ?? "")).toEqual({
    http: 200,
    access_token: expect.stringMatching(/^sim_[\w-]{132}$/),
    expires_in: 7200,
    refresh_token: expect.stringMatching(/^sim_[\w-]{132}$/),
    openid: "sandbox_alice",
    scope: "snsapi_userinfo",
    unionid: "union_alice",
  });
});

test("without sim_openid a page asks, escaped, and offers who is known", async () => {
  await using sim = await started();
  await sim.newCode();
  const response = await sim.authorize({ state: '"><script>' });
  expect([response.status, response.headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"]);
  const text = await response.text();
  expect(text).toContain("<b>shop.example</b>");
  expect(text).toContain('<button name="sim_openid" value="alice">alice</button>');
  expect(text).toContain('name="state" value="&#34;&#62;&#60;script&#62;"');
  expect(text).not.toContain("<script>");
});

test("sim_openid may be the openid as well as the name", async () => {
  await using sim = await started();
  expect((await sim.change(await sim.newCode({ sim_openid: "sandbox_bob" }))).openid).toBe("sandbox_bob");
});

test("who refuses comes back with the state alone", async () => {
  await using sim = await started();
  const response = await sim.authorize({ sim_refuse: "1", state: "s" });
  expect(response.headers.get("location")).toBe(
    "https://shop.example/back?from=menu&q=%E4%B8%AD&state=s#top",
  );
});

test.for([
  [{ appid: "wx1" }, "appid is not the app"],
  [{ appid: "" }, "appid is missing"],
  [{ redirect_uri: "" }, "redirect_uri is missing"],
  [{ redirect_uri: "javascript:alert(1)" }, "http or https"],
  [{ redirect_uri: "/back" }, "http or https"],
  [{ response_type: "token" }, "response_type must be code"],
  [{ scope: "snsapi_login" }, "scope must be"],
  [{ state: "中".repeat(43) }, "state must not be longer"],
  [{ lang: "zh" }, "in this order"],
  [{ sim_openid: "a b" }, "sim_openid must be"],
] as const)("%j is answered with an error page", async ([query, words]) => {
  await using sim = await started();
  const response = await sim.authorize(query);
  expect([response.status, response.headers.get("location")]).toEqual([400, null]);
  expect(await response.text()).toContain(words);
});

test("WeChat wants the parameters in order, and once", async () => {
  await using sim = await started();
  const { appid, ...rest } = page;
  for (const query of [{ ...rest, appid }, `${new URLSearchParams(page)}&appid=${appid}`]) {
    const url = `${sim.url}/connect/oauth2/authorize?${new URLSearchParams(query)}&sim_openid=a`;
    expect((await fetch(url, { redirect: "manual" })).status).toBe(400);
  }
});

test("line breaks in the address do not get into the headers", async () => {
  await using sim = await started();
  const response = await sim.authorize({ redirect_uri: "http://a/\r\nset-cookie: x=1", sim_openid: "alice" });
  expect(response.status).toBe(302);
  expect(response.headers.get("set-cookie")).toBeNull();
});

test("a code works once, for five minutes", async () => {
  await using sim = await started();
  const code = await sim.newCode();
  expect((await sim.change(code)).openid).toBe("sandbox_alice");
  const again = await sim.change(code);
  expect(again).toMatchObject({ http: 200, errcode: 40163 });
  expect(again.errmsg).toMatch(/^code been used, hints: \[ req_id: \S+ \], rid: /);
  const late = await sim.newCode();
  sim.clock.pass(5 * minute);
  expect((await sim.change(late)).errcode).toBe(40029);
  expect((await sim.change("x")).errcode).toBe(40029);
  expect((await sim.change("")).errcode).toBe(41008);
});

test("codes serve wx.login and pages alike, and are used up by either", async () => {
  await using sim = await started();
  const { code } = await sim.post("/sim/code", { openid: "o6zAJs_alice" });
  expect(await sim.change(code as string)).toMatchObject({
    openid: "o6zAJs_alice",
    unionid: "unionid_o6zAJs_alice",
  });
  const login = (js_code: string) => sim.get("/sns/jscode2session", { ...right, js_code });
  expect((await login(code as string)).errcode).toBe(40163);
  expect(await login(await sim.newCode())).toMatchObject({ openid: "sandbox_alice", unionid: "union_alice" });
  for (let i = 0; i < 3; i += 1) expect((await sim.change("dev:bob")).openid).toBe("sandbox_bob");
});

test("userinfo tells the name and a picture that can be fetched", async () => {
  await using sim = await started();
  const session = await sim.change("dev:alice");
  const info = await sim.get("/sns/userinfo", { ...named(session), lang: "zh_CN" });
  expect(info).toMatchObject({ openid: "sandbox_alice", nickname: "alice", unionid: "union_alice" });
  const picture = await fetch(info.headimgurl as string);
  expect([picture.status, picture.headers.get("content-type")]).toEqual([200, "image/svg+xml"]);
  expect(await (await fetch(`${sim.url}/sim/avatar/%3Cb%3E`)).text()).toContain("&#60;</text>");
});

test("snsapi_base gives the openid alone", async () => {
  await using sim = await started();
  const session = await sim.change(await sim.newCode({ scope: "snsapi_base" }));
  expect(session).toMatchObject({ openid: "sandbox_alice", scope: "snsapi_base" });
  expect(session).not.toHaveProperty("unionid");
  expect((await sim.get("/sns/userinfo", named(session))).errcode).toBe(48001);
  expect((await sim.get("/sns/auth", named(session))).errcode).toBe(0);
});

test("a page's token is its person's alone, and none of the app's", async () => {
  await using sim = await started();
  const { access_token } = named(await sim.change("dev:alice"));
  const ask = (query: Record<string, string>) => sim.get("/sns/auth", query);
  expect((await ask({ openid: "sandbox_alice" })).errcode).toBe(41001);
  expect((await ask({ access_token })).errcode).toBe(41009);
  expect((await ask({ access_token: "x", openid: "sandbox_alice" })).errcode).toBe(40014);
  expect((await ask({ access_token, openid: "sandbox_bob" })).errcode).toBe(40003);
  const app = await sim.token();
  expect((await ask({ access_token: app, openid: "sandbox_alice" })).errcode).toBe(40001);
  sim.clock.pass(7200_000);
  expect((await ask({ access_token, openid: "sandbox_alice" })).errcode).toBe(42001);
});

test("refreshing prolongs a living access token and replaces a dead one, for 30 days", async () => {
  await using sim = await started();
  const session = await sim.change("dev:alice");
  const refresh = (more = {}) =>
    sim.get("/sns/oauth2/refresh_token", {
      ...{ appid, grant_type: "refresh_token", refresh_token: session.refresh_token as string },
      ...more,
    });
  sim.clock.pass(60 * minute);
  const prolonged = await refresh();
  expect(prolonged).toMatchObject({
    access_token: session.access_token,
    expires_in: 7200,
    openid: "sandbox_alice",
  });
  sim.clock.pass(120 * minute - 1);
  expect((await sim.get("/sns/auth", named(prolonged))).errcode).toBe(0);
  sim.clock.pass(1);
  const replaced = await refresh();
  expect(replaced.access_token).not.toBe(session.access_token);
  expect(replaced.refresh_token).toBe(session.refresh_token);
  expect((await sim.get("/sns/auth", named(session))).errcode).toBe(42001);
  expect((await sim.get("/sns/auth", named(replaced))).errcode).toBe(0);

  expect((await refresh({ refresh_token: "" })).errcode).toBe(41003);
  expect((await refresh({ refresh_token: "x" })).errcode).toBe(40030);
  expect((await refresh({ grant_type: "x" })).errcode).toBe(40002);
  expect((await refresh({ appid: "wx1" })).errcode).toBe(40013);
  sim.clock.pass(30 * day);
  expect((await refresh()).errcode).toBe(42002);
});
