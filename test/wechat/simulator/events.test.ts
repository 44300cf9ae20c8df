import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { XMLParser } from "fast-xml-parser";
import { expect, test, vi } from "vitest";
import { sandboxApp } from "../../../src/wechat/simulator/sandbox-app.ts";
import type { SimulatorOptions } from "../../../src/wechat/simulator/simulator.ts";
import { standingClock, start } from "./start.ts";

// Its ES module has a name that Node takes for CommonJS.
const oracle = createRequire(import.meta.url)("@wecom/crypto") as typeof import("@wecom/crypto");

interface Got {
  method: string;
  query: Record<string, string>;
  body: string;
}

/** Somebody who takes events, and a simulator that sends them there. */
async function started(options: SimulatorOptions = {}) {
  const got: Got[] = [];
  const callback = {
    answer: (response: ServerResponse, { query }: Got): void => void response.end(query.echostr ?? "success"),
  };
  const server = createServer(async (request: IncomingMessage, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const { searchParams } = new URL(request.url ?? "", "http://callback");
    const one = {
      method: request.method ?? "",
      query: Object.fromEntries(searchParams),
      body: Buffer.concat(chunks).toString(),
    };
    got.push(one);
    callback.answer(response, one);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const clock = standingClock();
  const sim = await start({ clock, ...options });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/wx/callback`;
  sim.setCallback(url);
  const event = (more: object) => sim.post("/sim/event", { openid: "sandbox_alice", ...more });
  return {
    ...sim,
    clock,
    got,
    callback,
    callbackUrl: url,
    event,
    async [Symbol.asyncDispose]() {
      await sim.close();
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

function parsed(xml: string): Record<string, string> {
  return new XMLParser({ parseTagValue: false, processEntities: false }).parse(xml, true).xml;
}

/** A URL where nobody listens. */
async function nobody(): Promise<string> {
  await using gone = await start();
  return gone.url;
}

const { token, aesKey, appid, originalId } = sandboxApp;

function expectSigned({ query }: Got) {
  const { signature, timestamp, nonce } = query as { signature: string; timestamp: string; nonce: string };
  expect(signature).toBe(oracle.getSignature(token, timestamp, nonce, ""));
}

test("a plain event is signed and has WeChat's fields", async () => {
  await using sim = await started();
  expect(await sim.event({ event: "subscribe", scene_id: 12 })).toEqual({
    http: 200,
    delivered: true,
    status: 200,
    tries: 1,
  });
  const [one] = sim.got as [Got];
  expect(one.method).toBe("POST");
  expectSigned(one);
  expect(one.query).toMatchObject({ openid: "sandbox_alice", timestamp: `${sim.clock.now() / 1000}` });
  expect(one.body).toContain("<FromUserName><![CDATA[sandbox_alice]]></FromUserName>");
  expect(parsed(one.body)).toEqual({
    ToUserName: originalId,
    FromUserName: "sandbox_alice",
    CreateTime: `${sim.clock.now() / 1000}`,
    MsgType: "event",
    Event: "subscribe",
    EventKey: "qrscene_12",
    Ticket: expect.any(String),
  });
});

test.for([
  [{ event: "subscribe" }, { Event: "subscribe", EventKey: "", Ticket: undefined }],
  [{ event: "unsubscribe" }, { Event: "unsubscribe", EventKey: "", Ticket: undefined }],
  [
    { event: "SCAN", scene_id: 4294967295 },
    { Event: "SCAN", EventKey: "4294967295" },
  ],
  [
    { event: "SCAN", scene_id: "00123" },
    { Event: "SCAN", EventKey: "00123" },
  ],
  [
    { event: "text", content: "1 < 2 ]]> 中" },
    { MsgType: "text", Content: "1 < 2 ]]> 中" },
  ],
] as const)("%j becomes %j", async ([given, expected]) => {
  await using sim = await started();
  await sim.event(given);
  const fields = parsed((sim.got[0] as Got).body);
  for (const [name, value] of Object.entries(expected)) expect([name, fields[name]]).toEqual([name, value]);
});

test("an encrypted event opens with @wecom/crypto, and its inside is the plain one", async () => {
  await using sim = await started();
  await sim.event({ event: "SCAN", scene_id: 7, encrypted: true });
  await sim.event({ event: "text", content: "中".repeat(100), encrypted: true });
  for (const one of sim.got) {
    expectSigned(one);
    const { timestamp, nonce, encrypt_type, msg_signature } = one.query as Record<string, string>;
    const outer = parsed(one.body);
    expect(Object.keys(outer)).toEqual(["ToUserName", "Encrypt"]);
    expect(encrypt_type).toBe("aes");
    const secret = outer.Encrypt as string;
    expect(msg_signature).toBe(oracle.getSignature(token, timestamp as string, nonce as string, secret));
    expect(Buffer.from(secret, "base64").length % 32).toBe(0);
    const { message, id } = oracle.decrypt(aesKey, secret);
    expect(id).toBe(appid);
    expect(parsed(message)).toMatchObject({ FromUserName: "sandbox_alice", ToUserName: originalId });
  }
});

test("what is not taken comes three times: the same message, a fresh signature", async () => {
  await using sim = await started({ timeScale: 500 });
  sim.callback.answer = (response) => void response.writeHead(500).end();
  expect(await sim.event({ event: "subscribe", encrypted: true })).toEqual({
    http: 200,
    delivered: false,
    status: 500,
    tries: 1,
  });
  await vi.waitFor(() => expect(sim.got).toHaveLength(3));
  await sim.event({ event: "unsubscribe" });
  const [first, ...others] = sim.got.slice(0, 3) as [Got, ...Got[]];
  const inside = ({ body }: Got) => oracle.decrypt(aesKey, parsed(body).Encrypt as string).message;
  for (const other of others) {
    expect(inside(other)).toBe(inside(first));
    expect(other.query.nonce).not.toBe(first.query.nonce);
    expectSigned(other);
  }
});

test("a repeat that is taken is the last", async () => {
  await using sim = await started({ timeScale: 500 });
  sim.callback.answer = (response) => void response.writeHead(sim.got.length === 1 ? 503 : 200).end();
  await sim.event({ event: "subscribe" });
  await vi.waitFor(() => expect(sim.got).toHaveLength(2));
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(sim.got).toHaveLength(2);
});

test("no answer counts as none: nobody there, a redirect, silence", async () => {
  await using sim = await started({ timeScale: 500 });
  sim.callback.answer = (response) => void response.writeHead(302, { location: sim.callbackUrl }).end();
  expect(await sim.event({ event: "subscribe" })).toMatchObject({ delivered: false, status: 302 });
  sim.callback.answer = () => {};
  expect(await sim.event({ event: "subscribe" })).toEqual({
    http: 200,
    delivered: false,
    status: null,
    tries: 1,
  });
  sim.setCallback(await nobody());
  expect(await sim.event({ event: "subscribe" })).toMatchObject({ delivered: false, status: null });
});

test("a person's events never share a second", async () => {
  await using sim = await started();
  for (const scene_id of [1, 2, 3]) await sim.event({ event: "SCAN", scene_id });
  const times = sim.got.map(({ body }) => Number(parsed(body).CreateTime));
  const [first = 0] = times;
  expect(times).toEqual([first, first + 1, first + 2]);
});

test("the console's handshake decides whether a URL is taken", async () => {
  await using sim = await started();
  const url = sim.callbackUrl;
  const set = (to: unknown) => sim.post("/sim/callback", { url: to });
  expect(await set(`${url}?tenant=7`)).toEqual({
    http: 200,
    url: `${url}?tenant=7`,
    verified: true,
    status: 200,
  });
  const [hello] = sim.got as [Got];
  expect([hello.method, hello.query.tenant]).toEqual(["GET", "7"]);
  expect(hello.query.echostr).toMatch(/^\d+$/);
  expectSigned(hello);

  sim.callback.answer = (response) => void response.end("hello");
  expect(await set(url)).toMatchObject({ verified: false, status: 200 });
  expect(await set(await nobody())).toMatchObject({ verified: false, status: null });
  await sim.event({ event: "subscribe" });
  expect(sim.got.at(-1)?.query.tenant).toBe("7");
  for (const wrong of ["ftp://a/", "x", 7]) expect((await set(wrong)).http).toBe(400);
});

test("who unsubscribed gets no template message until they follow again", async () => {
  await using sim = await started();
  const access_token = await sim.token();
  const message = { touser: "sandbox_alice", template_id: "order_paid", data: { first: { value: "Tea" } } };
  const send = async () =>
    (await sim.post("/cgi-bin/message/template/send", message, { access_token })).errcode;
  expect(await send()).toBe(0);
  await sim.event({ event: "unsubscribe" });
  expect(await send()).toBe(43004);
  await sim.event({ event: "text", content: "hello" });
  expect(await send()).toBe(43004);
  await sim.event({ event: "subscribe" });
  expect(await send()).toBe(0);
});

const qr = "/cgi-bin/qrcode/create";

test("a scene's QR code: the first scan follows, the next is a SCAN, until its time is over", async () => {
  await using sim = await started();
  const made = await sim.post(
    qr,
    { action_name: "QR_SCENE", expire_seconds: 600, action_info: { scene: { scene_id: 12 } } },
    { access_token: await sim.token() },
  );
  expect(made).toMatchObject({
    expire_seconds: 600,
    url: expect.stringContaining("http://weixin.qq.com/q/"),
  });
  const ticket = made.ticket as string;
  const scan = () => sim.post("/sim/scan", { openid: "sandbox_alice", ticket });
  expect(await scan()).toEqual({ event: "subscribe", http: 200, status: 200, delivered: true, tries: 1 });
  expect(await scan()).toMatchObject({ event: "SCAN" });
  expect(sim.got.map(({ body }) => parsed(body))).toMatchObject([
    { Event: "subscribe", EventKey: "qrscene_12", Ticket: ticket },
    { Event: "SCAN", EventKey: "12", Ticket: ticket },
  ]);
  const picture = () => fetch(`${sim.url}/cgi-bin/showqrcode?${new URLSearchParams({ ticket })}`);
  const shown = await picture();
  expect([shown.status, shown.headers.get("content-type")]).toEqual([200, "image/svg+xml"]);
  expect(await shown.text()).toContain("scene 12");
  sim.clock.pass(600_000);
  expect(await scan()).toMatchObject({ http: 400 });
  expect((await picture()).status).toBe(404);
});

test("a lasting QR code has a text for a scene and no end", async () => {
  await using sim = await started();
  const info = { action_name: "QR_LIMIT_STR_SCENE", action_info: { scene: { scene_str: "hall-1" } } };
  const made = await sim.post(qr, info, { access_token: await sim.token() });
  expect(Object.keys(made).sort()).toEqual(["http", "ticket", "url"]);
  sim.clock.pass(1000 * 86400_000);
  await sim.post("/sim/scan", { openid: "sandbox_alice", ticket: made.ticket });
  expect(parsed((sim.got[0] as Got).body).EventKey).toBe("qrscene_hall-1");
});

test.for([
  [{ action_name: "QR_CODE" }, 40052],
  [{ action_name: "constructor" }, 40052],
  [{ action_info: {} }, 40053],
  [{ action_info: { scene_id: 1 } }, 40053],
  [{ action_info: { scene: { scene_id: 0 } } }, 40053],
  [{ action_info: { scene: { scene_id: 2 ** 32 } } }, 40053],
  [{ action_info: { scene: { scene_str: "a" } } }, 40053],
  [{ action_name: "QR_LIMIT_SCENE", action_info: { scene: { scene_id: 100_001 } } }, 40053],
  [{ action_name: "QR_STR_SCENE", action_info: { scene: { scene_str: "a".repeat(65) } } }, 40053],
  [{ expire_seconds: 2_592_001 }, 40035],
  [{ expire_seconds: "60" }, 40035],
] as const)("a QR code with %j is answered %i", async ([more, errcode]) => {
  await using sim = await start();
  const right = { action_name: "QR_SCENE", action_info: { scene: { scene_id: 1 } } };
  const access_token = await sim.token();
  expect(await sim.post(qr, { ...right, ...more }, { access_token })).toMatchObject({ http: 200, errcode });
});

test.for([
  [{ event: "scan" }, "event must be"],
  [{}, "event must be"],
  [{ event: "SCAN" }, "scene_id must be"],
  [{ event: "SCAN", scene_id: 0 }, "scene_id must be"],
  [{ event: "SCAN", scene_id: "\u0000" }, "scene_id must be"],
  [{ event: "unsubscribe", scene_id: 1 }, "scene_id goes with"],
  [{ event: "subscribe", content: "x" }, "content goes with"],
  [{ event: "text" }, "content must be"],
  [{ event: "text", content: "\u0000" }, "content must be"],
  [{ event: "subscribe", encrypted: "yes" }, "encrypted must be"],
  [{ event: "subscribe", openid: "" }, "openid must be"],
] as const)("POST /sim/event %j is refused, and nothing is sent", async ([more, words]) => {
  await using sim = await started();
  expect(await sim.event(more)).toMatchObject({ http: 400, error: expect.stringContaining(words) });
  expect(sim.got).toEqual([]);
});

test("without a callback URL an event says so", async () => {
  await using sim = await start();
  expect(await sim.post("/sim/event", { openid: "a", event: "subscribe" })).toMatchObject({
    http: 400,
    error: expect.stringContaining("POST /sim/callback"),
  });
});
