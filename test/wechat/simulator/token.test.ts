import { expect, test } from "vitest";
import { appid, secret, standingClock, start } from "./start.ts";

const minute = 60_000;
const app = { grant_type: "client_credential", appid, secret };

async function started(timeScale = 1) {
  const clock = standingClock();
  const sim = await start({ clock, timeScale });
  /** The errcode that a call with this token gets; 0 for none. */
  const verdict = async (token: string) =>
    (await sim.get("/cgi-bin/ticket/getticket", { access_token: token, type: "jsapi" })).errcode;
  const plain = () => sim.get("/cgi-bin/token", app);
  const stable = (force_refresh?: boolean) => sim.post("/cgi-bin/stable_token", { ...app, force_refresh });
  return { ...sim, clock, verdict, plain, stable };
}

test("a token of /cgi-bin/token lives 7200 s", async () => {
  await using sim = await started();
  const { access_token, expires_in, errcode } = await sim.plain();
  expect([expires_in, errcode]).toEqual([7200, undefined]);
  sim.clock.pass(120 * minute - 1);
  expect(await sim.verdict(access_token as string)).toBe(0);
  sim.clock.pass(1);
  expect(await sim.verdict(access_token as string)).toBe(42001);
});

test("a new token of /cgi-bin/token ends the old one after five minutes", async () => {
  await using sim = await started();
  const old = (await sim.plain()).access_token as string;
  const fresh = (await sim.plain()).access_token as string;
  expect(fresh).not.toBe(old);
  sim.clock.pass(5 * minute - 1);
  expect(await sim.verdict(old)).toBe(0);
  sim.clock.pass(1);
  expect([await sim.verdict(old), await sim.verdict(fresh)]).toEqual([40001, 0]);
});

test("/cgi-bin/token gives 2000 a day", async () => {
  await using sim = await started();
  let last = await sim.plain();
  for (let i = 1; i < 2000; i += 1) last = await sim.plain();
  expect(last.errcode).toBeUndefined();
  expect(await sim.plain()).toMatchObject({ http: 200, errcode: 45009 });
  sim.clock.pass(24 * 60 * minute);
  expect((await sim.plain()).errcode).toBeUndefined();
});

test("stable_token gives the same token until its last five minutes; the old one lives on to its end", async () => {
  await using sim = await started();
  const first = await sim.stable();
  sim.clock.pass(115 * minute - 1);
  expect(await sim.stable()).toMatchObject({ access_token: first.access_token, expires_in: 300 });
  sim.clock.pass(1);
  const second = await sim.stable();
  expect(second.access_token).not.toBe(first.access_token);
  expect(second.expires_in).toBe(7200);
  const verdicts = async () => [
    await sim.verdict(first.access_token as string),
    await sim.verdict(second.access_token as string),
  ];
  sim.clock.pass(5 * minute - 1);
  expect(await verdicts()).toEqual([0, 0]);
  sim.clock.pass(1);
  expect(await verdicts()).toEqual([42001, 0]);
});

test("the two paths do not end each other's tokens", async () => {
  await using sim = await started();
  const stable = (await sim.stable()).access_token as string;
  const plain = (await sim.plain()).access_token as string;
  await sim.stable(true);
  sim.clock.pass(10 * minute);
  expect(await sim.verdict(plain)).toBe(0);
  expect(await sim.verdict(stable)).toBe(40001);
});

test("force_refresh ends the old token at once, not within 30 s of the last, and 20 times a day", async () => {
  await using sim = await started();
  const old = (await sim.stable()).access_token as string;
  const forced = (await sim.stable(true)).access_token as string;
  expect([await sim.verdict(old), await sim.verdict(forced)]).toEqual([40001, 0]);
  sim.clock.pass(30_000 - 1);
  expect((await sim.stable(true)).access_token).toBe(forced);
  for (let i = 1; i < 20; i += 1) {
    sim.clock.pass(30_000);
    expect((await sim.stable(true)).access_token).not.toBe(forced);
  }
  sim.clock.pass(30_000);
  expect(await sim.stable(true)).toMatchObject({ http: 200, errcode: 45009 });
  expect((await sim.stable()).access_token).toMatch(/^sim_/);
});

test("with a time scale, lifetimes and expires_in shrink together", async () => {
  await using sim = await started(60);
  const { access_token, expires_in } = await sim.stable();
  expect(expires_in).toBe(120);
  sim.clock.pass(120_000);
  expect(await sim.verdict(access_token as string)).toBe(42001);
});

test.for([
  ["appid", "", 41002],
  ["secret", "", 41004],
  ["grant_type", "authorization_code", 40002],
  ["appid", "wx1", 40013],
  ["secret", "x", 40125],
] as const)("%s = %j is answered %i on both paths", async ([name, value, errcode]) => {
  await using sim = await start();
  const given = { ...app, [name]: value };
  expect(await sim.get("/cgi-bin/token", given)).toMatchObject({ http: 200, errcode });
  expect(await sim.post("/cgi-bin/stable_token", given)).toMatchObject({ http: 200, errcode });
});

test("stable_token takes a JSON object", async () => {
  await using sim = await start();
  expect((await sim.post("/cgi-bin/stable_token", "")).errcode).toBe(44002);
  for (const body of ["x", "[]", "null", JSON.stringify({ ...app, force_refresh: "yes" })]) {
    expect((await sim.post("/cgi-bin/stable_token", body)).errcode).toBe(47001);
  }
  expect((await sim.get("/cgi-bin/stable_token", app)).errcode).toBe(43002);
});

const takesToken = [
  ["GET", "/cgi-bin/ticket/getticket"],
  ["POST", "/wxa/business/getuserphonenumber"],
  ["POST", "/cgi-bin/message/template/send"],
  ["POST", "/cgi-bin/message/subscribe/send"],
  ["POST", "/cgi-bin/qrcode/create"],
] as const;

test.for(takesToken)(
  "%s %s refuses a missing, misshapen, unknown and expired token",
  async ([method, path]) => {
    const clock = standingClock();
    await using sim = await start({ clock });
    const ask = (query: Record<string, string>) =>
      method === "GET" ? sim.get(path, query) : sim.post(path, {}, query);
    const token = await sim.token();
    const unknown = `${token.slice(0, -8)}AAAAAAAA`;
    const page = await sim.get("/sns/oauth2/access_token", {
      ...{ appid, secret, code: "dev:alice", grant_type: "authorization_code" },
    });
    expect((await ask({})).errcode).toBe(41001);
    expect((await ask({ access_token: "x" })).errcode).toBe(40014);
    expect((await ask({ access_token: unknown })).errcode).toBe(40001);
    expect((await ask({ access_token: page.access_token as string })).errcode).toBe(40001);
    clock.pass(7200_000);
    expect((await ask({ access_token: token })).errcode).toBe(42001);
  },
);

test("the JS-SDK ticket stays the same until its last five minutes", async () => {
  const clock = standingClock();
  await using sim = await start({ clock });
  const ask = async (type = "jsapi") =>
    sim.get("/cgi-bin/ticket/getticket", { access_token: await sim.token(), type });
  const first = await ask();
  expect(first).toMatchObject({ errcode: 0, errmsg: "ok", expires_in: 7200 });
  expect(first.ticket).toMatch(/^sim_[\w-]{84}$/);
  clock.pass(115 * minute - 1);
  expect(await ask()).toMatchObject({ ticket: first.ticket, expires_in: 300 });
  clock.pass(1);
  expect((await ask()).ticket).not.toBe(first.ticket);
  expect((await ask("")).errcode).toBe(40035);
});

test("a fault's path may end in *", async () => {
  await using sim = await start();
  const access_token = await sim.token();
  await sim.post("/sim/fault", { path: "/cgi-bin/*", errcode: 45009, times: 2 });
  expect((await sim.get("/sns/auth")).errcode).toBe(41001);
  expect((await sim.get("/cgi-bin/token", app)).errcode).toBe(45009);
  expect((await sim.get("/cgi-bin/ticket/getticket", { access_token, type: "jsapi" })).errcode).toBe(45009);
  expect((await sim.get("/cgi-bin/token", app)).expires_in).toBe(7200);
  expect((await sim.post("/sim/fault", { path: "/sim/*", drop: true })).http).toBe(400);
});
