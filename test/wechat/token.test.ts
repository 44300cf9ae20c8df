import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { createSeal } from "../../src/auth/seal.ts";
import { openStore } from "../../src/storage/open.ts";
import { sharedValues } from "../../src/storage/shared-values.ts";
import { startSimulator } from "../../src/wechat/simulator/server.ts";
import { keepToken, type TokenSource } from "../../src/wechat/token.ts";
import { openTestStore } from "../databases.ts";
import { testIds } from "../storage/test-ids.ts";
import { mapTokens, wechatAt } from "./client.ts";
import { failure, printed } from "./failure.ts";
import { type Asked, answering } from "./host.ts";

const stable = "/cgi-bin/stable_token";
const create = "/cgi-bin/qrcode/create";
const secret = "s3cr3t-0f-the-app";
const app = { appid: "wx1", secret };

function testClock() {
  const clock = { ms: Date.UTC(2030, 0, 1), now: () => clock.ms };
  return clock;
}

/** Gives tokens t1, t2, … as WeChat does: the same one until its last 300 s, unless it is forced. */
async function tokenGiver(clock: { now(): number }, other: (asked: Asked) => unknown = () => ({})) {
  const given = { count: 0, until: 0, forced: 0, meanwhile: async () => {} };
  const wx = await answering(async (asked) => {
    if (asked.path !== stable) return other(asked);
    await given.meanwhile();
    if (asked.body.force_refresh) given.forced += 1;
    if (asked.body.force_refresh || given.until - clock.now() <= 300_000) {
      given.count += 1;
      given.until = clock.now() + 7200_000;
    }
    return { access_token: `t${given.count}`, expires_in: Math.floor((given.until - clock.now()) / 1000) };
  });
  return Object.assign(wx, {
    given,
    asksForTokens: () => wx.paths().filter((path) => path === stable).length,
  });
}

const qr = { sceneId: 7, expireSeconds: 60 };
const made = { ticket: "gQ", url: "http://weixin.qq.com/q/x", expire_seconds: 60 };

test("it is asked for by POST, with the app's credentials, and never forced at first", async () => {
  const clock = testClock();
  await using wx = await tokenGiver(clock);
  expect(await wechatAt(wx.url, { app, clock }).accessToken()).toEqual({ token: "t1", expiresIn: 7200 });
  expect(wx.asked).toEqual([
    {
      method: "POST",
      path: stable,
      query: new URLSearchParams(),
      body: { grant_type: "client_credential", appid: "wx1", secret, force_refresh: false },
    },
  ]);
});

test("50 callers in two processes on one database cause one call", async () => {
  await using store = await openTestStore("sqlite");
  const second = await openStore({ url: store.url as string, ids: testIds() });
  const clock = testClock();
  const seal = createSeal(Buffer.alloc(32, 1), "shared values");
  await using wx = await tokenGiver(clock);
  wx.given.meanwhile = () => delay(60);
  try {
    const processes = [store, second].map((store) =>
      wechatAt(wx.url, { app, clock, tokens: sharedValues({ store, clock, seal }) }),
    );
    const ask = () =>
      Promise.all(Array.from({ length: 50 }, (_, i) => processes[i % 2]?.accessToken().then((t) => t.token)));
    expect(new Set(await ask())).toEqual(new Set(["t1"]));
    expect(wx.counted.requests).toBe(1);
    clock.ms += 7200_000;
    expect(new Set(await ask())).toEqual(new Set(["t2"]));
    expect(wx.counted.requests).toBe(2);
  } finally {
    await second.close();
  }
});

test("a good one costs no call, and seldom a look into the store", async () => {
  const clock = testClock();
  await using wx = await tokenGiver(clock);
  const tokens = mapTokens(clock);
  const wechat = wechatAt(wx.url, { app, clock, tokens });
  await wechat.accessToken();
  tokens.reads = 0;
  for (let i = 0; i < 1000; i += 1) await wechat.accessToken();
  expect(tokens.reads).toBe(0);
  clock.ms += 10_000;
  expect(await wechat.accessToken()).toEqual({ token: "t1", expiresIn: 7190 });
  expect([tokens.reads, wx.counted.requests]).toEqual([1, 1]);
});

test("callers at the same moment share one look into the store", async () => {
  const clock = testClock();
  await using wx = await tokenGiver(clock);
  const tokens = mapTokens(clock);
  const wechat = wechatAt(wx.url, { app, clock, tokens });
  await Promise.all(Array.from({ length: 50 }, () => wechat.accessToken()));
  expect([tokens.reads, wx.counted.requests]).toEqual([2, 1]); // before the lease and inside
});

test("another process's new token is seen within seconds", async () => {
  const clock = testClock();
  await using wx = await tokenGiver(clock);
  const tokens = mapTokens(clock);
  const wechat = wechatAt(wx.url, { app, clock, tokens });
  await wechat.accessToken();
  const [name] = tokens.values.keys();
  tokens.values.set(name as string, { value: "theirs", expiresAt: clock.ms + 7200_000, version: 2 });
  clock.ms += 10_000;
  expect((await wechat.accessToken()).token).toBe("theirs");
});

test("it is renewed when WeChat has the next one, and never used beyond its end", async () => {
  const clock = testClock();
  await using wx = await tokenGiver(clock);
  const wechat = wechatAt(wx.url, { app, clock });
  await wechat.accessToken();
  clock.ms += (7200 - 271) * 1000;
  expect(await wechat.accessToken()).toEqual({ token: "t1", expiresIn: 271 });
  clock.ms += 1000;
  expect(await wechat.accessToken()).toEqual({ token: "t2", expiresIn: 7200 });
  clock.ms += 10 * 3600_000;
  expect(await wechat.accessToken()).toEqual({ token: "t3", expiresIn: 7200 });
  expect(wx.counted.requests).toBe(3);
});

test("while one renews, the others go on with the old one", async () => {
  const clock = testClock();
  await using wx = await tokenGiver(clock);
  const tokens = mapTokens(clock);
  const [one, other] = [wechatAt(wx.url, { app, clock, tokens }), wechatAt(wx.url, { app, clock, tokens })];
  await one.accessToken();
  clock.ms += 7000_000;
  const asked = Promise.withResolvers<void>();
  const goOn = Promise.withResolvers<void>();
  wx.given.meanwhile = () => {
    asked.resolve();
    return goOn.promise;
  };
  const renewing = one.accessToken();
  await asked.promise;
  expect((await one.accessToken()).token).toBe("t1");
  expect((await other.accessToken()).token).toBe("t1");
  goOn.resolve();
  expect((await renewing).token).toBe("t2");
  expect(wx.counted.requests).toBe(2);
});

const name = "wechat access_token wx1";

test("when WeChat is away the old one is used to its end, and WeChat is not asked at every call", async () => {
  const clock = testClock();
  await using wx = await answering(() => undefined);
  const tokens = mapTokens(clock);
  tokens.values.set(name, { value: "old", expiresAt: clock.ms + 200_000, version: 4 });
  const wechat = wechatAt(wx.url, { app, clock, tokens });
  for (let i = 0; i < 20; i += 1) expect((await wechat.accessToken()).token).toBe("old");
  expect(wx.counted.requests).toBe(1);
  clock.ms += 5_000;
  expect((await wechat.accessToken()).token).toBe("old");
  expect(wx.counted.requests).toBe(2);
  clock.ms += 195_000;
  expect((await failure(wechat.accessToken())).reason).toBe("WX_UNAVAILABLE");
  expect(tokens.leases.size).toBe(0);
});

test("a token of short life is used to its end, and asked for seldom", async () => {
  const clock = testClock();
  let count = 0;
  await using wx = await answering(() => {
    count += 1;
    return { access_token: "short", expires_in: 60 };
  });
  const wechat = wechatAt(wx.url, { app, clock });
  for (let i = 0; i < 50; i += 1) expect((await wechat.accessToken()).token).toBe("short");
  expect(count).toBe(1);
});

test("a lease whose holder died runs out, and another takes over", async () => {
  const clock = testClock();
  await using wx = await tokenGiver(clock);
  const tokens = mapTokens(clock);
  await tokens.lease(name, "died", 15_000);
  const waiting = wechatAt(wx.url, { app, clock, tokens }).accessToken();
  await delay(100);
  expect(wx.counted.requests).toBe(0);
  clock.ms += 15_000;
  expect((await waiting).token).toBe("t1");
});

const options = (clock: { now(): number }, leaseMs = 15_000) => ({ store: mapTokens(clock), clock, leaseMs });
const source = (ask: TokenSource["ask"]): TokenSource => ({ what: "a token", name: "a", ask });

test("who waits for somebody else's renewal does not wait for ever", async () => {
  const clock = testClock();
  const { store, ...rest } = options(clock, 50);
  await store.lease("a", "busy", 60_000);
  const token = keepToken(
    { store, ...rest },
    source(() => Promise.reject(new Error("not to be asked"))),
  );
  const error = await failure(token.current());
  expect(error.reason).toBe("WX_UNAVAILABLE");
  expect((error.cause as Error).message).toContain("did not renew it in time");
});

test("one caller's end does not end the others' wait, nor the renewal", async () => {
  const clock = testClock();
  await using wx = await tokenGiver(clock);
  const goOn = Promise.withResolvers<void>();
  wx.given.meanwhile = () => goOn.promise;
  const wechat = wechatAt(wx.url, { app, clock });
  const caller = new AbortController();
  const leaving = failure(wechat.accessToken(caller.signal));
  const staying = wechat.accessToken(new AbortController().signal);
  const late = failure(wechat.accessToken(AbortSignal.abort(new DOMException("late", "TimeoutError"))));
  caller.abort();
  expect([(await leaving).reason, (await late).reason]).toEqual(["CALL_CANCELLED", "DEADLINE_PASSED"]);
  goOn.resolve();
  expect((await staying).token).toBe("t1");
  expect(wx.counted.requests).toBe(1);
});

test("when all callers left, a renewal that fails harms nobody", async () => {
  const clock = testClock();
  const asked = Promise.withResolvers<{ value: string; expiresIn: number }>();
  const token = keepToken(
    options(clock),
    source(() => asked.promise),
  );
  const caller = new AbortController();
  const leaving = failure(token.current(caller.signal));
  caller.abort();
  await leaving;
  asked.reject(new Error("away"));
  await delay(10); // an unhandled rejection would end the test run
});

test("a value that somebody wrote meanwhile is not written over, but used", async () => {
  const clock = testClock();
  const { store, ...rest } = options(clock);
  const theirs = { value: "theirs", expiresAt: clock.ms + 7200_000, version: 1 };
  const token = keepToken(
    { store, ...rest },
    source(async () => {
      store.values.set("a", theirs);
      return { value: "ours", expiresIn: 7200 };
    }),
  );
  expect(await token.current()).toMatchObject(theirs);
  expect(store.values.get("a")).toEqual(theirs);
  expect(store.leases.size).toBe(0);
});

test("a value that WeChat refuses and gives again is not taken for the next one", async () => {
  const clock = testClock();
  const { store, ...rest } = options(clock);
  const token = keepToken(
    { store, ...rest },
    source(async () => ({ value: "same", expiresIn: 7200 })),
  );
  await token.current();
  const error = await failure(token.after("same"));
  expect(error.reason).toBe("WX_UNAVAILABLE");
  expect([store.values.get("a")?.version, store.leases.size]).toEqual([1, 0]);
});

test("inside the lease it is looked at again before WeChat is asked", async () => {
  const clock = testClock();
  const { store, ...rest } = options(clock);
  const theirs = { value: "theirs", expiresAt: clock.ms + 7200_000, version: 1 };
  const lease = store.lease;
  store.lease = async (...args) => {
    store.values.set("a", theirs);
    return lease(...args);
  };
  const token = keepToken(
    { store, ...rest },
    source(() => Promise.reject(new Error("not to be asked"))),
  );
  expect(await token.current()).toMatchObject(theirs);
  expect(store.leases.size).toBe(0);
});

test("the store's failure is told, and does no harm while the token at hand is good", async () => {
  const clock = testClock();
  await using wx = await tokenGiver(clock);
  const tokens = mapTokens(clock);
  const wechat = wechatAt(wx.url, { app, clock, tokens });
  await wechat.accessToken();
  tokens.read = () => Promise.reject(new Error("the database is away"));
  clock.ms += 60_000;
  expect((await wechat.accessToken()).token).toBe("t1");
  clock.ms += 7200_000;
  await expect(wechat.accessToken()).rejects.toThrow("the database is away");
});

test.for([40001, 40014, 42001])(
  "a call answered %i is made once more with the next token",
  async (errcode) => {
    const clock = testClock();
    await using wx = await tokenGiver(clock, ({ query }) =>
      query.get("access_token") === "t1" ? { errcode, errmsg: "over" } : made,
    );
    const wechat = wechatAt(wx.url, { app, clock });
    expect((await wechat.createSceneQr(qr)).ticket).toBe("gQ");
    // WeChat gave the refused token once more before it was forced.
    expect(wx.paths()).toEqual([stable, create, stable, stable, create]);
    expect(wx.given.forced).toBe(1);
    await wechat.createSceneQr(qr);
    expect(wx.counted.requests).toBe(6);
  },
);

test("a token that WeChat replaced is not forced", async () => {
  const clock = testClock();
  await using wx = await tokenGiver(clock, ({ query }) =>
    query.get("access_token") === "t1" ? made : { errcode: 40001 },
  );
  const tokens = mapTokens(clock);
  tokens.values.set(name, { value: "older", expiresAt: clock.ms + 7200_000, version: 1 });
  await wechatAt(wx.url, { app, clock, tokens }).createSceneQr(qr);
  expect(wx.paths()).toEqual([create, stable, create]);
  expect(tokens.values.get(name)).toMatchObject({ value: "t1", version: 2 });
  expect(wx.given.forced).toBe(0);
});

test("a refused token that somebody replaced in the store is not renewed again", async () => {
  const clock = testClock();
  await using wx = await tokenGiver(clock, ({ query }) =>
    query.get("access_token") === "theirs" ? made : { errcode: 42001 },
  );
  const tokens = mapTokens(clock);
  const wechat = wechatAt(wx.url, { app, clock, tokens });
  await wechat.accessToken();
  tokens.values.set(name, { value: "theirs", expiresAt: clock.ms + 7200_000, version: 2 });
  await wechat.createSceneQr(qr);
  expect(wx.paths()).toEqual([stable, create, create]);
});

test("many calls with one refused token cause one renewal", async () => {
  const clock = testClock();
  await using wx = await tokenGiver(clock, ({ query }) =>
    query.get("access_token") === "t1" ? { errcode: 40001 } : made,
  );
  const tokens = mapTokens(clock);
  const processes = [wechatAt(wx.url, { app, clock, tokens }), wechatAt(wx.url, { app, clock, tokens })];
  await Promise.all(processes.map((wechat) => wechat.accessToken()));
  const calls = Array.from({ length: 40 }, (_, i) => processes[i % 2]?.createSceneQr(qr));
  for (const { ticket } of (await Promise.all(calls)) as { ticket: string }[]) expect(ticket).toBe("gQ");
  expect([wx.given.forced, wx.given.count]).toEqual([1, 2]);
  expect(wx.asksForTokens()).toBe(3);
});

test.for([40002, 41001, 40013, 48001, -1])("errcode %i renews nothing", async (errcode) => {
  const clock = testClock();
  await using wx = await tokenGiver(clock, () => ({ errcode }));
  const error = await failure(wechatAt(wx.url, { app, clock }).createSceneQr(qr));
  expect(error.metadata.errcode).toBe(`${errcode}`);
  expect(wx.paths()).toEqual([stable, create]);
});

test("a lost answer is not asked for again", async () => {
  const clock = testClock();
  await using wx = await tokenGiver(clock, () => undefined);
  expect((await failure(wechatAt(wx.url, { app, clock }).createSceneQr(qr))).reason).toBe("WX_UNAVAILABLE");
  expect(wx.paths()).toEqual([stable, create]);
});

test("a WeChat that refuses every token is not driven round and round", async () => {
  const clock = testClock();
  await using wx = await tokenGiver(clock, () => ({ errcode: 40001 }));
  const tokens = mapTokens(clock);
  const one = wechatAt(wx.url, { app, clock, tokens });
  expect(await failure(one.createSceneQr(qr))).toMatchObject({
    reason: "WX_MISCONFIGURED",
    metadata: { errcode: "40001" },
  });
  expect(wx.paths()).toEqual([stable, create, stable, stable, create]);

  const processes = [one, wechatAt(wx.url, { app, clock, tokens })];
  for (let minute = 0; minute < 24 * 60; minute += 10) {
    const before = wx.given.forced;
    for (const wechat of processes) {
      const error = await failure(wechat.createSceneQr(qr));
      expect(["WX_MISCONFIGURED", "WX_UNAVAILABLE"]).toContain(error.reason);
    }
    expect(wx.given.forced - before).toBeLessThanOrEqual(1);
    clock.ms += 600_000;
  }
  expect(wx.given.forced).toBeGreaterThan(3);
  expect(wx.given.forced).toBeLessThan(15);
  expect(tokens.leases.size).toBe(0);
  // After a quiet day counting begins anew.
  clock.ms += 3 * 86_400_000;
  const before = wx.given.forced;
  const counts = [];
  for (const ms of [0, 30_000, 1_000]) {
    clock.ms += ms;
    await failure(one.createSceneQr(qr));
    counts.push(wx.given.forced - before);
  }
  expect(counts).toEqual([1, 1, 2]);
});

test.for([
  [{ access_token: "", expires_in: 7200 }, "access_token"],
  [{ access_token: "x".repeat(2049), expires_in: 7200 }, "access_token"],
  [{ access_token: 7, expires_in: 7200 }, "access_token"],
  [{ access_token: "t" }, "expires_in"],
  [{ access_token: "t", expires_in: 0 }, "expires_in"],
  [{ access_token: "t", expires_in: "7200" }, "expires_in"],
] as const)("an answer of %j is WX_UNAVAILABLE", async ([answer, field]) => {
  await using wx = await answering(() => answer);
  const tokens = mapTokens();
  const error = await failure(wechatAt(wx.url, { app, tokens }).accessToken());
  expect(error.reason).toBe("WX_UNAVAILABLE");
  expect((error.cause as Error).message).toContain(field);
  expect([tokens.values.size, tokens.leases.size]).toEqual([0, 0]);
});

test.for([40001, 40013, 40125, 40164, 40243])(
  "errcode %i for a token is WX_MISCONFIGURED, and shows no secret",
  async (errcode) => {
    await using wx = await answering(({ body }) => ({ errcode, errmsg: `bad ${JSON.stringify(body)}` }));
    const error = await failure(wechatAt(wx.url, { app }).sendTemplate(message));
    expect(error).toMatchObject({ reason: "WX_MISCONFIGURED", metadata: { errcode: `${errcode}` } });
    expect(printed(error)).toContain(`POST ${wx.url}${stable}`);
    expect(printed(error)).not.toContain(secret);
    expect(wx.paths()).toEqual([stable]);
  },
);

const message = { openid: "o1", templateId: "template", url: "", data: { first: "1" } };

test("no error shows an access token", async () => {
  const long = `${"t0ken+/".repeat(20)}=`;
  await using wx = await answering(({ path, query, body }) =>
    path === stable
      ? { access_token: long, expires_in: 7200 }
      : { errcode: 47001, errmsg: `${query.get("access_token")} ${query} ${JSON.stringify(body)}` },
  );
  const text = printed(await failure(wechatAt(wx.url, { app }).sendTemplate(message)));
  expect(text).toContain("errcode 47001");
  for (const form of [long, encodeURIComponent(long), "t0ken"]) expect(text).not.toContain(form);
});

test("two apps have two tokens, and each call has its own app's", async () => {
  await using wx = await answering(({ path, body }) =>
    path === stable
      ? { access_token: `of ${body.appid} ${body.secret}`, expires_in: 7200 }
      : { ...made, errcode: 0 },
  );
  const wechat = wechatAt(wx.url, {
    miniProgram: { appid: "wxmini", secret: "a" },
    officialAccount: { appid: "wxaccount", secret: "b" },
  });
  await wechat.sendSubscription(message);
  await wechat.sendTemplate(message);
  await wechat.createSceneQr(qr);
  const used = wx.asked
    .filter(({ path }) => path !== stable)
    .map(({ path, query }) => [path, query.get("access_token")]);
  expect(used).toEqual([
    ["/cgi-bin/message/subscribe/send", "of wxmini a"],
    ["/cgi-bin/message/template/send", "of wxaccount b"],
    [create, "of wxaccount b"],
  ]);
  expect((await wechat.accessToken()).token).toBe("of wxaccount b");
  expect(wx.counted.requests).toBe(5);
});

test("one app that is both has one token", async () => {
  const clock = testClock();
  await using wx = await tokenGiver(clock, () => ({ ...made, errcode: 0 }));
  const wechat = wechatAt(wx.url, { app, clock });
  await Promise.all([wechat.sendSubscription(message), wechat.sendTemplate(message), wechat.accessToken()]);
  expect(wx.asksForTokens()).toBe(1);
});

test("with the simulator: through a day of renewals every call is good", async () => {
  const clock = testClock();
  await using sim = await startSimulator({ port: 0, clock });
  const wechat = wechatAt(sim.url, { clock });
  const seen = new Set<string>();
  for (let minute = 0; minute < 24 * 60; minute += 4) {
    seen.add((await wechat.accessToken()).token);
    expect((await wechat.createSceneQr(qr)).expireSeconds).toBe(60);
    clock.ms += 4 * 60_000;
  }
  expect(seen.size).toBe(13);
});

test("with the simulator: a token that somebody forced away is replaced in passing", async () => {
  const clock = testClock();
  await using sim = await startSimulator({ port: 0, clock });
  const wechat = wechatAt(sim.url, { clock });
  const { token } = await wechat.accessToken();
  const body = { grant_type: "client_credential", appid: "wx5a4db0c500000000", secret: "sandbox" };
  const forced = await fetch(sim.url + stable, {
    method: "POST",
    body: JSON.stringify({ ...body, force_refresh: true }),
  });
  const { access_token: theirs } = (await forced.json()) as { access_token: string };
  expect((await wechat.createSceneQr(qr)).expireSeconds).toBe(60);
  const now = (await wechat.accessToken()).token;
  expect([now === token, now === theirs]).toEqual([false, true]);
});
