import { expect, test } from "vitest";
import { deleteOldHallRows } from "../../src/services/hall/returns.ts";
import { sandboxApp } from "../../src/wechat/simulator/sandbox-app.ts";
import { eventually, movableClock, rejects, startApp } from "../app.ts";
import { databases } from "../databases.ts";
import { atWechat, browse, learn, partner, visit } from "./hall-world.ts";

const page = "https://good.example/app/win?x=1%202&code=old&y=%E4%B8%AD#/r?code=kept";
const comesBack = /^https:\/\/good\.example\/app\/win\?x=1%202&y=%E4%B8%AD&code=([\w-]{43})#\/r\?code=kept$/;

for (const database of databases) {
  test(`a visitor comes back to the partner's page with a code that is good once (${database})`, async () => {
    const clock = movableClock();
    await using app = await startApp({ database, clock });
    const good = await partner(app, "good", ["https://good.example/app"]);
    const { redirect } = await good.hall.authorizeUrl({ state: page });
    const address = new URL(redirect);
    expect(address.origin).toBe(app.simulator);
    expect([...address.searchParams.keys()].join()).toBe("appid,redirect_uri,response_type,scope,state");
    expect(address.searchParams.get("appid")).toBe(app.app.settings.WECHAT_APPID);
    expect(address.searchParams.get("redirect_uri")).toBe(`${app.url}/service/wxoauth/2.0/wxcode`);
    expect(address.searchParams.get("scope")).toBe("snsapi_base");
    expect(address.searchParams.get("state")).toMatch(/^[\w-]{1,128}$/);
    expect(address.hash).toBe("#wechat_redirect");
    // The same page has the same address, another one another.
    expect((await good.hall.authorizeUrl({ state: page })).redirect).toBe(redirect);
    expect((await good.hall.authorizeUrl({ state: `${page}2` })).redirect).not.toBe(redirect);

    const hop = await atWechat(redirect, { name: "alice" });
    const first = await browse(hop);
    expect([first.status, first.text]).toEqual([302, ""]);
    expect(first.headers.get("referrer-policy")).toBe("no-referrer");
    expect(first.headers.get("cache-control")).toBe("no-store");
    const code = comesBack.exec(first.location ?? "")?.[1] ?? "";
    expect(code, `${first.location}`).not.toBe("");
    // WeChat comes twice; it takes its own code once.
    expect((await browse(hop)).location).toBe(first.location);
    expect((await good.hall.openidByCode({ code })).openId).toBe("sandbox_alice");
    await rejects(good.hall.openidByCode({ code }), "HALL_CODE_INVALID");
    expect((await browse(hop)).location).toBe(first.location);
    await rejects(good.hall.openidByCode({ code }), "HALL_CODE_INVALID");

    // The address stays good for others, and for days.
    clock.pass(61_000);
    expect(await browse(hop)).toMatchObject({ status: 400, location: null });
    const bob = comesBack.exec((await browse(await atWechat(redirect, { name: "bob" }))).location ?? "")?.[1];
    clock.pass(60_001);
    await rejects(good.hall.openidByCode({ code: bob ?? "" }), "HALL_CODE_INVALID");
    clock.pass(5 * 86_400_000);
    await deleteOldHallRows(app.app);
    expect((await browse(await atWechat(redirect, { name: "bob" }))).status).toBe(302);

    // They are people of ours, each once.
    const { db, t } = app.app.store.read;
    const people = await db.select({ openid: t.users.openid }).from(t.users);
    expect(people.map(({ openid }) => openid).sort()).toEqual(["sandbox_alice", "sandbox_bob"]);
  });

  test(`redirects and swaps that come at once (${database})`, async () => {
    await using app = await startApp({ database });
    const good = await partner(app, "good", ["https://good.example/"]);
    const { redirect } = await good.hall.authorizeUrl({ state: "https://good.example/a" });
    const hop = await atWechat(redirect, { name: "alice" });
    const answers = await Promise.all(Array.from({ length: 8 }, () => browse(hop)));
    expect(new Set(answers.map(({ location }) => location)).size).toBe(1);
    const code = new URL(answers[0]?.location ?? "").searchParams.get("code") ?? "";
    const swaps = await Promise.allSettled(
      Array.from({ length: 100 }, () => good.hall.openidByCode({ code })),
    );
    expect(swaps.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    for (const swap of swaps) {
      if (swap.status === "rejected") await rejects(Promise.reject(swap.reason), "HALL_CODE_INVALID");
    }
  });

  test(`what a partner learned is its own (${database})`, async () => {
    await using app = await startApp({ database });
    const good = await partner(app, "good", ["https://good.example/"]);
    const other = await partner(app, "other", ["https://other.example/"]);
    const openId = await learn(good, "https://good.example/", "alice");
    await good.hall.bind({ openId, deviceNo: "62306600", operators: "telecom", qcellcore: "021" });
    await good.hall.bind({ openId, deviceNo: "18964524000", channel: "1", from: "love flow" });
    await good.hall.bind({ openId, deviceNo: "62306600", qcellcore: "Shanghai" });
    const { user } = await good.hall.getUser({ openId });
    expect(user).toMatchObject({ openId, nickname: "", accounts: [{}, {}] });
    expect(user?.accounts).toMatchObject([
      { deviceNo: "62306600", deviceName: "landline", operators: "telecom", qcellcore: "Shanghai" },
      { deviceNo: "18964524000", deviceName: "mobile" },
    ]);
    expect(new Set(user?.accounts.map(({ bpn }) => bpn)).size).toBe(2);
    expect(Number(user?.createdAt)).toBeGreaterThan(Date.now() - 60_000);
    expect(Number(user?.updatedAt)).toBeGreaterThanOrEqual(Number(user?.accounts[1]?.boundAt));
    // The record, until a page of WeChat's was shown more.
    const alice = await app.signIn("alice");
    await alice.user.set({ user: { name: "Alice L.", avatar: "https://pictures.example/a" } });
    const face = async () => {
      const { nickname, headImage } = (await good.hall.getUser({ openId })).user ?? {};
      return { nickname, headImage };
    };
    expect(await face()).toEqual({ nickname: "Alice L.", headImage: "https://pictures.example/a" });
    await app.as().wx.oauthLogin({ code: "dev:alice" });
    expect(await face()).toEqual({
      nickname: "alice",
      headImage: `${app.simulator}/sim/avatar/sandbox_alice`,
    });

    // Bob exists, and nobody learned him; nobody.at.all does not.
    await app.signIn("bob");
    for (const [caller, openId] of [
      [other, "sandbox_alice"],
      [good, "sandbox_bob"],
      [good, "nobody.at.all"],
    ] as const) {
      await rejects(caller.hall.getUser({ openId }), "OPENID_UNKNOWN");
      await rejects(caller.hall.bind({ openId, deviceNo: "1" }), "OPENID_UNKNOWN");
      await rejects(caller.hall.sendPrizeNotice({ openId, prize: "p" }), "OPENID_UNKNOWN");
      const order = { openId, deviceNo: "1", trafficPackageName: "5G" };
      await rejects(caller.hall.reportOrder(order), "OPENID_UNKNOWN");
      await rejects(caller.user.listBindings({ openId }), "OPENID_UNKNOWN");
      await rejects(caller.user.bind({ binding: { openId, deviceNo: "1" } }), "OPENID_UNKNOWN");
    }
    expect((await app.sim("/sim/messages")).messages).toEqual([]);
  });

  test(`an order is reported once, however often it comes (${database})`, async () => {
    const clock = movableClock();
    await using app = await startApp({ database, clock });
    const good = await partner(app, "good", ["https://good.example/"]);
    const other = await partner(app, "other", ["https://other.example/"]);
    const openId = await learn(good, "https://good.example/", "alice");
    const bob = await learn(good, "https://good.example/", "bob");
    const order = {
      openId,
      deviceNo: "18964524000",
      trafficPackageName: "1 GB a day",
      transactionDate: "2026-08-31",
      channel: "1",
      from: "love flow",
    };
    const numbers = await Promise.all(Array.from({ length: 100 }, () => good.hall.reportOrder(order)));
    const [first] = numbers;
    expect(new Set(numbers.map(({ orderNo }) => orderNo)).size).toBe(1);
    expect(first?.orderNo).toMatch(/^20\d{6}\d{10,}$/);
    // Another spelling of the date, another openid: the same order, as it was reported first.
    const again = { ...order, openId: bob, transactionDate: "2026/8/31 10:11", channel: "2" };
    expect(await good.hall.reportOrder(again)).toEqual(first);
    const second = await good.hall.reportOrder({ ...order, trafficPackageName: "2 GB" });
    const today = await good.hall.reportOrder({ ...order, transactionDate: "" });
    expect(new Set([first, second, today].map((one) => one?.orderNo)).size).toBe(3);
    for (const transactionDate of ["2026-02-30", "yesterday", "20261301", "2026-08-31 25:00", "2026-8/31"]) {
      await rejects(good.hall.reportOrder({ ...order, transactionDate }), "INVALID_REQUEST");
    }

    const theirs = await learn(other, "https://other.example/", "alice");
    const foreign = await other.hall.reportOrder({ ...order, openId: theirs });
    expect(foreign.orderNo).not.toBe(first?.orderNo);
    const page = await good.hall.listOrders({ limit: 2 });
    expect(page.orders.map(({ orderNo }) => orderNo)).toEqual([today.orderNo, second.orderNo]);
    const rest = await good.hall.listOrders({ limit: 2, cursor: page.cursor });
    const { $typeName: _, $unknown: __, ...only } = rest.orders[0] ?? ({} as never);
    expect([rest.orders.length, rest.cursor, only]).toEqual([
      1,
      0n,
      { ...order, orderNo: first?.orderNo, reportedAt: expect.anything(), appid: "good" },
    ]);
    await rejects(good.hall.listOrders({ appid: "other" }), "ACCESS_DENIED");
    const operator = await app.appWith("operator");
    expect((await operator.hall.listOrders({})).orders).toHaveLength(4);
    expect((await operator.hall.listOrders({ appid: "other" })).orders).toMatchObject([
      { orderNo: foreign.orderNo, appid: "other" },
    ]);
    await rejects((await app.signIn("alice")).hall.listOrders({}), "ACCESS_DENIED");
  });

  test(`a ticket tells one partner the phone number once (${database})`, async () => {
    const clock = movableClock();
    await using app = await startApp({ database, clock });
    const [good, other] = [await partner(app, "good"), await partner(app, "other")];
    const alice = await app.signIn("alice");
    await rejects(alice.hall.issueTicket({}), "PHONE_UNKNOWN");
    await alice.user.sendPhoneCode({ phone: "17717463317" });
    const sms = await fetch(`${app.url}/sim/sms?phone=17717463317`);
    const { code } = (await sms.json()) as { code: string };
    await alice.user.checkPhoneCode({ phone: "17717463317", code });
    const { ticket, expiry } = await alice.hall.issueTicket({});
    expect(Number(expiry) * 1000 - clock.now()).toBeGreaterThan(290_000);
    const swaps = await Promise.allSettled(
      Array.from({ length: 20 }, (_, i) => (i % 2 ? good : other).hall.mobileByTicket({ ticket })),
    );
    const told = swaps.flatMap((swap) => (swap.status === "fulfilled" ? [swap.value.mobile] : []));
    expect(told).toEqual(["17717463317"]);

    const bound = await alice.hall.issueTicket({ appid: "good" });
    await rejects(other.hall.mobileByTicket({ ticket: bound.ticket }), "HALL_TICKET_INVALID");
    expect((await good.hall.mobileByTicket({ ticket: bound.ticket })).mobile).toBe("17717463317");
    await rejects(good.hall.mobileByTicket({ ticket: bound.ticket }), "HALL_TICKET_INVALID");
    const late = await alice.hall.issueTicket({});
    clock.pass(5 * 60_000);
    await rejects(good.hall.mobileByTicket({ ticket: late.ticket }), "HALL_TICKET_INVALID");
    await rejects(good.hall.mobileByTicket({ ticket: "made up" }), "HALL_TICKET_INVALID");
    await deleteOldHallRows(app.app);
    const { db, t } = app.app.store.read;
    expect(await db.select({ id: t.hallTickets.id }).from(t.hallTickets)).toEqual([]);
  });
}

test("a visitor who refuses, or whom WeChat does not vouch for", async () => {
  await using app = await startApp();
  const good = await partner(app, "good", ["https://good.example/"]);
  const { redirect } = await good.hall.authorizeUrl({ state: "https://good.example/?code=x&a=1#f" });
  const refused = await browse(await atWechat(redirect, "refuses"));
  expect([refused.status, refused.location]).toEqual([302, "https://good.example/?a=1#f"]);

  const hop = await atWechat(redirect, { name: "alice" });
  for (const fault of [{ drop: true }, { status: 502 }, { errcode: -1 }]) {
    await app.sim("/sim/fault", { path: "/sns/oauth2/access_token", times: 1, ...fault });
    const away = await browse(hop);
    expect(away).toMatchObject({ status: 503, location: null });
    expect(away.text).toMatch(/登录没有成功.*\nWeChat does not answer, try again\n/);
    expect(away.headers.get("content-type")).toBe("text/plain; charset=utf-8");
  }
  // The code is still good.
  expect((await browse(hop)).status).toBe(302);

  const { uid } = await app.signIn("mallory");
  await app.app.auth.sessions.ban(Number(uid));
  const banned = await browse(await atWechat(redirect, { name: "mallory" }));
  expect(banned).toMatchObject({ status: 403, location: null });
});

test("the sandbox's partner may return to any page on the loopback host, and no other partner", async () => {
  await using app = await startApp();
  const sandbox = await app.appWith("partner");
  const back = await visit(sandbox, "http://127.0.0.1:9999/page#/r", "alice");
  expect(back.href).toMatch(/^http:\/\/127\.0\.0\.1:9999\/page\?code=[\w-]{43}#\/r$/);
  await rejects(sandbox.hall.authorizeUrl({ state: "https://good.example/" }), "WX_PAGE_NOT_ALLOWED");
  const good = await partner(app, "good", ["https://good.example/"]);
  await rejects(good.hall.authorizeUrl({ state: "http://127.0.0.1:9999/page" }), "WX_PAGE_NOT_ALLOWED");
  // A code that every test may use, as often as it likes.
  const { redirect } = await sandbox.hall.authorizeUrl({ state: "http://localhost:1/" });
  const state = new URL(redirect).searchParams.get("state");
  for (let i = 0; i < 2; i++) {
    const { location } = await browse(`${app.url}/service/wxoauth/2.0/wxcode?code=dev:carol&state=${state}`);
    const code = new URL(location ?? "").searchParams.get("code") ?? "";
    expect((await sandbox.hall.openidByCode({ code })).openId).toBe("sandbox_carol");
  }
});

test("PUBLIC_URL is where WeChat sends the visitors, and the official account asks", async () => {
  const environment = {
    PUBLIC_URL: "https://hall.example/",
    WECHAT_OA_APPID: "wx-account",
    WECHAT_OA_SECRET: "x",
  };
  await using app = await startApp({ environment });
  const { redirect } = await (await app.appWith("partner")).hall.authorizeUrl({ state: "http://localhost/" });
  const { searchParams } = new URL(redirect);
  expect(searchParams.get("redirect_uri")).toBe("https://hall.example/service/wxoauth/2.0/wxcode");
  expect(searchParams.get("appid")).toBe("wx-account");
});

test("a prize notice goes out once, to somebody who follows, with a page of the partner's", async () => {
  await using app = await startApp();
  const good = await partner(app, "good", ["https://good.example/app"]);
  const openId = await learn(good, "https://good.example/app", "alice");
  const notice = {
    openId,
    first: "亲爱的老司机，您的游戏积分已经排在全国前十名。",
    activity: "老司机大比拼",
    prize: "限量精美玩偶一个",
    remark: "",
    url: "https://good.example/app/prize?id=1",
  };
  const { messageId } = await good.hall.sendPrizeNotice(notice);
  const sent = async () => (await app.sim(`/sim/messages?openid=${openId}`)).messages;
  expect(await sent()).toMatchObject([
    {
      msgid: Number(messageId),
      kind: "template",
      url: notice.url,
      data: {
        first: { value: notice.first },
        keyword1: { value: notice.activity },
        keyword2: { value: notice.prize },
      },
    },
  ]);
  for (const url of ["https://evil.example/", "https://good.example/", "javascript:alert(1)", "app"]) {
    await rejects(good.hall.sendPrizeNotice({ ...notice, url }), "WX_PAGE_NOT_ALLOWED");
  }
  await app.sim("/sim/fault", { path: "/cgi-bin/message/template/send", times: 1, drop: true });
  await rejects(good.hall.sendPrizeNotice(notice), "WX_UNAVAILABLE");
  await app.sim("/sim/event", { openid: openId, event: "unsubscribe" });
  await eventually(
    () =>
      good.hall.sendPrizeNotice({ ...notice, url: "" }).then(
        () => "",
        (error) => `${error}`,
      ),
    (answer) => /did not deliver/.test(answer),
  );
  expect((await sent()).filter(({ url }: { url: string }) => url === notice.url)).toHaveLength(1);
});

test("outside the sandbox a prize notice needs its template, and no page on the loopback host is allowed", async () => {
  const environment = { WECHAT_APPID: sandboxApp.appid, WECHAT_SECRET: sandboxApp.secret };
  const url = "https://good.example/";
  const template = "TM00000001";
  for (const HALL_PRIZE_TEMPLATE of ["", template]) {
    await using app = await startApp({ environment: { ...environment, HALL_PRIZE_TEMPLATE } });
    const good = await partner(app, "good", [url]);
    await rejects(good.hall.authorizeUrl({ state: "http://127.0.0.1/" }), "WX_PAGE_NOT_ALLOWED");
    const notice = good.hall.sendPrizeNotice({ openId: await learn(good, url, "alice"), prize: "p" });
    if (HALL_PRIZE_TEMPLATE === "") await rejects(notice, "WX_MISCONFIGURED");
    else await notice;
    const { messages } = await app.sim("/sim/messages");
    expect(messages.map((message: { template_id: string }) => message.template_id)).toEqual(
      HALL_PRIZE_TEMPLATE === "" ? [] : [template],
    );
  }
});
