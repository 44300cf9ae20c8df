import { expect, test } from "vitest";
import { isAllowedPage } from "../../src/services/allowed-pages.ts";
import { partnerPages } from "../../src/services/hall/pages.ts";
import { movableClock, rejects, startApp, type TestApp } from "../app.ts";
import { atWechat, browse, learn, partner, visit } from "./hall-world.ts";

const prefix = "https://good.example/app";
const page = `${prefix}/a`;
const hopPath = "/service/wxoauth/2.0/wxcode";

async function world(clock = movableClock()) {
  const app = await startApp({ clock });
  const good = await partner(app, "good", [prefix]);
  const evil = await partner(app, "evil", ["https://evil.example/"]);
  const { redirect } = await good.hall.authorizeUrl({ state: page });
  const state = new URL(redirect).searchParams.get("state") ?? "";
  return {
    app,
    clock,
    good,
    evil,
    redirect,
    state,
    /** The hall's answer to a browser that is sent there with WeChat's code of Alice's. */
    hop: (query: string) => browse(`${app.url}${hopPath}?code=dev:alice&${query}`),
    [Symbol.asyncDispose]: () => app[Symbol.asyncDispose](),
  };
}

async function codesKept(app: TestApp): Promise<number> {
  const { db, t } = app.app.store.read;
  return (await db.select({ appid: t.hallCodes.appid }).from(t.hallCodes)).length;
}

test("a state that no partner got leads nowhere", async () => {
  await using it = await world();
  const { app, state } = it;
  const other = state.startsWith("A") ? "B" : "A";
  const smuggled = "x".repeat(43);
  await app.app.store.tx(async (tx) => {
    const row = { key: smuggled, appid: "good", page: `${prefix}/smuggled`, usedAt: 1 };
    await tx.db.insert(tx.t.hallReturns).values(row);
  });
  for (const query of [
    "",
    "state=",
    `state=${other}${state.slice(1)}`,
    `state=${state.slice(0, -1)}`,
    `state=${state}A`,
    `state=${state.toLowerCase()}`,
    `state=${state}%00`,
    `state=${state}%0d%0aLocation:%20https://evil.example/`,
    `state=${"A".repeat(43)}`,
    `state=${smuggled}`,
    `state=${encodeURIComponent(page)}`,
    "state=https://evil.example/",
    "state=%00",
    `state=${state}&state=${state}`,
    `state=https://evil.example/&state=${state}`,
    `STATE=${state}`,
  ]) {
    const { status, location, text, headers } = await it.hop(query);
    expect([status, location], query).toEqual([400, null]);
    expect(headers.get("content-type"), query).toBe("text/plain; charset=utf-8");
    expect(headers.get("cache-control"), query).toBe("no-store");
    expect(text, query).not.toMatch(/evil|dev:alice|good\.example/);
  }
  expect(await codesKept(app)).toBe(0);
  // What else stands in the query changes nothing.
  const { location } = await it.hop(
    `state=${state}&redirect_uri=https://evil.example/&page=https://evil.example/`,
  );
  expect(location).toMatch(/^https:\/\/good\.example\/app\/a\?code=[\w-]{43}$/);
  // WeChat's code stands there once, and is no book.
  for (const query of [`state=${state}&code=again`, `code=${"x".repeat(600)}&state=${state}`]) {
    expect(await it.hop(query)).toMatchObject({ status: 400, location: null });
  }
});

test("pages that only look like the partner's", async () => {
  await using it = await world();
  const bare = await partner(it.app, "bare", ["https://good.example"]);
  for (const state of [
    "https://evil.example/app/a",
    "http://good.example/app/a",
    "https://good.example/",
    "https://good.example/application",
    "https://good.example/app/../admin",
    "https://good.example/app/%2e%2e/admin",
    "https://good.example/app/.%2E/admin",
    "https://good.example/app/..;/admin",
    "https://good.example/app/%252e%252e/admin",
    "https://good.example/app%2f..%2fadmin",
    "https://good.example/app\\..\\admin",
    "https://good.example\\@evil.example/app",
    "https://evil.example\\@good.example/app",
    "https://good.example.evil.example/app",
    "https://good.example@evil.example/app",
    "https://good.example:x@evil.example/app",
    "https://evil.example@good.example/app",
    "https://good.example%2eevil.example/app",
    "https://good.example%00.evil.example/app",
    "https://good.example:8443/app",
    "https://evil.example#https://good.example/app",
    "https://evil.example/?https://good.example/app",
    "//good.example/app",
    "///evil.example",
    "https:evil.example",
    "https:/good.example/app",
    "https:///good.example/app",
    "\\\\evil.example",
    "/app/a",
    "app/a",
    " https://good.example/app",
    "https://good.example/app\r\nLocation: https://evil.example/",
    "https://good.exam\tple/app",
    "https://good。example/app",
    "https://ｇood.example/app",
    "javascript://good.example/app%0aalert(1)",
    "data:text/html,good.example/app",
    "http://127.0.0.1:1/app",
    "",
  ]) {
    const refused = await it.good.hall.authorizeUrl({ state }).then(
      ({ redirect }) => redirect,
      (error) => `${error}`,
    );
    expect(refused, state).toMatch(/not on the list of allowed pages|the request is not valid/);
  }
  for (const state of [
    "https://good.example.evil.example",
    "https://good.exampleevil",
    "https://good.example@evil.example",
  ]) {
    await rejects(bare.hall.authorizeUrl({ state }), "WX_PAGE_NOT_ALLOWED");
  }
  const { db, t } = it.app.app.store.read;
  expect(await db.select({ page: t.hallReturns.page }).from(t.hallReturns)).toEqual([{ page }]);
});

test("a page that was taken off the list, a partner that was disabled", async () => {
  await using it = await world();
  const { app, redirect, state } = it;
  const before = await atWechat(redirect, { name: "alice" });
  const pages = partnerPages(app.app);
  expect(await pages.remove("good", prefix)).toBe(true);
  for (const answer of [
    await browse(before),
    await it.hop(`state=${state}`),
    await browse(await atWechat(redirect, "refuses")),
  ]) {
    expect([answer.status, answer.location]).toEqual([403, null]);
  }
  await rejects(it.good.hall.authorizeUrl({ state: page }), "WX_PAGE_NOT_ALLOWED");
  // It may come back: then so do the visitors.
  expect(await pages.add("good", `${prefix}/a`)).toBe(true);
  const code = new URL((await browse(before)).location ?? "").searchParams.get("code") ?? "";
  await app.app.auth.apps.disable("good");
  expect(await browse(before)).toMatchObject({ status: 403, location: null });
  expect(await it.hop(`state=${state}`)).toMatchObject({ status: 403, location: null });
  await rejects(it.good.hall.openidByCode({ code }), "TOKEN_INVALID");
  await rejects(it.evil.hall.openidByCode({ code }), "HALL_CODE_INVALID");
});

test("codes of another's, used ones and late ones", async () => {
  await using it = await world();
  const { app, clock, good, evil, redirect, state } = it;
  const hop = await atWechat(redirect, { name: "alice" });
  const code = new URL((await browse(hop)).location ?? "").searchParams.get("code") ?? "";
  // Another partner does not learn who it is, and takes nothing away.
  for (const guess of [code, code.slice(1), code.toLowerCase(), `${code}=`, "%", "\u0000"]) {
    await rejects(evil.hall.openidByCode({ code: guess }), "HALL_CODE_INVALID");
  }
  await rejects(evil.hall.getUser({ openId: "sandbox_alice" }), "OPENID_UNKNOWN");
  // WeChat's code with another partner's state: WeChat took it before.
  const theirs = await evil.hall.authorizeUrl({ state: "https://evil.example/" });
  const swapped = new URL(hop);
  swapped.searchParams.set("state", new URL(theirs.redirect).searchParams.get("state") ?? "");
  expect(await browse(swapped.href)).toMatchObject({ status: 400, location: null });
  expect((await good.hall.openidByCode({ code })).openId).toBe("sandbox_alice");
  await rejects(good.hall.openidByCode({ code }), "HALL_CODE_INVALID");
  // Neither code is in the database.
  const { db, t } = app.app.store.read;
  const kept = await db.select({ codeDigest: t.hallCodes.codeDigest }).from(t.hallCodes);
  const wechatCode = new URL(hop).searchParams.get("code") ?? "";
  for (const { codeDigest } of kept) {
    const bytes = Buffer.from(codeDigest);
    for (const secret of [code, wechatCode]) {
      expect([bytes.toString("base64url"), bytes.toString(), bytes.toString("hex")]).not.toContain(secret);
    }
  }
  clock.pass(60_000);
  expect(await browse(hop)).toMatchObject({ status: 400, location: null });
  expect((await browse(`${app.url}${hopPath}?code=made-up&state=${state}`)).status).toBe(400);
});

test("nobody is sent off the list, whatever page a partner asks for", async () => {
  await using it = await world();
  const pages = [
    `${prefix}`,
    `${prefix}?code=1&code=2&c%6Fde=3`,
    `${prefix}/x?a=//evil.example#//evil.example`,
  ];
  for (const state of [...pages, `${prefix}/?next=https://evil.example/&code`, `${prefix}#?code=1`]) {
    const back = (await visit(it.good, state, "alice")).href;
    expect(isAllowedPage(back, [prefix]), back).toBe(true);
    expect(new URL(back).searchParams.getAll("code"), back).toEqual([expect.stringMatching(/^[\w-]{43}$/)]);
  }
});

test("what a partner did not learn stays unknown to it through every method", async () => {
  await using it = await world();
  const openId = await learn(it.good, page, "alice");
  await it.good.hall.bind({ openId, deviceNo: "62306600" });
  const { bindings } = await it.good.user.listBindings({ openId });
  await rejects(it.evil.user.unbind({ id: bindings[0]?.id ?? 0n }), "BINDING_NOT_FOUND");
  expect((await it.good.user.listBindings({ openId })).bindings).toHaveLength(1);
  for (const role of ["service", "operator", "device"] as const) {
    const caller = await it.app.appWith(role);
    await rejects(caller.hall.getUser({ openId }), "ACCESS_DENIED");
    await rejects(caller.user.listBindings({ openId }), "ACCESS_DENIED");
    await rejects(caller.hall.authorizeUrl({ state: page }), "ACCESS_DENIED");
  }
});
