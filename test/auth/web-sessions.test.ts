import { createHash } from "node:crypto";
import { expect, test, vi } from "vitest";
import { AppError } from "../../src/errors.ts";
import { databases } from "../databases.ts";
import { DAY, HOUR, openWorld, type Process, refused, SECOND } from "./world.ts";

const page = "https://h5.example.com/pulse?x=1#/list";

/** What WeChat says of codes: `alice-1` is the person `alice`, as often as it is asked. */
function swapper(people: Record<string, number>) {
  return vi.fn(async (code: string) => {
    const uid = people[code.split("-")[0] ?? ""];
    if (uid === undefined) throw new AppError("WX_CODE_INVALID");
    return { uid, appid: "wx-account" };
  });
}

type Swap = ReturnType<typeof swapper>;

/** A browser at one server, with the cookies it was given. */
function browser({ auth }: Process, swap: Swap, cookies: string[] = []) {
  const web = auth.webSessions;
  return {
    cookies,
    async begin(target = page) {
      const { state, cookie } = await web.begin(cookies, target);
      if (cookie) cookies.splice(0, cookies.length, cookie.value);
      return state;
    },
    async end(state: string, code: string, sent: readonly string[] = [...cookies]) {
      const result = await web.signIn({ cookies: sent, state, code, device: "test" }, swap);
      if ("target" in result && result.cookie) cookies.splice(0, cookies.length, result.cookie.value);
      return result;
    },
    async signIn(code: string) {
      return this.end(await this.begin(), code);
    },
    who: (sent: readonly string[] = cookies) => web.authenticate(sent),
  };
}

const signedIn = {
  target: page,
  cookie: { value: expect.stringMatching(/^[\w-]{43}$/), maxAge: 180 * 86400 },
};
const again = { target: page, cookie: undefined };

for (const database of databases) {
  test(`a browser signs in, and its session is one of the person's (${database})`, async () => {
    await using world = await openWorld(database);
    const server = await world.start();
    const alice = await server.person("business");
    const swap = swapper({ alice });
    const mine = browser(server, swap);
    const state = await mine.begin();
    const [planted = ""] = mine.cookies;
    expect(state).toMatch(/^[0-9a-f]{64}$/);
    expect(planted).toMatch(/^[\w-]{43}$/);
    expect(await mine.who()).toBeUndefined();
    expect(await mine.end(state, "alice-1")).toEqual(signedIn);
    expect(mine.cookies).not.toContain(planted);
    const sessions = await server.auth.sessions.list(alice);
    expect(sessions).toMatchObject([{ device: "test" }]);
    const identity = {
      kind: "user",
      uid: alice,
      sid: sessions[0]?.sid,
      appid: "wx-account",
      role: "business",
    };
    expect(await mine.who()).toEqual(identity);
    // A cookie from before the sign-in is worth nothing after it.
    expect(await mine.who([planted])).toBeUndefined();
    expect(await mine.who([planted, "x", ...mine.cookies])).toEqual(identity);
    // What the database knows opens nothing.
    const { db, t } = world.store.read;
    const rows = await db.select({ sid: t.sessions.sid, hash: t.sessions.cookieHash }).from(t.sessions);
    const logins = await db
      .select({ state: t.webLogins.stateHash, hash: t.webLogins.cookieHash })
      .from(t.webLogins);
    const kept = [...rows, ...logins].flatMap((row) => Object.values(row)).filter((value) => value !== null);
    expect(kept.length).toBe(4);
    for (const value of kept) {
      const text = typeof value === "string" ? value : Buffer.from(value).toString("base64url");
      expect(await mine.who([text])).toBeUndefined();
    }
    const digest = createHash("sha256")
      .update(mine.cookies[0] ?? "")
      .digest();
    expect(rows[0]?.hash && Buffer.from(rows[0].hash).equals(digest)).toBe(true);
  });

  test(`a session ends by logout, revocation and both ends of its time, in every process at once (${database})`, async () => {
    await using world = await openWorld(database);
    const [one, other] = [await world.start(), await world.start()];
    const alice = await one.person();
    const swap = swapper({ alice });
    const sessions = one.auth.sessions;
    const fresh = async () => {
      const mine = browser(one, swap);
      await mine.signIn("alice-1");
      const away = browser(other, swap, mine.cookies);
      return {
        mine,
        away,
        sid: (await away.who())?.kind === "user" ? ((await away.who()) as { sid: string }).sid : "",
      };
    };
    const first = await fresh();
    await sessions.revoke(alice, first.sid, "logout");
    await refused(() => first.mine.who(), "SESSION_REVOKED");
    await refused(() => first.away.who(), "SESSION_REVOKED");

    const second = await fresh();
    const third = await fresh();
    expect(await sessions.revokeOthers(alice, third.sid)).toBe(1);
    await refused(() => second.away.who(), "SESSION_REVOKED");
    expect(await third.away.who()).toBeDefined();
    await sessions.ban(alice);
    await refused(() => third.away.who(), "USER_BANNED");
    await sessions.unban(alice);
    expect(await third.away.who()).toBeDefined();

    world.clock.pass(30 * DAY);
    expect(await third.away.who(), "idle for too long").toBeUndefined();
  });

  test(`use moves the idle end, in few writes, and never the absolute one (${database})`, async () => {
    await using world = await openWorld(database);
    const server = await world.start();
    const alice = await server.person();
    const mine = browser(server, swapper({ alice }));
    await mine.signIn("alice-1");
    const used = async () => (await server.auth.sessions.list(alice))[0]?.usedAt;
    const began = world.clock.now();
    world.clock.pass(HOUR - SECOND);
    await mine.who();
    await server.auth.webSessions.settled();
    expect(await used()).toBe(began);
    for (let day = 20; day < 180; day += 20) {
      world.clock.pass(20 * DAY);
      expect(await mine.who(), `day ${day}`).toBeDefined();
      await server.auth.webSessions.settled();
    }
    expect(await used()).toBe(world.clock.now());
    world.clock.pass(20 * DAY);
    expect(await mine.who(), "older than 180 days").toBeUndefined();
    world.clock.pass(2 * DAY);
    await server.auth.cleanUp();
    const { db, t } = world.store.read;
    expect(await db.select({ sid: t.sessions.sid }).from(t.sessions)).toEqual([]);
    expect(await db.select({ target: t.webLogins.target }).from(t.webLogins)).toEqual([]);
  });

  test(`a repeated callback gets the same answer, and asks WeChat no second time (${database})`, async () => {
    await using world = await openWorld(database);
    const [one, other] = [await world.start(), await world.start()];
    const alice = await one.person();
    const swap = swapper({ alice });
    const mine = browser(one, swap);
    const state = await mine.begin();
    const before = [...mine.cookies];
    const results = await Promise.all([
      ...Array.from({ length: 5 }, () => mine.end(state, "alice-1", before)),
      ...Array.from({ length: 5 }, () => browser(other, swap).end(state, "alice-1", before)),
    ]);
    const [{ value } = { value: "" }] = results
      .map((result) => ("target" in result ? result.cookie : undefined))
      .filter((cookie) => cookie !== undefined);
    expect(results).toEqual(results.map(() => ({ target: page, cookie: { value, maxAge: 180 * 86400 } })));
    expect(swap).toHaveBeenCalledTimes(1);
    expect(await one.auth.sessions.list(alice)).toHaveLength(1);
    expect(await mine.who()).toBeDefined();
    // With the new cookie at any time, with the old one while the answer may still be on its way.
    expect(await mine.end(state, "alice-1", [...mine.cookies])).toEqual(again);
    world.clock.pass(60 * SECOND);
    expect(await mine.end(state, "alice-1", before)).toEqual({
      target: page,
      cookie: { value, maxAge: 180 * 86400 - 60 },
    });
    world.clock.pass(61 * SECOND);
    const used = { refused: "the state was used" };
    expect(await mine.end(state, "alice-1", before)).toEqual(used);
    expect(await mine.end(state, "alice-1", [value])).toEqual(again);
    // Another code, another browser, or after the session's end: nothing.
    expect(await mine.end(state, "alice-2", [value])).toEqual(used);
    expect(await browser(one, swap).end(state, "alice-1")).toEqual(used);
    await one.auth.sessions.revokeOthers(alice, "");
    expect(await mine.end(state, "alice-1", [value])).toEqual(used);
    expect(await mine.end(state, "alice-1", before)).toEqual(used);
    expect(swap).toHaveBeenCalledTimes(1);
  });

  test(`states that sign nobody in (${database})`, async () => {
    await using world = await openWorld(database);
    const server = await world.start();
    const [alice, eve] = [await server.person(), await server.person()];
    const swap = swapper({ alice, eve });
    const mine = browser(server, swap);
    const evil = browser(server, swap);
    const state = await mine.begin();
    const foreign = await evil.begin();
    for (const [made, why] of [
      ["", "no such state"],
      ["0".repeat(64), "no such state"],
      [state.toUpperCase(), "no such state"],
      [`${state} `, "no such state"],
      [foreign, "another browser's state"],
    ] as const) {
      expect([made, await mine.end(made, "eve-1")]).toEqual([made, { refused: why }]);
    }
    expect(await mine.end(state, "alice-1", [])).toEqual({ refused: "another browser's state" });
    expect(await mine.end(state, "alice-1", evil.cookies)).toEqual({ refused: "another browser's state" });
    expect(await mine.end(state, "alice-1", ["'; drop table sessions --", "x".repeat(43)])).toMatchObject({
      refused: "another browser's state",
    });
    world.clock.pass(10 * 60 * SECOND);
    expect(await mine.end(state, "alice-1")).toEqual({ refused: "the state ran out" });
    expect(swap).not.toHaveBeenCalled();
    expect(await server.auth.sessions.list(alice)).toEqual([]);
    expect(await server.auth.sessions.list(eve)).toEqual([]);
  });

  test(`when WeChat fails the browser may come again, when it refuses it may not (${database})`, async () => {
    await using world = await openWorld(database);
    const server = await world.start();
    const alice = await server.person();
    const swap = swapper({ alice });
    const mine = browser(server, swap);
    const state = await mine.begin();
    swap.mockRejectedValueOnce(new AppError("WX_UNAVAILABLE"));
    await refused(() => mine.end(state, "alice-1"), "WX_UNAVAILABLE");
    expect(await mine.end(state, "alice-1")).toEqual(signedIn);
    const other = browser(server, swap);
    const bad = await other.begin();
    await refused(() => other.end(bad, "nobody-1"), "WX_CODE_INVALID");
    expect(await other.end(bad, "alice-1")).toEqual({ refused: "the state was used" });
    await server.auth.sessions.ban(alice);
    const banned = browser(server, swap);
    await refused(() => banned.signIn("alice-2"), "USER_BANNED");
    expect(await banned.who()).toBeUndefined();
  });

  test(`a callback whose server died is taken over after a while (${database})`, async () => {
    await using world = await openWorld(database);
    const server = await world.start();
    const swap = swapper({ alice: await server.person() });
    const mine = browser(server, swap);
    const state = await mine.begin();
    const { promise, reject } = Promise.withResolvers<never>();
    swap.mockReturnValueOnce(promise);
    const dead = mine.end(state, "alice-1").catch((error: Error) => error.message);
    await vi.waitFor(() => expect(swap).toHaveBeenCalledTimes(1));
    world.clock.pass(21 * SECOND);
    expect(await mine.end(state, "alice-1")).toEqual(signedIn);
    reject(new Error("died"));
    expect(await dead).toBe("died");
    expect(await mine.who()).toBeDefined();
  });

  test(`one browser has one session: signing in anew ends what it had (${database})`, async () => {
    await using world = await openWorld(database);
    const server = await world.start();
    const [alice, bob, eve] = [await server.person(), await server.person(), await server.person()];
    const swap = swapper({ alice, bob, eve });
    const mine = browser(server, swap);
    await mine.signIn("alice-1");
    const [old = ""] = mine.cookies;
    const { cookie, state } = await server.auth.webSessions.begin(mine.cookies, page);
    expect(cookie, "the session goes on until the sign-in is over").toBeUndefined();
    expect(await mine.who()).toMatchObject({ uid: alice });
    await mine.end(state, "bob-1");
    expect(await mine.who()).toMatchObject({ uid: bob });
    await refused(() => mine.who([old]), "SESSION_REVOKED");
    expect(await server.auth.sessions.list(alice)).toEqual([]);
    const { db, t } = world.store.read;
    const kinds = (await db.select({ kind: t.auditEvents.kind }).from(t.auditEvents)).map(({ kind }) => kind);
    expect(kinds).toEqual(["session.replaced"]);

    // Eve plants her own living session beside it: nobody is taken for anybody, and signing in clears it.
    const evil = browser(server, swap);
    await evil.signIn("eve-1");
    const both = [...evil.cookies, ...mine.cookies];
    expect(await mine.who(both)).toBeUndefined();
    expect(await mine.who([...both].reverse())).toBeUndefined();
    const tossed = browser(server, swap, both);
    await tossed.end(await tossed.begin(), "bob-2", [...both]);
    expect(await tossed.who([...evil.cookies, ...tossed.cookies])).toMatchObject({ uid: bob });
    expect(await server.auth.sessions.list(eve)).toEqual([]);
    expect(await server.auth.sessions.list(bob)).toHaveLength(1);
  });
}

test("sign-ins of one browser in several tabs share its cookie", async () => {
  await using world = await openWorld();
  const server = await world.start();
  const alice = await server.person();
  const swap = swapper({ alice });
  const mine = browser(server, swap);
  const first = await mine.begin("/a");
  const cookies = [...mine.cookies];
  const second = await mine.begin("/b");
  expect(mine.cookies).toEqual(cookies);
  expect(await server.auth.webSessions.targetOf({ cookies, state: first })).toBe("/a");
  expect(await mine.end(second, "alice-1")).toMatchObject({ target: "/b" });
  expect(await server.auth.webSessions.targetOf({ cookies, state: second })).toBeUndefined();
  // The other tab comes back as well: signed in it is already, and its code is not looked at.
  expect(await mine.end(first, "eve-1")).toEqual({ target: "/a", cookie: undefined });
  expect(swap).toHaveBeenCalledTimes(1);
  expect(await mine.who()).toMatchObject({ uid: alice });
  const foreign = { refused: "another browser's state" };
  expect(await mine.end(await browser(server, swap).begin(), "eve-1")).toEqual(foreign);
  expect(await browser(server, swap).end(first, "eve-1")).toEqual(foreign);
  await server.auth.sessions.revokeOthers(alice, "");
  expect(await mine.end(first, "alice-2")).toEqual(foreign);
  // A cookie that somebody made up is not taken over.
  const { cookie } = await server.auth.webSessions.begin(["A".repeat(43)], "/");
  expect(cookie?.value).not.toBe("A".repeat(43));
});

test("a session that is used at once from everywhere is written once", async () => {
  await using world = await openWorld();
  const server = await world.start();
  const mine = browser(server, swapper({ alice: await server.person() }));
  await mine.signIn("alice-1");
  world.clock.pass(2 * HOUR);
  const writes = vi.spyOn(server.store, "tx");
  await Promise.all(Array.from({ length: 50 }, () => mine.who()));
  await server.auth.webSessions.settled();
  await mine.who();
  await server.auth.webSessions.settled();
  expect(writes).toHaveBeenCalledTimes(1);
  writes.mockRejectedValueOnce(new AppError("UNAVAILABLE"));
  world.clock.pass(2 * HOUR);
  expect(await mine.who(), "a busy database fails no call").toBeDefined();
});

test("a database that does not answer is no sign-out", async () => {
  await using world = await openWorld();
  const server = await world.start();
  const mine = browser(server, swapper({ alice: await server.person() }));
  await mine.signIn("alice-1");
  await server.store.close();
  await expect(mine.who()).rejects.toThrow();
});
