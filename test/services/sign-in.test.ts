import { expect, test } from "vitest";
import { movableClock, rejects, startApp } from "../app.ts";
import { databases } from "../databases.ts";

async function simulate(simulator: string, path: string, body: unknown): Promise<Record<string, string>> {
  const response = await fetch(`${simulator}${path}`, { method: "POST", body: JSON.stringify(body) });
  return (await response.json()) as Record<string, string>;
}

for (const database of databases) {
  test(`one person is one uid, however often and at once they sign in (${database})`, async () => {
    await using app = await startApp({ database });
    const callers = await Promise.all(Array.from({ length: 10 }, () => app.signIn("alice")));
    expect(new Set(callers.map(({ uid }) => uid)).size).toBe(1);
    expect((await app.signIn("bob")).uid).not.toBe(callers[0]?.uid);
    expect((await callers[0]?.user.listSessions({}))?.sessions).toHaveLength(10);
  });

  test(`a person ends one session, all others, and their own (${database})`, async () => {
    await using app = await startApp({ database });
    const [first, second, third] = [
      await app.signIn("alice"),
      await app.signIn("alice"),
      await app.signIn("alice"),
    ];
    const mallory = await app.signIn("mallory");
    const { sessions } = await first.user.listSessions({});
    expect(sessions.filter(({ current }) => current)).toHaveLength(1);
    const sidOf = async (caller: typeof first) =>
      (await caller.user.listSessions({})).sessions.find(({ current }) => current)?.sid ?? "";
    const sid = await sidOf(second);

    await rejects(mallory.user.revokeSession({ sid }), "SESSION_NOT_FOUND");
    expect((await first.user.revokeSession({ sid })).revoked).toBe(1);
    await rejects(second.user.get({}), "SESSION_REVOKED");
    await rejects(app.as().wx.renewToken({ refreshToken: second.refreshToken }), "SESSION_REVOKED");

    expect((await first.user.revokeSession({ allOthers: true })).revoked).toBe(1);
    await rejects(third.user.get({}), "SESSION_REVOKED");
    await rejects(first.user.revokeSession({}), "INVALID_REQUEST");
    await rejects(first.user.revokeSession({ sid, allOthers: true }), "INVALID_REQUEST");

    await first.wx.logout({});
    await rejects(first.user.get({}), "SESSION_REVOKED");
    expect((await mallory.user.get({})).user?.uid).toBe(mallory.uid);
  });
}

test("tokens are renewed, and the old access token stays good to its end", async () => {
  const clock = movableClock();
  await using app = await startApp({ clock });
  const alice = await app.signIn("alice");
  const renewed = await app.as().wx.renewToken({ refreshToken: alice.refreshToken });
  expect(renewed.refreshToken).not.toBe(alice.refreshToken);
  expect(Number(renewed.expiry)).toBeGreaterThan(Date.now() / 1000 + 3500);
  expect((await alice.user.get({})).user?.uid).toBe(alice.uid);
  clock.pass(3_700_000);
  await rejects(alice.user.get({}), "TOKEN_EXPIRED");
  await rejects(app.as().wx.renewToken({ refreshToken: alice.token }), "REFRESH_TOKEN_INVALID");
  await rejects(app.as(alice.refreshToken).user.get({}), "TOKEN_INVALID");
  await rejects(app.as().wx.renewToken({ refreshToken: "x" }), "REFRESH_TOKEN_INVALID");
  const next = await app.as().wx.renewToken({ refreshToken: renewed.refreshToken });
  await rejects(app.as().wx.renewToken({ refreshToken: alice.refreshToken }), "REFRESH_TOKEN_REUSED");
  await rejects(app.as(next.accessToken).user.get({}), "SESSION_REVOKED");
});

test("WeChat's codes: one use, and its failures told apart", async () => {
  await using app = await startApp();
  const { code = "" } = await simulate(app.simulator, "/sim/code", { openid: "sandbox_alice" });
  const { uid } = await app.as().wx.login({ code });
  expect(uid).toBe((await app.signIn("alice")).uid);
  await rejects(app.as().wx.login({ code }), "WX_CODE_USED");
  await rejects(app.as().wx.login({ code: "made-up" }), "WX_CODE_INVALID");
  await rejects(app.as().wx.login({}), "INVALID_REQUEST");
  for (const fault of [{ errcode: -1 }, { status: 502 }, { drop: true }]) {
    await simulate(app.simulator, "/sim/fault", { path: "/sns/jscode2session", times: 1, ...fault });
    const error = await rejects(app.as().wx.login({ code: "dev:alice" }), "WX_UNAVAILABLE");
    expect(error.rawMessage).not.toContain("sandbox");
  }
});

test("a newcomer chooses the role, a known person keeps theirs", async () => {
  await using app = await startApp();
  const { uid } = await app.as().wx.login({ code: "dev:shop", role: "business" });
  await app.as().wx.login({ code: "dev:shop", role: "customer" });
  const { db, t } = app.app.store.read;
  expect(await db.select({ id: t.users.id, role: t.users.role }).from(t.users)).toEqual([
    { id: Number(uid), role: "business" },
  ]);
  await rejects(app.as().wx.login({ code: "dev:shop", role: "operator" }), "INVALID_REQUEST");
});

test("machine identities get tokens for their role alone", async () => {
  await using app = await startApp();
  await rejects(
    app.as().hall.token({ appid: "sandbox-operator", secret: "wrong" }),
    "APP_CREDENTIALS_INVALID",
  );
  await rejects(app.as().hall.token({ appid: "nobody", secret: "sandbox" }), "APP_CREDENTIALS_INVALID");
  const device = await app.appWith("device");
  await rejects(device.user.get({}), "ACCESS_DENIED");
  await rejects(device.order.listAll({}), "ACCESS_DENIED");
  const { secret } = await app.app.auth.apps.create({ appid: "till", role: "operator", quotaPerDay: 2 });
  const token = () => app.as().hall.token({ appid: "till", secret });
  const { accessToken, expiresIn } = await token();
  expect(expiresIn).toBe(7200);
  expect((await app.as(accessToken).order.listAll({})).orders).toEqual([]);
  await token();
  await rejects(token(), "APP_QUOTA_EXCEEDED");
  await app.app.auth.apps.disable("till");
  await rejects(app.as(accessToken).order.listAll({}), "TOKEN_INVALID");
});

test("a machine identity's token at the hall's own URL", async () => {
  await using app = await startApp();
  const get = async (query: string) => {
    const response = await fetch(`${app.url}/service/1.0/access/token${query}`);
    return { status: response.status, body: await response.json() };
  };
  const { status, body } = await get("?appid=sandbox-operator&secret=sandbox");
  expect([status, body]).toEqual([200, { data: expect.any(String), status: 200, info: 0 }]);
  expect((await app.as((body as { data: string }).data).order.listAll({})).orders).toEqual([]);
  for (const query of ["?appid=sandbox-operator&secret=wrong", "?appid=sandbox-operator", ""]) {
    expect((await get(query)).body).toEqual({ data: expect.stringMatching(/./), status: 0, info: 0 });
  }
  expect((await fetch(`${app.url}/service/1.0/access/token`, { method: "POST" })).status).toBe(405);
});

test("a ban is seen at once, and lifted as well", async () => {
  await using app = await startApp();
  const alice = await app.signIn("alice");
  await alice.user.get({});
  await app.app.auth.sessions.ban(Number(alice.uid));
  await rejects(alice.user.get({}), "USER_BANNED");
  await rejects(app.as().wx.login({ code: "dev:alice" }), "USER_BANNED");
  await rejects(app.as().wx.renewToken({ refreshToken: alice.refreshToken }), "USER_BANNED");
  await app.app.auth.sessions.unban(Number(alice.uid));
  expect((await alice.user.get({})).user?.uid).toBe(alice.uid);
});
