import { expect, test } from "vitest";
import type { App } from "../../../src/app.ts";
import { deleteOldEvents, takeEvent } from "../../../src/services/wx/events.ts";
import type { WechatEvent } from "../../../src/wechat/callback.ts";
import { movableClock, rejects, startApp } from "../../app.ts";
import { databases } from "../../databases.ts";

/** What the callback reads of an event of alice's that WeChat sent at `createTime` (s). */
function event(name: string, createTime: number, more: Partial<WechatEvent> = {}): WechatEvent {
  return {
    to: "gh_1",
    from: "sandbox_alice",
    createTime,
    msgType: "event",
    event: name,
    eventKey: "",
    msgId: "",
    sceneId: undefined,
    ...more,
  };
}

async function stateOf(app: App) {
  const { db, t } = app.store.read;
  const { subscribed, attentionTime, changedAt, sceneId, scanTime } = t.followers;
  const rows = await db.select({ subscribed, attentionTime, changedAt, sceneId, scanTime }).from(t.followers);
  expect(rows).toHaveLength(1);
  return rows[0];
}

/** All orders of a list. */
function orders<T>(items: readonly T[]): T[][] {
  if (items.length < 2) return [[...items]];
  return items.flatMap((item, i) => orders(items.toSpliced(i, 1)).map((rest) => [item, ...rest]));
}

for (const database of databases) {
  test(`people begin to follow, scan, leave and come back (${database})`, async () => {
    await using app = await startApp({ database });
    const service = await app.appWith("service");
    const followers = async () => (await service.wx.listFollowers({})).followers;
    const tell = async (body: object) => {
      expect(await app.sim("/sim/event", { openid: "sandbox_alice", ...body })).toMatchObject({
        delivered: true,
      });
    };
    const start = Math.floor(Date.now() / 1000) * 1000;

    await tell({ event: "subscribe", scene_id: 10025 });
    const [first] = await followers();
    expect(first).toMatchObject({ openId: "sandbox_alice", sceneId: 10025, subscribed: true });
    expect(Number(first?.attentionTime)).toBeGreaterThanOrEqual(start);
    const scan = await service.wx.getScene({ openId: "sandbox_alice" });
    expect(scan).toMatchObject({ sceneId: 10025, scanTime: BigInt(Number(first?.attentionTime) / 1000) });

    await tell({ event: "SCAN", scene_id: 4294967295, encrypted: true });
    expect(await followers()).toEqual([{ ...first, sceneId: 4294967295 }]);
    await tell({ event: "unsubscribe", encrypted: true });
    expect(await followers()).toEqual([{ ...first, sceneId: 4294967295, subscribed: false }]);
    await tell({ event: "text", content: "where am I" });
    await tell({ event: "subscribe" });
    const [back] = await followers();
    expect(back).toMatchObject({ sceneId: 4294967295, subscribed: true });
    expect(Number(back?.attentionTime)).toBeGreaterThan(Number(first?.attentionTime));
  });

  test(`an event that comes a hundred times at once is worked off once (${database})`, async () => {
    await using app = await startApp({ database });
    const again = event("subscribe", 1000, { sceneId: 7 });
    const results = await Promise.all(Array.from({ length: 100 }, () => takeEvent(app.app, again)));
    expect(results.filter((result) => result === "new")).toHaveLength(1);
    expect(results.filter((result) => result === "repeated")).toHaveLength(99);
    const { db, t } = app.app.store.read;
    expect(await db.select().from(t.wechatEvents)).toHaveLength(1);
    expect(await stateOf(app.app)).toMatchObject({ subscribed: true, sceneId: 7, scanTime: 1_000_000 });
  });

  test(`many people's events at once all arrive (${database})`, async () => {
    await using app = await startApp({ database });
    const sent = Array.from({ length: 60 }, (_, i) =>
      event(i % 2 ? "SCAN" : "subscribe", 1000 + (i % 2), { from: `p${i >> 1}`, sceneId: i + 1 }),
    );
    await Promise.all(sent.map((one) => takeEvent(app.app, one)));
    const service = await app.appWith("service");
    const { followers, totalCount } = await service.wx.listFollowers({ limit: 100 });
    expect(totalCount).toBe(30);
    expect(new Map(followers.map(({ openId, sceneId }) => [openId, sceneId]))).toEqual(
      new Map(Array.from({ length: 30 }, (_, i) => [`p${i}`, 2 * i + 2])),
    );
  });

  test(`in whatever order events come, the newest holds (${database})`, async () => {
    await using app = await startApp({ database });
    const sent = [
      event("subscribe", 1000, { sceneId: 1 }),
      event("SCAN", 1001, { sceneId: 2 }),
      event("unsubscribe", 1002),
      event("subscribe", 1003, { sceneId: 3 }),
    ];
    const { store } = app.app;
    for (const [i, order] of orders(sent).entries()) {
      // In lives of their own, so that the same events are new again.
      for (const one of order) await takeEvent(app.app, { ...one, from: `p${i}` });
    }
    const { db, t } = store.read;
    const { subscribed, attentionTime, changedAt, sceneId, scanTime } = t.followers;
    const rows = await db
      .select({ subscribed, attentionTime, changedAt, sceneId, scanTime })
      .from(t.followers);
    expect(rows).toEqual(
      Array(24).fill({
        subscribed: true,
        attentionTime: 1_003_000,
        changedAt: 1_003_000,
        sceneId: 3,
        scanTime: 1_003_000,
      }),
    );
  });

  test(`an older event that comes late changes nothing (${database})`, async () => {
    await using app = await startApp({ database });
    await takeEvent(app.app, event("SCAN", 1005, { sceneId: 5 }));
    await takeEvent(app.app, event("unsubscribe", 1006));
    const before = await stateOf(app.app);
    expect(before).toMatchObject({ subscribed: false, sceneId: 5, scanTime: 1_005_000 });
    expect(await takeEvent(app.app, event("subscribe", 1001, { sceneId: 1 }))).toBe("new");
    expect(await takeEvent(app.app, event("SCAN", 1004, { sceneId: 4 }))).toBe("new");
    expect(await stateOf(app.app)).toEqual(before);
    // A scan and the goodbye of the same second, as they come.
    await takeEvent(app.app, event("SCAN", 1007, { sceneId: 7 }));
    await takeEvent(app.app, event("unsubscribe", 1007));
    expect(await stateOf(app.app)).toMatchObject({ subscribed: false, sceneId: 7 });
  });

  test(`followers are listed in pages, in the order in which they were first seen (${database})`, async () => {
    await using app = await startApp({ database });
    const service = await app.appWith("service");
    for (let i = 0; i < 23; i++) await takeEvent(app.app, event("subscribe", 2000 - i, { from: `p${i}` }));
    await takeEvent(app.app, event("unsubscribe", 3000, { from: "p3" }));
    const list = async (request: { start?: number; limit?: number; openId?: string }) => {
      const { followers, totalCount } = await service.wx.listFollowers(request);
      return [followers.map(({ openId }) => openId), totalCount];
    };
    const all = Array.from({ length: 23 }, (_, i) => `p${i}`);
    expect(await list({})).toEqual([all.slice(0, 20), 23]);
    expect(await list({ start: 20 })).toEqual([all.slice(20), 23]);
    expect(await list({ start: 3, limit: 2 })).toEqual([["p3", "p4"], 23]);
    expect(await list({ start: 99 })).toEqual([[], 23]);
    expect(await list({ openId: "p5" })).toEqual([["p5"], 1]);
    expect(await list({ openId: "p99" })).toEqual([[], 0]);
    await rejects(service.wx.listFollowers({ limit: 101 }), "INVALID_REQUEST");
    await rejects(service.wx.listFollowers({ start: -1 }), "INVALID_REQUEST");
  });

  test(`a person's scene is the newest of all their openids (${database})`, async () => {
    await using app = await startApp({ database });
    const alice = await app.signIn("alice");
    await rejects(alice.wx.getScene({}), "SCENE_NOT_FOUND");
    await app.app.store.tx(async ({ db, t }) => {
      const userId = Number(alice.uid);
      await db.insert(t.identities).values({ id: 1, userId, appid: "wx-account", openid: "o-alice" });
    });
    await takeEvent(app.app, event("SCAN", 1000, { sceneId: 1 }));
    await takeEvent(app.app, event("SCAN", 1009, { sceneId: 9, from: "o-alice" }));
    await takeEvent(app.app, event("SCAN", 1005, { sceneId: 5 }));
    await takeEvent(app.app, event("SCAN", 1010, { sceneId: 10, from: "sandbox_bob" }));
    expect(await alice.wx.getScene({})).toMatchObject({ sceneId: 9, scanTime: 1009n });
    expect(await alice.wx.getScene({ openId: "sandbox_alice" })).toMatchObject({
      sceneId: 5,
      scanTime: 1005n,
    });
    const bob = await app.signIn("bob");
    expect(await bob.wx.getScene({})).toMatchObject({ sceneId: 10 });
    for (const openId of ["sandbox_alice", "nobody"]) {
      await rejects(bob.wx.getScene({ openId }), "ACCESS_DENIED");
    }
  });

  test(`events are forgotten after three days (${database})`, async () => {
    const clock = movableClock();
    await using app = await startApp({ database, clock });
    const { db, t } = app.app.store.read;
    const kept = async () => (await db.select({ key: t.wechatEvents.key }).from(t.wechatEvents)).length;
    for (let i = 0; i < 3; i++) await takeEvent(app.app, event("SCAN", i));
    clock.pass(2 * 86400_000);
    await takeEvent(app.app, event("SCAN", 3));
    await deleteOldEvents(app.app);
    expect(await kept()).toBe(4);
    clock.pass(86400_000 + 1);
    await deleteOldEvents(app.app);
    expect(await kept()).toBe(1);
    expect(await takeEvent(app.app, event("SCAN", 3))).toBe("repeated");
  });
}

test("an app names whose scene it asks for", async () => {
  await using app = await startApp();
  const service = await app.appWith("service");
  const error = await rejects(service.wx.getScene({}), "INVALID_REQUEST");
  expect(error.rawMessage).toContain("open_id");
  await rejects(service.wx.getScene({ openId: "sandbox_alice" }), "SCENE_NOT_FOUND");
  await takeEvent(app.app, event("subscribe", 1000));
  await rejects(service.wx.getScene({ openId: "sandbox_alice" }), "SCENE_NOT_FOUND");
  await takeEvent(app.app, event("SCAN", 1001, { sceneId: 12 }));
  expect(await service.wx.getScene({ openId: "sandbox_alice" })).toMatchObject({
    sceneId: 12,
    scanTime: 1001n,
  });
});

test("only those may ask who should", async () => {
  await using app = await startApp();
  const alice = await app.signIn("alice");
  const [service, operator, device] = [
    await app.appWith("service"),
    await app.appWith("operator"),
    await app.appWith("device"),
  ];
  for (const caller of [alice, operator, device]) {
    await rejects(caller.wx.listFollowers({}), "ACCESS_DENIED");
    await rejects(caller.wx.getAccessToken({}), "ACCESS_DENIED");
    await rejects(caller.wx.sendMessage({ openId: "x", templateId: "y" }), "ACCESS_DENIED");
  }
  for (const caller of [operator, device]) {
    await rejects(caller.wx.getScene({ openId: "sandbox_alice" }), "ACCESS_DENIED");
  }
  for (const caller of [alice, service, device]) {
    await rejects(caller.wx.createSceneQr({ sceneId: 1 }), "ACCESS_DENIED");
  }
  await rejects(app.as().wx.getScene({}), "TOKEN_MISSING");
  await rejects(service.wx.getPhoneNumber({ code: "dev:13800138000" }), "ACCESS_DENIED");
});

test("a QR code with a scene leads to the account", async () => {
  await using app = await startApp();
  const operator = await app.appWith("operator");
  const short = await operator.wx.createSceneQr({ sceneId: 4294967295, expireSeconds: 600 });
  expect(short).toMatchObject({ ticket: expect.stringMatching(/./), url: expect.stringMatching(/^http/) });
  expect(short.expireSeconds).toBe(600);
  const lasting = await operator.wx.createSceneQr({ sceneId: 100000 });
  expect(lasting.expireSeconds).toBe(0);
  await rejects(operator.wx.createSceneQr({ sceneId: 100001 }), "INVALID_REQUEST");
  await rejects(operator.wx.createSceneQr({}), "INVALID_REQUEST");
  await app.sim("/sim/scan", { openid: "sandbox_alice", ticket: short.ticket });
  const alice = await app.signIn("alice");
  expect(await alice.wx.getScene({})).toMatchObject({ sceneId: 4294967295 });
});
