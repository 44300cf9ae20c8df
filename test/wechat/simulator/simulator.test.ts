import { spawn } from "node:child_process";
import { once } from "node:events";
import { afterEach, beforeEach, expect, test } from "vitest";
import { sandboxApp } from "../../../src/wechat/simulator/sandbox-app.ts";
import { type RunningSimulator, startSimulator } from "../../../src/wechat/simulator/server.ts";
import { createSimulator } from "../../../src/wechat/simulator/simulator.ts";

let sim: RunningSimulator;
beforeEach(async () => {
  sim = await startSimulator({ port: 0 });
});
afterEach(() => sim.close());

const path = "/sns/jscode2session";
const right = { ...sandboxApp, js_code: "dev:alice", grant_type: "authorization_code" };

async function ask(query: Record<string, string>, init?: RequestInit) {
  const response = await fetch(`${sim.url}${path}?${new URLSearchParams(query)}`, init);
  return {
    status: response.status,
    type: response.headers.get("content-type"),
    answer: (await response.json()) as Record<string, unknown>,
  };
}

async function post(to: string, body: string) {
  const response = await fetch(sim.url + to, { method: "POST", body });
  return { status: response.status, answer: (await response.json()) as Record<string, unknown> };
}

test("a login answers HTTP 200, text/plain, with the three fields", async () => {
  const { status, type, answer } = await ask(right);
  expect([status, type]).toEqual([200, "text/plain"]);
  expect(answer).toEqual({
    openid: "sandbox_alice",
    unionid: "union_alice",
    session_key: expect.stringMatching(/^[A-Za-z0-9+/]{22}==$/),
  });
});

test.for([
  ["appid", "", 41002, "appid missing"],
  ["secret", "", 41004, "appsecret missing"],
  ["js_code", "", 41008, "missing code"],
  ["grant_type", "", 40002, "invalid grant_type"],
  ["grant_type", "client_credential", 40002, "invalid grant_type"],
  ["appid", "wx1", 40013, "invalid appid"],
  ["secret", "x", 40125, "invalid appsecret"],
  ["js_code", "x", 40029, "invalid code"],
] as const)("%s = %j is answered %i with HTTP 200", async ([name, value, errcode, text]) => {
  const { status, answer } = await ask({ ...right, [name]: value });
  expect(status).toBe(200);
  expect(answer.errcode).toBe(errcode);
  expect(answer.errmsg).toMatch(new RegExp(`^${text}, rid: [0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}$`));
});

test("unknown paths and wrong methods", async () => {
  const unknown = await fetch(`${sim.url}/cgi-bin/nosuch`);
  expect(unknown.status).toBe(404);
  expect(await unknown.json()).toMatchObject({ errcode: 40066, errmsg: expect.stringContaining("rid: ") });
  expect((await ask(right, { method: "POST" })).answer.errcode).toBe(43001);
  expect((await fetch(`${sim.url}/sim/code`)).status).toBe(405);
});

test("healthz", async () => {
  const response = await fetch(`${sim.url}/healthz`);
  expect([response.status, await response.json()]).toEqual([200, { status: "ok" }]);
});

test.for([
  ["/sim/code", "", "the body is not JSON"],
  ["/sim/code", "[]", "the body is not a JSON object"],
  ["/sim/code", "{}", "openid must be"],
  ["/sim/code", '{"openid":7}', "openid must be"],
  ["/sim/code", '{"openid":"a b"}', "openid must be"],
  ["/sim/code", '{"openid":"a","openId":"b"}', 'unknown field "openId"'],
  ["/sim/fault", '{"errcode":-1}', "path must be"],
  ["/sim/fault", '{"path":"/sim/fault","drop":true}', "path must be"],
  ["/sim/fault", `{"path":"${path}"}`, "one of errcode"],
  ["/sim/fault", `{"path":"${path}","drop":true,"status":500}`, "exclude each other"],
  ["/sim/fault", `{"path":"${path}","drop":"yes"}`, "drop must be"],
  ["/sim/fault", `{"path":"${path}","delay_ms":-1}`, "delay_ms must be"],
  ["/sim/fault", `{"path":"${path}","drop":true,"times":0}`, "times must be"],
  ["/sim/fault", `{"path":"${path}","status":99}`, "status must be"],
] as const)("POST %s %s is refused", async ([to, body, words]) => {
  const { status, answer } = await post(to, body);
  expect(status).toBe(400);
  expect(answer.error).toContain(words);
  expect((await ask(right)).answer.openid).toBe("sandbox_alice");
});

test("a body beyond 64 KiB is refused, and the next request works", async () => {
  const { status, answer } = await post("/sim/code", `{"openid":"${"a".repeat(300_000)}"}`);
  expect([status, answer.error]).toEqual([413, "the body is larger than 65536 bytes"]);
  expect((await post("/sim/code", '{"openid":"a"}')).status).toBe(200);
});

test("faults strike in order, as often as told, on their path alone", async () => {
  await post("/sim/fault", JSON.stringify({ path, errcode: 40226, times: 2 }));
  await post("/sim/fault", JSON.stringify({ path, errcode: -1 }));
  expect((await post("/sim/code", '{"openid":"a"}')).status).toBe(200);
  const codes = [];
  for (let i = 0; i < 4; i += 1) codes.push((await ask(right)).answer.errcode);
  expect(codes).toEqual([40226, 40226, -1, undefined]);
});

test("a fault with after does the work first", async () => {
  const { code } = (await post("/sim/code", '{"openid":"a"}')).answer as { code: string };
  await post("/sim/fault", JSON.stringify({ path, status: 502, after: true }));
  const lost = await fetch(`${sim.url}${path}?${new URLSearchParams({ ...right, js_code: code })}`);
  expect([lost.status, lost.headers.get("content-type")]).toEqual([502, "text/html; charset=utf-8"]);
  expect((await ask({ ...right, js_code: code })).answer.errcode).toBe(40163);
});

test("no more than 100 faults wait", async () => {
  const fault = JSON.stringify({ path, drop: true });
  for (let i = 0; i < 100; i += 1) expect((await post("/sim/fault", fault)).status).toBe(200);
  expect((await post("/sim/fault", fault)).status).toBe(400);
});

test("the page is HTML; what it shows is people, codes and faults, the newest first", async () => {
  const { code } = (await post("/sim/code", '{"openid":"<script>&\'x\\""}')).answer;
  await post("/sim/fault", JSON.stringify({ path: "/<b>", delay_ms: 5, times: 3 }));
  const response = await fetch(sim.url);
  expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
  expect(await response.text()).toContain("<title>WeChat simulator</title>");
  // biome-ignore lint/suspicious/noExplicitAny: what came is for the test to look at
  const overview = (await (await fetch(`${sim.url}/sim/overview`)).json()) as any;
  const openid = "<script>&'x\"";
  expect(overview.people[0]).toMatchObject({ openid, logins: 0, subscribed: false });
  expect(overview.codes[0]).toEqual({ code, openid, state: "unused" });
  expect(overview.faults.at(-1)).toEqual({ path: "/<b>", what: "delay 5 ms", left: 3 });
});

test("a page of another machine can do nothing", async () => {
  const ask = (origin: string) =>
    fetch(`${sim.url}/sim/code`, { method: "POST", headers: { origin }, body: '{"openid":"o1"}' });
  expect((await ask("https://evil.test")).status).toBe(403);
  expect((await ask("null")).status).toBe(403);
  expect((await ask("http://127.0.0.1.evil.test")).status).toBe(403);
  expect((await ask(sim.url)).status).toBe(200);
  const local = await ask("http://localhost:8080");
  expect(local.status).toBe(200);
  expect(local.headers.get("access-control-allow-origin")).toBe("http://localhost:8080");
});

test("the same random bytes and clock give the same answers", async () => {
  const replay = () => {
    const options = { clock: { now: () => 0 }, random: (size: number) => Buffer.alloc(size, 7) };
    const query = new URLSearchParams(right);
    return createSimulator(options).handle({
      method: "GET",
      path,
      target: path,
      query,
      headers: {},
      body: "",
      params: {},
    });
  };
  expect(await replay()).toEqual(await replay());
});

test.for([0, -1, Number.NaN, Number.POSITIVE_INFINITY])("a time scale of %d is refused", (timeScale) => {
  expect(() => createSimulator({ timeScale })).toThrow(RangeError);
});

test("closing breaks what is under way", async () => {
  await post("/sim/fault", JSON.stringify({ path, delay_ms: 60_000 }));
  const waiting = expect(ask(right)).rejects.toThrow();
  await fetch(`${sim.url}/healthz`);
  await sim.close();
  await waiting;
  sim = await startSimulator({ port: 0 });
});

test("the program says where it listens, ends on SIGTERM, and names a setting that does not fit", async () => {
  const start = (env: Record<string, string>) =>
    spawn(process.execPath, ["src/wechat/simulator/main.ts"], { env: { ...process.env, ...env } });
  const child = start({ SIM_PORT: "0", SIM_TIME_SCALE: "60" });
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  const url = /http:\/\/127\.0\.0\.1:\d+/.exec(String(line))?.[0];
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
  child.kill("SIGTERM");
  expect(await once(child, "exit")).toEqual([0, null]);

  for (const [name, value] of [
    ["SIM_PORT", "eighty"],
    ["SIM_CALLBACK", "callback"],
  ] as const) {
    const wrong = start({ [name]: value });
    const [complaint] = (await once(wrong.stderr, "data")) as [Buffer];
    expect(String(complaint)).toContain(name);
    expect(await once(wrong, "exit")).toEqual([1, null]);
  }
});
