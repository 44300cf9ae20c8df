import { request } from "node:http";
import { expect, test, vi } from "vitest";
import { readSettings } from "../../src/config.ts";
import { browsers } from "../../src/http/browsers.ts";
import { startApp, type TestApp } from "../app.ts";
import { databases } from "../databases.ts";
import { type Browser, createBrowser, type Visit } from "./browser.ts";

/** Outside the sandbox: the simulator stands in for WeChat, pages are on a list. */
const real = {
  WECHAT_APPID: "wx5a4db0c500000000",
  WECHAT_SECRET: "sandbox",
  PUBLIC_URL: "https://api.example.com",
  WECHAT_PAGES: "https://h5.example.com/pulse,https://shop.example.com",
  CORS_ORIGINS: "https://h5.example.com",
  COOKIE_DOMAIN: "example.com",
};

/** WeChat sends browsers to PUBLIC_URL; here they go to where the server really is. */
function local(callback: string): string {
  const { pathname, search } = new URL(callback);
  return pathname + search;
}

const page = "https://h5.example.com/pulse/list?day=1#/today";
const encoded = (target: string) => `redirect_uri=${encodeURIComponent(target)}`;

/** Who a browser is for the server, by the one URL that needs nothing but a session. */
async function isSignedIn(browser: Browser): Promise<boolean> {
  const { status } = await browser.visit("/wx/api/measurements");
  return status !== 401;
}

/** No answer of the server ever sends a browser to a place that is not listed. */
function goesNowhere({ status, location, setCookies, text }: Visit): void {
  expect([status >= 400, location, setCookies]).toEqual([true, "", []]);
  expect(text).toMatch(/[一-鿿]/);
}

for (const database of databases) {
  test(`from a page to WeChat and back, signed in (${database})`, async () => {
    await using app = await startApp({ database, environment: real });
    const browser = createBrowser(app);
    const begun = await browser.visit(`/wx/oauth?${encoded(page)}&scope=snsapi_userinfo`);
    expect(begun.status).toBe(302);
    const asked = new URL(begun.location);
    expect(asked.origin + asked.pathname).toBe(`${app.simulator}/connect/oauth2/authorize`);
    expect(Object.fromEntries(asked.searchParams)).toEqual({
      appid: real.WECHAT_APPID,
      redirect_uri: "https://api.example.com/wx/oauth/callback",
      response_type: "code",
      scope: "snsapi_userinfo",
      state: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    const first = browser.sid;
    expect(begun.setCookies).toEqual([
      `sid=${first}; Max-Age=600; Path=/; HttpOnly; SameSite=Lax; Secure; Domain=example.com`,
    ]);
    expect(first).toMatch(/^[\w-]{43}$/);
    expect(await isSignedIn(browser)).toBe(false);

    const callback = local(await browser.atWechat(begun.location, "alice"));
    const back = await browser.visit(callback, { headers: { "user-agent": "MicroMessenger/8" } });
    expect([back.status, back.location, back.text]).toEqual([302, page, ""]);
    expect(back.setCookies).toEqual([
      `sid=${browser.sid}; Max-Age=15552000; Path=/; HttpOnly; SameSite=Lax; Secure; Domain=example.com`,
    ]);
    expect(back.headers.get("cache-control")).toBe("no-store");
    expect(back.headers.get("referrer-policy")).toBe("no-referrer");
    expect(browser.sid).not.toBe(first);
    expect(await isSignedIn(browser)).toBe(true);

    // The same person as in the mini-program, with the name that they showed; one of their sessions.
    const phone = await app.signIn("alice");
    expect((await phone.user.get({})).user?.name).toBe("alice");
    const { sessions } = await phone.user.listSessions({});
    expect(sessions.map(({ device, current }) => [device, current])).toContainEqual([
      "MicroMessenger/8",
      false,
    ]);
    const sid = sessions.find(({ device }) => device.startsWith("Micro"))?.sid ?? "";
    await phone.user.revokeSession({ sid });
    expect(await isSignedIn(browser)).toBe(false);
  });

  test(`WeChat's redirect may be repeated, also at once (${database})`, async () => {
    await using app = await startApp({ database });
    const swaps = vi.spyOn(app.app.wechat, "pageSession");
    const browser = createBrowser(app);
    const callback = await browser.toCallback("alice", encoded("/wx/api/measurements?limit=5"));
    const before = browser.sid;
    const answers = await Promise.all(
      Array.from({ length: 4 }, () => browser.visit(callback, { headers: { cookie: `sid=${before}` } })),
    );
    const cookie = `sid=${browser.sid}; Max-Age=15552000; Path=/; HttpOnly; SameSite=Lax`;
    for (const { status, location, setCookies } of answers) {
      expect([status, location, setCookies]).toEqual([302, "/wx/api/measurements?limit=5", [cookie]]);
    }
    const late = await browser.visit(callback);
    expect([late.status, late.location, late.setCookies]).toEqual([302, "/wx/api/measurements?limit=5", []]);
    expect(await isSignedIn(browser)).toBe(true);
    expect(swaps).toHaveBeenCalledTimes(1);
  });

  test(`attacks on the way back sign nobody in (${database})`, async () => {
    await using app = await startApp({ database });
    const swaps = vi.spyOn(app.app.wechat, "pageSession");
    const victim = createBrowser(app);
    const eve = createBrowser(app);
    const callback = await victim.toCallback("alice");
    const own = new URL(callback);
    const hers = new URL(await eve.toCallback("eve"));
    const planted = victim.sid;
    const at = (params: Record<string, string>) => `/wx/oauth/callback?${new URLSearchParams(params)}`;
    const [code = "", state = ""] = [own.searchParams.get("code"), own.searchParams.get("state")].map(String);
    const evil = Object.fromEntries(hers.searchParams) as { code: string; state: string };
    const attempts: [string, string, string | undefined][] = [
      ["no state", at({ code }), planted],
      ["an empty state", at({ code, state: "" }), planted],
      ["a made up state", at({ code, state: "f".repeat(64) }), planted],
      ["a state of another form", at({ code, state: "' or 1=1 --" }), planted],
      ["two states", `${at({ code, state })}&state=${state}`, planted],
      ["two codes", `${at({ code: evil.code, state })}&code=${code}`, planted],
      ["somebody else's state", at({ code, state: evil.state }), planted],
      ["login CSRF: her code and state", at(evil), planted],
      ["login CSRF in a browser without a cookie", at(evil), undefined],
      ["no cookie", at({ code, state }), undefined],
      ["somebody else's cookie", at({ code, state }), eve.sid],
      ["a made up cookie", at({ code, state }), "A".repeat(43)],
      ["a long code", at({ code: "x".repeat(600), state }), planted],
      ["no code and no state of ours", at({ state: evil.state }), planted],
      ["nothing", "/wx/oauth/callback", planted],
    ];
    for (const [what, target, cookie] of attempts) {
      const headers: Record<string, string> =
        cookie === undefined ? { cookie: "x=y" } : { cookie: `sid=${cookie}` };
      const answer = await victim.visit(target, { headers });
      expect([what, answer.status]).toEqual([what, 400]);
      goesNowhere(answer);
    }
    expect(swaps).not.toHaveBeenCalled();
    expect((await victim.visit(callback)).status, "none of it used the victim's state up").toBe(302);
    swaps.mockClear();

    // Fixed sid: whoever planted the cookie has nothing after the sign-in, not even with the state.
    const thief = createBrowser(app);
    thief.sid = planted;
    expect(await isSignedIn(thief)).toBe(false);
    goesNowhere(await thief.visit(at({ code: evil.code, state })));
    // A replayed code, with the same state and with one that the thief began.
    thief.sid = undefined;
    goesNowhere(await thief.visit(callback));
    const fresh = new URL(await thief.toCallback("eve")).searchParams.get("state") ?? "";
    const replayed = await thief.visit(at({ code, state: fresh }));
    goesNowhere(replayed);
    expect(replayed.text).toContain("the code was used before");
    goesNowhere(await thief.visit(at({ code: evil.code, state: fresh })));
    // The session's public name, which the person's other devices see, is no cookie.
    const [session] = (await (await app.signIn("alice")).user.listSessions({})).sessions.filter(
      ({ current }) => !current,
    );
    thief.sid = session?.sid;
    expect(await isSignedIn(thief)).toBe(false);
    const people = (
      await app.app.store.read.db
        .select({ id: app.app.store.read.t.users.id })
        .from(app.app.store.read.t.users)
    ).length;
    expect(people, "eve never signed in").toBe(1);
  });
}

const foreign = [
  "https://evil.example/",
  "//evil.example",
  "///evil.example",
  "/\\evil.example",
  "\\\\evil.example",
  "/\t/evil.example",
  "/\n/evil.example",
  "\t//evil.example",
  " //evil.example",
  "/%09/evil.example",
  "/%5cevil.example",
  "/x%0d%0alocation:evil",
  "/x/%7f",
  "/%2f%2fevil.example",
  "/%2e%2e//evil.example",
  "/..//evil.example",
  "/.//evil.example",
  "/x//evil.example",
  "/x/../../evil.example",
  "/;/evil.example",
  "/@evil.example",
  "/x\r\nset-cookie: sid=1",
  "/x\r\nlocation: https://evil.example",
  "/x\u0000",
  "/页面",
  "/／evil.example",
  "/\u2028/evil.example",
  "evil.example",
  "wx/api/measurements",
  "?x",
  "http:evil.example",
  "https:/evil.example",
  "https:///evil.example",
  "https:\\\\evil.example",
  "https://h5.example.com@evil.example/pulse",
  "https://evil.example@h5.example.com/pulse",
  "https://h5.example.com:x@evil.example/pulse",
  "https://h5.example.com.evil.example/pulse",
  "https://evilh5.example.com/pulse",
  "https://h5.example.com%2eevil.example/pulse",
  "https://h5.example.com\\.evil.example/pulse",
  "https://h5。example.com/pulse",
  "https://h5.example.com/",
  "https://h5.example.com/pulsed",
  "https://h5.example.com/pulse/../admin",
  "https://h5.example.com/pulse/%2e%2e/admin",
  "https://h5.example.com/pulse\r\nx: y",
  "http://h5.example.com/pulse",
  "https://h5.example.com:8443/pulse",
  "http://127.0.0.1:8080/",
  "javascript:alert(1)",
  "javascript://h5.example.com/pulse%0aalert(1)",
  "JaVaScRiPt:alert(1)",
  "data:text/html,<script>alert(1)</script>",
  "vbscript:x",
  "file:///etc/passwd",
  "weixin://dl/business",
  "blob:https://h5.example.com/pulse",
  "/wx/oauth",
  "/wx/oauth/callback?code=x&state=y",
  "/WX/oauth",
  `/${"x".repeat(3000)}`,
];

test("no browser is sent to a page that is not listed", async () => {
  await using app = await startApp({ environment: real });
  const states = vi.spyOn(app.app.auth.webSessions, "begin");
  const browser = createBrowser(app);
  for (const target of foreign) {
    for (const query of [
      encoded(target),
      `${encoded("/ok")}&${encoded(target)}`,
      `${encoded(target)}&${encoded("/ok")}`,
    ]) {
      const answer = await browser.visit(`/wx/oauth?${query}`);
      expect([target, answer.status]).toEqual([target, 400]);
      goesNowhere(answer);
    }
  }
  // As it stands in the address, without being encoded as a parameter.
  for (const target of ["//evil.example", "https://evil.example", "/\\evil.example", "/%0d%0alocation:x"]) {
    goesNowhere(await browser.visit(`/wx/oauth?redirect_uri=${target}`));
  }
  expect(states).not.toHaveBeenCalled();
});

test.each([
  page,
  "https://h5.example.com/pulse",
  "https://shop.example.com/any/where",
  "/",
  "/wx/api/measurements",
  "/pulse/7.svg",
  "/pulse/7.svg?a=b//c&d=%E8%84%89#top",
  "/h5/%E8%84%89/index.html",
  "/wx/oauthx",
])("a browser comes back to %s", async (target) => {
  await using app = await startApp({ environment: real });
  const browser = createBrowser(app);
  const callback = local(await browser.toCallback("alice", encoded(target)));
  expect((await browser.visit(callback)).location).toBe(target);
});

test("without a page it is the first listed one, or the measurements", async () => {
  for (const [environment, target] of [
    [real, "https://h5.example.com/pulse"],
    [{}, "/wx/api/measurements"],
  ] as const) {
    await using app = await startApp({ environment });
    const browser = createBrowser(app);
    const callback = local(await browser.toCallback("alice"));
    expect((await browser.visit(callback)).location).toBe(target);
  }
});

test("an unknown scope is refused, a base authorisation asks for nothing", async () => {
  await using app = await startApp();
  const browser = createBrowser(app);
  goesNowhere(await browser.visit("/wx/oauth?scope=snsapi_everything"));
  goesNowhere(await browser.visit("/wx/oauth?scope=snsapi_base&scope=snsapi_userinfo"));
  const shown = vi.spyOn(app.app.wechat, "userInfo");
  await browser.signIn("alice");
  expect(await isSignedIn(browser)).toBe(true);
  expect(shown).not.toHaveBeenCalled();
});

test("somebody who refuses at WeChat comes back to the page, signed in nowhere", async () => {
  await using app = await startApp({ environment: real });
  const browser = createBrowser(app);
  const callback = local(await browser.toCallback("", encoded(page)));
  expect(callback).not.toContain("code=");
  const back = await browser.visit(callback);
  expect([back.status, back.location, back.setCookies]).toEqual([302, page, []]);
  const own = await browser.visit(local(await browser.toCallback("", encoded("/pulse/7.svg"))));
  expect([own.status, own.location]).toEqual([403, ""]);
  expect(own.text).toContain("You did not allow the sign-in.");
  expect(await isSignedIn(browser)).toBe(false);
  // They may think better of it.
  const begun = await browser.visit(`/wx/oauth?${encoded(page)}`);
  await browser.visit(local(await browser.atWechat(begun.location, "")));
  expect((await browser.visit(local(await browser.atWechat(begun.location, "alice")))).location).toBe(page);
});

test("a sign-in that takes too long is over", async () => {
  let ahead = 0;
  await using app = await startApp({ clock: { now: () => Date.now() + ahead } });
  const browser = createBrowser(app);
  const callback = await browser.toCallback("alice");
  ahead = 10 * 60_000;
  goesNowhere(await browser.visit(callback));
  expect(await isSignedIn(browser)).toBe(false);
});

test("while WeChat is away the answer is 503, and the same way back works afterwards", async () => {
  await using app = await startApp();
  const browser = createBrowser(app);
  const callback = await browser.toCallback("alice");
  await app.sim("/sim/fault", { path: "/sns/oauth2/access_token", times: 1, status: 502 });
  const away = await browser.visit(callback);
  expect([away.status, away.location]).toEqual([503, ""]);
  expect((await browser.visit(callback)).status).toBe(302);
  expect(await isSignedIn(browser)).toBe(true);
});

test("a banned person does not get in", async () => {
  await using app = await startApp();
  const browser = createBrowser(app);
  await browser.signIn("alice");
  const { uid } = await app.signIn("alice");
  await app.app.auth.sessions.ban(Number(uid));
  const answer = await browser.visit("/wx/api/measurements");
  expect([answer.status, JSON.parse(answer.text).error]).toEqual([403, "USER_BANNED"]);
  const again = await browser.signIn("alice");
  expect(again.status).toBe(403);
  goesNowhere(again);
});

test("of several cookies named sid the one of a living session counts", async () => {
  await using app = await startApp();
  const browser = createBrowser(app);
  await browser.signIn("alice");
  const sid = browser.sid;
  const eve = createBrowser(app);
  await eve.signIn("eve");
  const status = async (cookie: string) =>
    (await browser.visit("/wx/api/measurements", { headers: { cookie } })).status !== 401;
  for (const cookie of [
    `sid=planted; sid=${sid}`,
    `sid=${"A".repeat(43)}; sid=${sid}`,
    `sid="${sid}"`,
    `sid=%zz; sid=; sid; =; ;; a=b=c; sid=${sid};`,
    `SID=x; sid =${sid}`,
    `sid=${sid}; sid=${sid}`,
  ]) {
    expect([cookie, await status(cookie)]).toEqual([cookie, true]);
  }
  for (const cookie of [
    `sid=${eve.sid}; sid=${sid}`,
    `sid=${sid}; sid=${eve.sid}`,
    `sid=${sid}x`,
    `xsid=${sid}`,
    `sid='${sid}'`,
    `sid=${"planted; sid=".repeat(20)}`,
  ]) {
    expect([cookie, await status(cookie)]).toEqual([cookie, false]);
  }
});

test("a cookie is no token, and a token is no cookie", async () => {
  await using app = await startApp();
  const browser = createBrowser(app);
  await browser.signIn("alice");
  const sid = browser.sid ?? "";
  const alice = await app.signIn("alice");
  for (const path of ["/liveuser/User/Get", "/liveuser/Wx/Logout", "/liveuser/Measurement/List"]) {
    for (const headers of [{ authorization: `Bearer ${sid}` }, { cookie: `sid=${sid}` }] as Record<
      string,
      string
    >[]) {
      const { status } = await browser.post(path, {}, headers);
      expect([path, status]).toEqual([path, 401]);
    }
  }
  const list = (headers: Record<string, string>) => browser.visit("/wx/api/measurements", { headers });
  expect((await list({ authorization: `Bearer ${sid}` })).status).toBe(401);
  expect(
    (await list({ authorization: "Bearer wrong" })).status,
    "a wrong token is not made good by a cookie",
  ).toBe(401);
  expect((await list({ cookie: `sid=${alice.token}` })).status).toBe(401);
  expect((await list({ cookie: "x=y", authorization: `Bearer ${alice.token}` })).status).not.toBe(401);
  expect((await browser.post("/liveuser/Wx/RenewToken", { refresh_token: sid })).status).toBe(401);
  expect(await isSignedIn(browser)).toBe(true);
});

test("in the sandbox a browser stays on the host that it began on", async () => {
  await using app = await startApp();
  const { port } = new URL(app.url);
  const redirect = async (host: string) => {
    const location = await new Promise<string>((resolve, reject) => {
      request({ port, path: "/wx/oauth", headers: { host } }, (res) =>
        resolve(res.resume().headers.location ?? ""),
      )
        .on("error", reject)
        .end();
    });
    return new URL(location).searchParams.get("redirect_uri");
  };
  expect(await redirect(`localhost:${port}`)).toBe(`http://localhost:${port}/wx/oauth/callback`);
  expect(await redirect(`[::1]:${port}`)).toBe(`http://[::1]:${port}/wx/oauth/callback`);
  for (const host of ["evil.example", `localhost.evil.example:${port}`, "localhost@evil.example"]) {
    expect(await redirect(host)).toBe(`${app.url}/wx/oauth/callback`);
  }
  const remote = readSettings({ SANDBOX_REMOTE: "1" }) as TestApp["app"]["settings"];
  expect(browsers(remote).addressFor("192.168.0.7:8080")).toBe("http://192.168.0.7:8080");
  expect(browsers(remote).addressFor("x@evil.example")).toBeUndefined();
});

test("sign-ins that begin are counted by address", async () => {
  await using app: TestApp = await startApp({ environment: { RATE_LIMITS: "0.005" } });
  const browser = createBrowser(app);
  const statuses: number[] = [];
  for (let i = 0; i < 4; i += 1) statuses.push((await browser.visit("/wx/oauth")).status);
  expect(statuses).toEqual([302, 302, 302, 429]);
});
