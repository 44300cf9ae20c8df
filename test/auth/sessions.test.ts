import { eq } from "drizzle-orm";
import { expect, test } from "vitest";
import type { TokenPair } from "../../src/auth/sessions.ts";
import type { Reader } from "../../src/storage/store.ts";
import { databases } from "../databases.ts";
import { settings } from "./settings.ts";
import { claims, DAY, HOUR, openWorld, refused, SECOND } from "./world.ts";

/** Of the race; the full number is run by hand. */
const ROUNDS = Number(process.env.ROUNDS ?? 50);

async function row({ db, t }: Reader, refreshToken: string) {
  const [found] = await db
    .select()
    .from(t.sessions)
    .where(eq(t.sessions.sid, claims(refreshToken).sid));
  if (!found) throw new Error("no such session");
  return found;
}

function events({ db, t }: Reader) {
  return db.select({ kind: t.auditEvents.kind, sid: t.auditEvents.sid }).from(t.auditEvents);
}

for (const database of databases) {
  test(`a login gives a pair of tokens, and renewing gives the next pair (${database})`, async () => {
    await using world = await openWorld(database);
    const { auth, store, person } = await world.start();
    const uid = await person("business");
    const first = await auth.sessions.create({ uid, appid: "wx-test", device: "phone" });
    expect(first).toMatchObject({ uid, expiry: world.clock.now() / 1000 + 3600 });
    expect(await auth.authenticate(first.accessToken)).toEqual({
      kind: "user",
      appid: "wx-test",
      uid,
      sid: claims(first.refreshToken).sid,
      role: "business",
    });
    world.clock.pass(HOUR / 2);
    const second = await auth.sessions.renew(first.refreshToken);
    expect(second.refreshToken).not.toBe(first.refreshToken);
    expect(second.expiry).toBe(first.expiry + 1800);
    expect(await row(store.read, first.refreshToken)).toMatchObject({ generation: 1, device: "phone" });
    // The first access token works to its end.
    expect(await auth.authenticate(first.accessToken)).toMatchObject({ uid });
  });

  test(`the predecessor gives the same successor for 30 s, with any attempt or none, and moves no expiry (${database})`, async () => {
    await using world = await openWorld(database);
    const { auth, store, person } = await world.start();
    const first = await auth.sessions.create({ uid: await person(), appid: "wx-test", device: "" });
    const second = await auth.sessions.renew(first.refreshToken, "a");
    const before = await row(store.read, first.refreshToken);
    world.clock.pass(30 * SECOND - 1);
    for (const attempt of ["a", "b", undefined]) {
      const again = await auth.sessions.renew(first.refreshToken, attempt);
      expect(again.refreshToken).toBe(second.refreshToken);
      expect(await auth.authenticate(again.accessToken)).toMatchObject({ kind: "user" });
    }
    expect({ ...(await row(store.read, first.refreshToken)), successorUsed: false }).toEqual(before);
  });

  test(`after 30 s another attempt is a reuse, which ends the session and leaves an audit event (${database})`, async () => {
    for (const attempt of ["b", undefined]) {
      await using world = await openWorld(database);
      const { auth, store, person } = await world.start();
      const uid = await person();
      const first = await auth.sessions.create({ uid, appid: "wx-test", device: "" });
      const other = await auth.sessions.create({ uid, appid: "wx-test", device: "other" });
      const second = await auth.sessions.renew(first.refreshToken, "a");
      world.clock.pass(30 * SECOND);
      await auth.authenticate(second.accessToken);
      await refused(() => auth.sessions.renew(first.refreshToken, attempt), "REFRESH_TOKEN_REUSED");
      await refused(() => auth.sessions.renew(second.refreshToken), "SESSION_REVOKED");
      await refused(() => auth.authenticate(second.accessToken), "SESSION_REVOKED");
      const { sid } = claims(first.refreshToken);
      expect(await events(store.read)).toEqual([{ kind: "session.reused", sid }]);
      // That session alone.
      expect(await auth.authenticate(other.accessToken)).toMatchObject({ uid });
      expect(await auth.sessions.renew(other.refreshToken)).toMatchObject({ uid });
    }
  });

  test(`sessions past their absolute end are deleted, and their tokens answered as before (${database})`, async () => {
    await using world = await openWorld(database);
    const { auth, store, person } = await world.start();
    const uid = await person();
    const old = await auth.sessions.create({ uid, appid: "wx-test", device: "" });
    world.clock.pass(100 * DAY);
    const young = await auth.sessions.create({ uid, appid: "wx-test", device: "" });
    await auth.cleanUp();
    expect((await row(store.read, old.refreshToken)).userId).toBe(uid);
    world.clock.pass(82 * DAY);
    await auth.cleanUp();
    await expect(row(store.read, old.refreshToken)).rejects.toThrow("no such session");
    expect((await row(store.read, young.refreshToken)).userId).toBe(uid);
    await refused(() => auth.sessions.renew(old.refreshToken), "REFRESH_TOKEN_EXPIRED");
  });

  test(`the same attempt gives the same successor for 24 h (${database})`, async () => {
    await using world = await openWorld(database);
    const { auth, person } = await world.start();
    const first = await auth.sessions.create({ uid: await person(), appid: "wx-test", device: "" });
    const second = await auth.sessions.renew(first.refreshToken, "a");
    world.clock.pass(DAY - 1);
    expect((await auth.sessions.renew(first.refreshToken, "a")).refreshToken).toBe(second.refreshToken);
    world.clock.pass(1);
    await refused(() => auth.sessions.renew(first.refreshToken, "a"), "REFRESH_TOKEN_REUSED");
  });

  test(`past the 30 s, the use of the successor's access token ends the replay by the same attempt (${database})`, async () => {
    await using world = await openWorld(database);
    const [one, two] = [await world.start(), await world.start()];
    const first = await one.auth.sessions.create({ uid: await one.person(), appid: "wx-test", device: "" });
    const second = await one.auth.sessions.renew(first.refreshToken, "a");
    // The predecessor's access token says nothing about the successor.
    await one.auth.authenticate(first.accessToken);
    world.clock.pass(HOUR / 2);
    expect((await one.auth.sessions.renew(first.refreshToken, "a")).refreshToken).toBe(second.refreshToken);
    await two.auth.authenticate(second.accessToken);
    await two.auth.close();
    expect(await row(one.store.read, first.refreshToken)).toMatchObject({ successorUsed: true });
    await refused(() => one.auth.sessions.renew(first.refreshToken, "a"), "REFRESH_TOKEN_REUSED");
  });

  test(`the use of an access token is written down once a generation (${database})`, async () => {
    await using world = await openWorld(database);
    const { auth, store, person } = await world.start();
    const first = await auth.sessions.create({ uid: await person(), appid: "wx-test", device: "" });
    let writes = 0;
    const { tx } = store;
    store.tx = (body) => {
      writes++;
      return tx(body);
    };
    const use = async (token: string) => {
      for (let i = 0; i < 5; i++) await auth.authenticate(token);
      world.clock.pass(10 * SECOND);
      await Promise.all([1, 2, 3].map(() => auth.authenticate(token)));
      await new Promise((resolve) => setTimeout(resolve, 20));
      world.clock.pass(10 * SECOND);
      await auth.authenticate(token);
    };
    await use(first.accessToken);
    expect(writes).toBe(0);
    const second = await auth.sessions.renew(first.refreshToken);
    writes = 0;
    await use(second.accessToken);
    expect(writes).toBe(1);
  });

  test(`a token two generations old ends the session, also within the 30 s and after a restart (${database})`, async () => {
    for (const restart of [false, true]) {
      await using world = await openWorld(database);
      let server = await world.start();
      const first = await server.auth.sessions.create({
        uid: await server.person(),
        appid: "wx-test",
        device: "",
      });
      const second = await server.auth.sessions.renew(first.refreshToken, "a");
      const third = await server.auth.sessions.renew(second.refreshToken, "a");
      if (restart) server = await world.start();
      await refused(() => server.auth.sessions.renew(first.refreshToken, "a"), "REFRESH_TOKEN_REUSED");
      await refused(() => server.auth.sessions.renew(third.refreshToken), "SESSION_REVOKED");
    }
  });

  test(`a session ends 30 days after the last renewal, and 180 days after the login (${database})`, async () => {
    await using world = await openWorld(database);
    const { auth, person } = await world.start();
    const uid = await person();
    const idle = await auth.sessions.create({ uid, appid: "wx-test", device: "" });
    world.clock.pass(30 * DAY);
    await refused(() => auth.sessions.renew(idle.refreshToken), "REFRESH_TOKEN_EXPIRED");

    let pair = await auth.sessions.create({ uid, appid: "wx-test", device: "" });
    const end = claims(pair.refreshToken).exp;
    expect(end).toBe(world.clock.now() / 1000 + settings.refreshMax);
    for (let day = 0; day < 179; day += 29) {
      pair = await auth.sessions.renew(pair.refreshToken);
      expect(claims(pair.refreshToken)).toMatchObject({ exp: end });
      world.clock.pass(Math.min(29, 179 - day) * DAY);
    }
    world.clock.pass(DAY - HOUR / 2);
    pair = await auth.sessions.renew(pair.refreshToken);
    // The access token ends with the session.
    expect(pair.expiry).toBe(end);
    world.clock.pass(HOUR / 2);
    await refused(() => auth.sessions.renew(pair.refreshToken), "REFRESH_TOKEN_EXPIRED");
    expect(await auth.sessions.list(uid)).toEqual([]);
  });

  test(`a logout is seen at once in its process and within 5 s in others (${database})`, async () => {
    await using world = await openWorld(database);
    const [here, there] = [await world.start(), await world.start()];
    const uid = await here.person();
    const pair = await here.auth.sessions.create({ uid, appid: "wx-test", device: "" });
    const { sid } = claims(pair.refreshToken);
    for (const { auth } of [here, there]) await auth.authenticate(pair.accessToken);
    expect(await here.auth.sessions.revoke(uid, sid, "logout")).toBe(true);
    await refused(() => here.auth.authenticate(pair.accessToken), "SESSION_REVOKED");
    world.clock.pass(5 * SECOND);
    await refused(() => there.auth.authenticate(pair.accessToken), "SESSION_REVOKED");
    await refused(() => there.auth.sessions.renew(pair.refreshToken), "SESSION_REVOKED");
    expect(await there.auth.sessions.revoke(uid, sid, "logout")).toBe(false);
  });

  test(`replaying a logged-out token touches nothing (${database})`, async () => {
    await using world = await openWorld(database);
    const { auth, store, person } = await world.start();
    const uid = await person();
    const gone = await auth.sessions.create({ uid, appid: "wx-test", device: "" });
    const other = await auth.sessions.create({ uid, appid: "wx-test", device: "" });
    await auth.sessions.renew(gone.refreshToken);
    await auth.sessions.revoke(uid, claims(gone.refreshToken).sid, "logout");
    const before = [await row(store.read, gone.refreshToken), await row(store.read, other.refreshToken)];
    world.clock.pass(HOUR);
    await refused(() => auth.sessions.renew(gone.refreshToken), "SESSION_REVOKED");
    expect([await row(store.read, gone.refreshToken), await row(store.read, other.refreshToken)]).toEqual(
      before,
    );
    expect((await events(store.read)).map(({ kind }) => kind)).toEqual(["session.logout"]);
  });

  test(`a person lists their sessions, ends one, ends all others, and nobody else's (${database})`, async () => {
    await using world = await openWorld(database);
    const { auth, person } = await world.start();
    const [uid, stranger] = [await person(), await person()];
    const pairs: TokenPair[] = [];
    for (const device of ["phone", "tablet", "web"]) {
      pairs.push(await auth.sessions.create({ uid, appid: "wx-test", device }));
      world.clock.pass(SECOND);
    }
    const theirs = await auth.sessions.create({ uid: stranger, appid: "wx-test", device: "" });
    const listed = await auth.sessions.list(uid);
    expect(listed.map(({ device }) => device)).toEqual(["web", "tablet", "phone"]);
    const [web, tablet, phone] = listed.map(({ sid }) => sid) as [string, string, string];
    await refused(() => auth.sessions.revoke(stranger, web, "revoked"), "SESSION_NOT_FOUND");
    await refused(() => auth.sessions.revoke(uid, "none", "revoked"), "SESSION_NOT_FOUND");
    await auth.sessions.revoke(uid, tablet, "revoked");
    expect(await auth.sessions.revokeOthers(uid, phone)).toBe(1);
    expect((await auth.sessions.list(uid)).map(({ sid }) => sid)).toEqual([phone]);
    await refused(() => auth.authenticate(pairs[2]?.accessToken ?? ""), "SESSION_REVOKED");
    expect(await auth.authenticate(pairs[0]?.accessToken ?? "")).toMatchObject({ uid });
    expect(await auth.authenticate(theirs.accessToken)).toMatchObject({ uid: stranger });
  });

  test(`a banned person is refused everywhere until the ban is lifted (${database})`, async () => {
    await using world = await openWorld(database);
    const [here, there] = [await world.start(), await world.start()];
    const uid = await here.person();
    const pair = await here.auth.sessions.create({ uid, appid: "wx-test", device: "" });
    for (const { auth } of [here, there]) await auth.authenticate(pair.accessToken);
    await here.auth.sessions.ban(uid);
    await refused(() => here.auth.authenticate(pair.accessToken), "USER_BANNED");
    await refused(() => here.auth.sessions.renew(pair.refreshToken), "USER_BANNED");
    await refused(() => here.auth.sessions.create({ uid, appid: "wx-test", device: "" }), "USER_BANNED");
    world.clock.pass(5 * SECOND);
    await refused(() => there.auth.authenticate(pair.accessToken), "USER_BANNED");
    await here.auth.sessions.unban(uid);
    expect(await there.auth.authenticate(pair.accessToken)).toMatchObject({ uid });
    expect(await there.auth.sessions.renew(pair.refreshToken)).toMatchObject({ uid });
    await refused(() => here.auth.sessions.ban(1), "USER_NOT_FOUND");
  });

  test(`refresh racing logout: once the logout has answered, every token is dead (${database})`, async () => {
    await using world = await openWorld(database);
    const [one, two] = [await world.start(), await world.start()];
    const uid = await one.person();
    let minted = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const pair = await one.auth.sessions.create({ uid, appid: "wx-test", device: "" });
      const { sid } = claims(pair.refreshToken);
      const renewing = [one, two].map(({ auth }) => auth.sessions.renew(pair.refreshToken));
      const settled = Promise.allSettled(renewing);
      if (round % 2) await Promise.any(renewing);
      await one.auth.sessions.revoke(uid, sid, "logout");
      await refused(() => one.auth.sessions.renew(pair.refreshToken), "SESSION_REVOKED");
      for (const result of await settled) {
        if (result.status === "rejected") {
          expect(result.reason).toMatchObject({ reason: "SESSION_REVOKED" });
          continue;
        }
        minted++;
        await refused(() => one.auth.authenticate(result.value.accessToken), "SESSION_REVOKED");
        await refused(() => two.auth.authenticate(result.value.accessToken), "SESSION_REVOKED");
        await refused(() => two.auth.sessions.renew(result.value.refreshToken), "SESSION_REVOKED");
      }
    }
    expect(minted).toBeGreaterThan(0);
  });
}
