import { randomBytes } from "node:crypto";
import { createLocalJWKSet, jwtVerify } from "jose";
import { expect, test } from "vitest";
import { openAuth, openKeyAdmin } from "../../src/auth/auth.ts";
import { openKeyRing, rotateKeys } from "../../src/auth/keys.ts";
import { createSeal } from "../../src/auth/seal.ts";
import { accessTokens, type Subject } from "../../src/auth/tokens.ts";
import { settings } from "./settings.ts";
import { HOUR, openWorld, SECOND } from "./world.ts";

const subject: Subject = { kind: "user", uid: 7, sid: "s", generation: 0, appid: "wx" };

function kidOf(token: string): string {
  return JSON.parse(Buffer.from(token.split(".")[0] ?? "", "base64url").toString()).kid;
}

test("the key set verifies the tokens and holds no private part", async () => {
  await using world = await openWorld();
  const { auth, person } = await world.start();
  const { accessToken } = await auth.sessions.create({ uid: await person(), appid: "wx-test", device: "" });
  const { keys } = auth.jwks();
  expect(keys).toEqual([
    { kty: "OKP", crv: "Ed25519", alg: "EdDSA", use: "sig", kid: kidOf(accessToken), x: expect.any(String) },
  ]);
  const verified = await jwtVerify(accessToken, createLocalJWKSet({ keys }), {
    issuer: settings.issuer,
    currentDate: new Date(world.clock.now()),
  });
  expect(verified.payload).toMatchObject({ client_id: "wx-test", sid: expect.any(String) });
});

test("processes that start at once on an empty database accept each other's tokens", async () => {
  await using world = await openWorld();
  const servers = await Promise.all([world.start(), world.start(), world.start()]);
  const uid = await (servers[0] as (typeof servers)[0]).person();
  for (const from of servers) {
    const { accessToken } = await from.auth.sessions.create({ uid, appid: "wx-test", device: "" });
    for (const to of servers) expect(await to.auth.authenticate(accessToken)).toMatchObject({ uid });
  }
});

test("a rotation publishes the next key, then signs with it, and drops the old one after its last token", async () => {
  await using world = await openWorld();
  const { clock, encryptionKey } = world;
  const { store, auth, person } = await world.start();
  const uid = await person();
  const old = await auth.sessions.create({ uid, appid: "wx-test", device: "" });
  await auth.authenticate(old.accessToken);
  const admin = await openKeyAdmin({ store, clock, encryptionKey, accessTtl: settings.accessTtl });
  const rotated = await admin.rotate();
  const [before, after] = rotated.map(({ kid }) => kid) as [string, string];
  expect(rotated.map(({ state }) => state)).toEqual(["signing", "next"]);
  expect(before).toBe(kidOf(old.accessToken));

  const ring = await openKeyRing({ store, clock, seal: createSeal(encryptionKey, "signing keys") });
  expect(ring.jwks().keys.map(({ kid }) => kid)).toEqual([before, after]);
  clock.pass(10 * SECOND - 1);
  expect(ring.signingKey().kid).toBe(before);
  clock.pass(1);
  expect(ring.signingKey().kid).toBe(after);
  expect((await admin.list()).map(({ state }) => state)).toEqual(["retired", "signing"]);

  clock.pass(2 * HOUR);
  await ring.reload();
  expect(ring.has(before)).toBe(true);
  clock.pass(60 * SECOND);
  await ring.reload();
  expect(ring.jwks().keys.map(({ kid }) => kid)).toEqual([after]);
  ring.close();
});

test("keys rotate under load over two rings with no refused token", async () => {
  await using world = await openWorld();
  const { store } = await world.start();
  const deps = { store, clock: Date, seal: createSeal(world.encryptionKey, "signing keys") };
  const rings = await Promise.all([openKeyRing(deps, { reloadMs: 50 }), openKeyRing(deps, { reloadMs: 50 })]);
  const [one, two] = rings.map((keys) => accessTokens({ keys, clock: Date, settings }));
  const seen = new Set<string>();
  let running = true;
  const load = async (from = one, to = two) => {
    let calls = 0;
    for (; running; calls++) {
      const token = await from?.sign(subject, Math.floor(Date.now() / 1000) + 60);
      seen.add(kidOf(token ?? ""));
      await to?.verify(token ?? "");
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    return calls;
  };
  const callers = [load(one, two), load(two, one), load(two, one)];
  for (let rotation = 0; rotation < 5; rotation++) {
    await rotateKeys(deps, { longestTokenMs: 60_000, publishMs: 150 });
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  running = false;
  for (const calls of await Promise.all(callers)) expect(calls).toBeGreaterThan(50);
  expect(seen.size).toBe(6);
  for (const ring of rings) ring.close();
});

test("the server does not start with another encryption key, an altered key or none", async () => {
  await using world = await openWorld();
  const { store } = await world.start();
  const ids = { next: () => 1 };
  const open = (encryptionKey: Uint8Array) =>
    openAuth({ store, clock: world.clock, ids, encryptionKey, settings });
  await expect(open(randomBytes(32))).rejects.toThrow(
    /^ENCRYPTION_KEY: not the key that this database was encrypted with$/,
  );
  // All retired and none next: what no rotation leaves behind.
  await store.tx(async ({ db, t }) => {
    await db.update(t.signingKeys).set({ retireAt: 1 });
  });
  await expect(open(world.encryptionKey)).rejects.toThrow(/^there is no key to sign tokens with$/);
  await store.tx(async ({ db, t }) => {
    await db.update(t.signingKeys).set({ retireAt: null, kid: "other" });
  });
  await expect(open(world.encryptionKey)).rejects.toThrow(/^signing key other: altered/);
});

test("a key that was only written to the database is not trusted", async () => {
  await using world = await openWorld();
  const { store, auth, person } = await world.start();
  const { accessToken } = await auth.sessions.create({ uid: await person(), appid: "wx-test", device: "" });
  await store.tx(async ({ db, t }) => {
    await db
      .update(t.signingKeys)
      .set({ publicJwk: JSON.stringify({ kty: "OKP", crv: "Ed25519", x: "AAAA" }) });
  });
  const again = await world.start();
  expect(again.auth.jwks()).toEqual(auth.jwks());
  expect(await again.auth.authenticate(accessToken)).toMatchObject({ kind: "user" });
});
