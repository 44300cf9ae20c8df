import { setTimeout as sleep } from "node:timers/promises";
import Sqlite from "better-sqlite3";
import { expect, test } from "vitest";
import { openAuth } from "../../src/auth/auth.ts";
import { authenticator } from "../../src/auth/authenticate.ts";
import { openKeyRing, rotateKeys } from "../../src/auth/keys.ts";
import { createSeal } from "../../src/auth/seal.ts";
import { sessionState } from "../../src/auth/store.ts";
import { accessTokens } from "../../src/auth/tokens.ts";
import type { Store } from "../../src/storage/store.ts";
import { settings } from "./settings.ts";
import { claims, HOUR, openWorld, refused, SECOND } from "./world.ts";

/** The same store, which counts how often it is read. */
function counting(store: Store) {
  let reads = 0;
  return {
    ...store,
    get read() {
      reads++;
      return store.read;
    },
    reads: () => reads,
  };
}

/** A connection that gets in the way of the server's. */
function intruder(url = "") {
  return new Sqlite(url.slice("file:".length));
}

test("a token that was checked lately is answered at once, without a promise or a question", async () => {
  await using world = await openWorld();
  const server = await world.start();
  const { accessToken, uid } = await server.auth.sessions.create({
    uid: await server.person(),
    appid: "wx-test",
    device: "",
  });
  const store = counting(server.store);
  const { clock, encryptionKey } = world;
  const auth = await openAuth({ store, clock, ids: { next: () => 0 }, encryptionKey, settings });
  const before = store.reads();
  const identity = await auth.authenticate(accessToken);
  world.clock.pass(3 * SECOND - 1);
  for (let i = 0; i < 10; i++) expect(auth.authenticate(accessToken)).toBe(identity);
  expect(store.reads()).toBe(before + 1);
  // Then one of many asks for all.
  world.clock.pass(1);
  const answers = await Promise.all(Array.from({ length: 10 }, () => auth.authenticate(accessToken)));
  expect(new Set(answers)).toEqual(
    new Set([{ kind: "user", uid, sid: expect.any(String), appid: "wx-test", role: "customer" }]),
  );
  expect(store.reads()).toBe(before + 2);
  await auth.close();
});

test("a remembered token still runs out, and is asked about anew when the clock steps back", async () => {
  await using world = await openWorld();
  const [one, two] = [await world.start(), await world.start()];
  const uid = await one.person();
  const pair = await one.auth.sessions.create({ uid, appid: "wx-test", device: "" });
  world.clock.pass(HOUR);
  await one.auth.authenticate(pair.accessToken);
  await two.auth.sessions.revoke(uid, claims(pair.refreshToken).sid, "logout");
  world.clock.pass(-60 * SECOND);
  await refused(() => one.auth.authenticate(pair.accessToken), "SESSION_REVOKED");

  const late = await one.auth.sessions.create({ uid, appid: "wx-test", device: "" });
  await one.auth.authenticate(late.accessToken);
  world.clock.pass(HOUR);
  await one.auth.authenticate(late.accessToken);
  world.clock.pass(SECOND);
  await refused(() => one.auth.authenticate(late.accessToken), "TOKEN_EXPIRED");
  await refused(() => two.auth.authenticate(late.accessToken), "TOKEN_EXPIRED");
});

test("a new role counts within 5 s", async () => {
  await using world = await openWorld();
  const { auth, store, person } = await world.start();
  const { accessToken } = await auth.sessions.create({ uid: await person(), appid: "wx-test", device: "" });
  expect(await auth.authenticate(accessToken)).toMatchObject({ role: "customer" });
  await store.tx(async ({ db, t }) => {
    await db.update(t.users).set({ role: "business" });
  });
  world.clock.pass(5 * SECOND);
  expect(await auth.authenticate(accessToken)).toMatchObject({ role: "business" });
});

test("an answer that the end of the session overtook serves no later call", async () => {
  await using world = await openWorld();
  const { clock, encryptionKey } = world;
  const server = await world.start();
  const uid = await server.person();
  const keys = await openKeyRing({
    store: server.store,
    clock,
    seal: createSeal(encryptionKey, "signing keys"),
  });
  const tokens = accessTokens({ keys, clock, settings });
  const db = intruder(world.store.url);
  const end = db.prepare("update sessions set revoked_at = 1 where sid = ?");
  const answers: string[] = [];
  // The end comes before the row is read, after it, between any two steps until the answer is out.
  for (let steps = 0; steps < 20; steps++) {
    const { accessToken, refreshToken } = await server.auth.sessions.create({
      uid,
      appid: "wx-test",
      device: "",
    });
    const { sid } = claims(refreshToken);
    const endAfter = (left: number) => {
      if (left > 0) return queueMicrotask(() => endAfter(left - 1));
      end.run(sid);
      checker.forget([sid]);
    };
    let asked = false;
    const store = {
      ...server.store,
      get read() {
        if (!asked) endAfter(steps);
        asked = true;
        return server.store.read;
      },
    };
    const checker = authenticator({ store, keys, clock, tokens, admitsApp: () => true });
    const [check] = await Promise.allSettled([checker.authenticate(accessToken)]);
    answers.push(check.status);
    await sleep(0);
    await refused(() => checker.authenticate(accessToken), "SESSION_REVOKED", `after ${steps} steps`);
  }
  expect(new Set(answers)).toEqual(new Set(["rejected", "fulfilled"]));
  db.close();
  keys.close();
});

test("a database that fails makes no one unauthenticated", async () => {
  await using world = await openWorld();
  const { auth, person } = await world.start();
  const uid = await person();
  const [known, fresh] = [
    await auth.sessions.create({ uid, appid: "wx-test", device: "" }),
    await auth.sessions.create({ uid, appid: "wx-test", device: "" }),
  ];
  const app = await auth.apps.create({ appid: "a", role: "device", quotaPerDay: 9 });
  const machine = await auth.apps.issueToken("a", app.secret);
  await auth.authenticate(known.accessToken);
  await auth.authenticate(machine.accessToken);
  const db = intruder(world.store.url);
  world.clock.pass(4 * SECOND);
  // Statements of both tables fail, as if the file were damaged.
  db.exec("alter table sessions rename to s; alter table apps rename to a");
  for (const { accessToken } of [known, fresh, machine]) {
    await refused(() => auth.authenticate(accessToken), "UNAVAILABLE");
    await refused(() => auth.authenticate(accessToken), "UNAVAILABLE");
  }
  db.exec("alter table s rename to sessions; alter table a rename to apps");
  db.close();
  for (const { accessToken } of [known, fresh])
    expect(await auth.authenticate(accessToken)).toMatchObject({ uid });
  expect(await auth.authenticate(machine.accessToken)).toMatchObject({ appid: "a" });
});

test("a write lock held by another process fails no call, and the use is written down later", async () => {
  await using world = await openWorld();
  const { auth, store, person } = await world.start();
  const first = await auth.sessions.create({ uid: await person(), appid: "wx-test", device: "" });
  const second = await auth.sessions.renew(first.refreshToken, "a");
  const used = async () =>
    (await sessionState(store.read, { sid: claims(first.refreshToken).sid }))[0]?.successorUsed;
  const db = intruder(world.store.url);
  db.exec("begin immediate");
  expect(await auth.authenticate(second.accessToken)).toMatchObject({ kind: "user" });
  const renewing = auth.sessions.renew(second.refreshToken, "b");
  await sleep(50);
  expect(await used()).toBe(false);
  db.exec("commit");
  db.close();
  expect(claims((await renewing).refreshToken).gen).toBe(2);
});

test("a token of a removed key is refused, also one that was remembered", async () => {
  await using world = await openWorld();
  const { clock, encryptionKey } = world;
  const { store, auth, person } = await world.start({ accessTtl: 86400 });
  const { accessToken, uid } = await auth.sessions.create({
    uid: await person(),
    appid: "wx-test",
    device: "",
  });
  const deps = { store, clock, seal: createSeal(encryptionKey, "signing keys") };
  const keys = await openKeyRing(deps);
  const tokens = accessTokens({ keys, clock, settings });
  const { authenticate } = authenticator({ store, keys, clock, tokens, admitsApp: () => true });
  // As if the life of tokens had been shorter when the keys were rotated.
  await rotateKeys(deps, { longestTokenMs: HOUR });
  clock.pass(HOUR);
  await keys.reload();
  expect(await authenticate(accessToken)).toMatchObject({ uid });
  clock.pass(HOUR);
  await keys.reload();
  await refused(() => authenticate(accessToken), "TOKEN_INVALID");
  keys.close();
});
