import { afterEach, beforeEach, expect, test } from "vitest";
import { type RunningSimulator, startSimulator } from "../../src/wechat/simulator/server.ts";
import type { Wechat } from "../../src/wechat/wechat.ts";
import { wechatAt } from "./client.ts";
import { failure, printed } from "./failure.ts";

const appid = "wx00000000000000aa";
const secret = "s3cr3t-0f-the-app";
const path = "/sns/jscode2session";
const app = { appid, secret };

const clock = { ms: Date.UTC(2030, 0, 1), now: () => clock.ms };
let sim: RunningSimulator;
let wechat: Wechat;

beforeEach(async () => {
  sim = await startSimulator({ port: 0, appid, secret, clock });
  wechat = wechatAt(sim.url, { app });
});
afterEach(() => sim.close());

async function post(to: string, body: object): Promise<Record<string, unknown>> {
  const response = await fetch(sim.url + to, { method: "POST", body: JSON.stringify(body) });
  expect(response.status).toBe(200);
  return (await response.json()) as Record<string, unknown>;
}

async function newCode(openid = "o6zAJs_alice"): Promise<string> {
  return (await post("/sim/code", { openid })).code as string;
}

test("a minted code gives its openid, a session key and a steady unionid", async () => {
  const first = await wechat.code2Session({ code: await newCode() });
  expect(first.openid).toBe("o6zAJs_alice");
  expect(Buffer.from(first.sessionKey, "base64")).toHaveLength(16);
  const second = await wechat.code2Session({ code: await newCode() });
  expect(second.unionid).toBe(first.unionid);
  expect(second.sessionKey).not.toBe(first.sessionKey);
});

test("a dev: code works any number of times, beyond WeChat's rate limit too", async () => {
  for (let i = 0; i < 120; i += 1) {
    const session = await wechat.code2Session({ code: "dev:alice" });
    expect(session).toMatchObject({ openid: "sandbox_alice", unionid: "union_alice" });
  }
});

test("a minted code for sandbox_<name> is the same person as dev:<name>", async () => {
  const minted = await wechat.code2Session({ code: await newCode("sandbox_bob") });
  const dev = await wechat.code2Session({ code: "dev:bob" });
  expect([minted.openid, minted.unionid]).toEqual([dev.openid, dev.unionid]);
});

test("two openids never share a unionid", async () => {
  const one = await wechat.code2Session({ code: await newCode("alice") });
  const other = await wechat.code2Session({ code: await newCode("sandbox_alice") });
  expect(one.unionid).not.toBe(other.unionid);
});

test("a code works once; of two at the same moment one wins", async () => {
  const code = await newCode();
  const both = await Promise.allSettled([wechat.code2Session({ code }), wechat.code2Session({ code })]);
  expect(both.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  const error = await failure(wechat.code2Session({ code }));
  expect(error).toMatchObject({ reason: "WX_CODE_USED", metadata: { errcode: "40163" } });
  expect((error.cause as Error).message).toMatch(/code been used, hints: \[ req_id: \S+ \], rid: [\w-]+$/);
});

test("a code runs out after five minutes, also a used one", async () => {
  const [late, inTime] = [await newCode(), await newCode()];
  clock.ms += 5 * 60_000 - 1;
  await wechat.code2Session({ code: inTime });
  clock.ms += 1;
  expect((await failure(wechat.code2Session({ code: late }))).reason).toBe("WX_CODE_INVALID");
  expect((await failure(wechat.code2Session({ code: inTime }))).reason).toBe("WX_CODE_INVALID");
});

test("the time scale shortens a code's life", async () => {
  await using fast = await startSimulator({ port: 0, appid, secret, clock, timeScale: 60 });
  const minted = await fetch(`${fast.url}/sim/code`, { method: "POST", body: '{"openid":"alice"}' });
  const { code } = (await minted.json()) as { code: string };
  clock.ms += 5_000;
  const error = await failure(wechatAt(fast.url, { app }).code2Session({ code }));
  expect(error.reason).toBe("WX_CODE_INVALID");
});

test("the 101st login of a minute is refused, and its code stays good", async () => {
  const codes = [];
  for (let i = 0; i < 101; i += 1) codes.push(await newCode());
  const code = codes.pop() as string;
  for (const each of codes) await wechat.code2Session({ code: each });
  const error = await failure(wechat.code2Session({ code }));
  expect(error).toMatchObject({ reason: "RATE_LIMITED", retryAfterMs: 60_000 });
  expect((await wechat.code2Session({ code: await newCode("someone_else") })).openid).toBe("someone_else");
  clock.ms += 60_000;
  expect((await wechat.code2Session({ code })).openid).toBe("o6zAJs_alice");
});

test.for([
  ["dev:", "40029"],
  ["dev:a b", "40029"],
  ["no-such-code", "40029"],
  ["&secret=x&js_code=dev:alice", "40029"],
  ["", "41008"],
])("the code %j is not valid", async ([code, errcode]) => {
  const error = await failure(wechat.code2Session({ code: code as string }));
  expect(error).toMatchObject({ reason: "WX_CODE_INVALID", metadata: { errcode } });
});

test.for([
  [{ appid: "wx-other", secret }, "40013"],
  [{ appid, secret: "another" }, "40125"],
  [{ appid: "", secret }, "41002"],
  [{ appid, secret: "" }, "41004"],
] as const)("wrong credentials are the operator's fault: %j", async ([credentials, errcode]) => {
  const misled = wechatAt(sim.url, { app: credentials });
  const error = await failure(misled.code2Session({ code: "dev:alice" }));
  expect(error).toMatchObject({ reason: "WX_MISCONFIGURED", metadata: { errcode } });
  expect((error.cause as Error).message).toMatch(/rid: [\w-]+$/);
});

test.for([
  [-1, "WX_UNAVAILABLE"],
  [40029, "WX_CODE_INVALID"],
  [40163, "WX_CODE_USED"],
  [40226, "WX_USER_RISKY"],
  [45011, "RATE_LIMITED"],
  [40001, "WX_MISCONFIGURED"],
  [41002, "WX_MISCONFIGURED"],
  [40013, "WX_MISCONFIGURED"],
  [40125, "WX_MISCONFIGURED"],
  [40243, "WX_MISCONFIGURED"],
  [99999, "WX_UNAVAILABLE"],
] as const)("errcode %i is %s", async ([errcode, reason]) => {
  await post("/sim/fault", { path, errcode });
  const error = await failure(wechat.code2Session({ code: "dev:alice" }));
  expect(error).toMatchObject({ reason, metadata: { errcode: String(errcode) } });
  expect(error.message).not.toContain("rid");
  expect((error.cause as Error).message).toMatch(new RegExp(`errcode ${errcode}: .+, rid: [\\w-]+$`));
  expect((await wechat.code2Session({ code: "dev:alice" })).openid).toBe("sandbox_alice");
});

test.for([{ drop: true }, { status: 500 }, { status: 200 }, { status: 302 }, { errcode: -1 }])(
  "%j is WX_UNAVAILABLE, and leaves the code unused",
  async (fault) => {
    const code = await newCode();
    await post("/sim/fault", { path, ...fault });
    expect((await failure(wechat.code2Session({ code }))).reason).toBe("WX_UNAVAILABLE");
    expect((await wechat.code2Session({ code })).openid).toBe("o6zAJs_alice");
  },
);

test("an answer that is lost after the work is not asked for again", async () => {
  const code = await newCode();
  await post("/sim/fault", { path, drop: true, after: true });
  expect((await failure(wechat.code2Session({ code }))).reason).toBe("WX_UNAVAILABLE");
  expect((await failure(wechat.code2Session({ code }))).reason).toBe("WX_CODE_USED");
});

test("a slow answer within the time-out arrives, a slower one is WX_UNAVAILABLE", async () => {
  await post("/sim/fault", { path, delay_ms: 50 });
  expect((await wechat.code2Session({ code: "dev:alice" })).openid).toBe("sandbox_alice");
  await post("/sim/fault", { path, delay_ms: 10_000 });
  const hasty = wechatAt(sim.url, { app, timeoutMs: 50 });
  const error = await failure(hasty.code2Session({ code: "dev:alice" }));
  expect(error.reason).toBe("WX_UNAVAILABLE");
  expect((error.cause as Error).message).toContain("no answer within 50 ms");
});

test("nothing listens: WX_UNAVAILABLE", async () => {
  await sim.close();
  const error = await failure(wechat.code2Session({ code: "dev:alice" }));
  expect(error.reason).toBe("WX_UNAVAILABLE");
  expect((error.cause as Error).message).toContain("ECONNREFUSED");
  sim = await startSimulator({ port: 0 });
});

test.for([
  { errcode: 40029 },
  { errcode: 40013 },
  { errcode: 40163 },
  { status: 502 },
  { status: 200 },
  { drop: true },
  { delay_ms: 10_000 },
])("no secret and no code stands in the error of %j", async (fault) => {
  const code = await newCode();
  await post("/sim/fault", { path, ...fault });
  const hasty = wechatAt(sim.url, { app, timeoutMs: 50 });
  const text = printed(await failure(hasty.code2Session({ code })));
  expect(text).toContain("/sns/jscode2session");
  expect(text).not.toContain(secret);
  expect(text).not.toContain(code);
  expect(text).not.toContain(appid);
});

test("the client shows no secret when it is printed", () => {
  expect(JSON.stringify(wechat) + String(wechat.code2Session)).not.toContain(secret);
});
