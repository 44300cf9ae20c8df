import { request } from "node:http";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { AppError } from "../../src/errors.ts";
import { createWechatCallback } from "../../src/http/external/wechat-callback.ts";
import type { Logger } from "../../src/log.ts";
import { createCallback } from "../../src/wechat/callback.ts";
import { encrypt, sign } from "../../src/wechat/simulator/callback-crypto.ts";
import { sandboxApp } from "../../src/wechat/simulator/sandbox-app.ts";
import { eventually, startApp, type TestApp } from "../app.ts";
import { startHttp } from "./start.ts";

const { token, aesKey, appid, originalId } = sandboxApp;

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app[Symbol.asyncDispose]());

function signed(more: Record<string, string> = {}): URLSearchParams {
  const timestamp = "1700000000";
  const nonce = "42";
  return new URLSearchParams({ signature: sign(token, timestamp, nonce), timestamp, nonce, ...more });
}

function xmlOf(openid: string, event = "subscribe", more = ""): string {
  return `<xml><ToUserName><![CDATA[${originalId}]]></ToUserName>
<FromUserName><![CDATA[${openid}]]></FromUserName><CreateTime>1700000000</CreateTime>
<MsgType><![CDATA[event]]></MsgType><Event><![CDATA[${event}]]></Event>${more}</xml>`;
}

interface Sealing {
  key?: string;
  appid?: string;
  token?: string;
}

/** The query and the body of an encrypted event. */
function sealed(xml: string, { key = aesKey, ...own }: Sealing = {}): [URLSearchParams, string] {
  const secret = encrypt(xml, { aesKey: key, appid: own.appid ?? appid, salt: Buffer.alloc(16, 7) });
  const query = signed({ encrypt_type: "aes" });
  const texts = [query.get("timestamp"), query.get("nonce")] as [string, string];
  query.set("msg_signature", sign(own.token ?? token, ...texts, secret));
  return [query, `<xml><Encrypt><![CDATA[${secret}]]></Encrypt></xml>`];
}

async function post(query: URLSearchParams, body: string | Uint8Array<ArrayBuffer>, path = "/wx/callback") {
  const response = await fetch(`${app.url}${path}?${query}`, {
    method: "POST",
    headers: { "content-type": "text/xml" },
    body,
  });
  return { status: response.status, body: await response.text(), headers: response.headers };
}

async function known(): Promise<Map<string, boolean>> {
  const { db, t } = app.app.store.read;
  const rows = await db.select({ openid: t.followers.openid, on: t.followers.subscribed }).from(t.followers);
  return new Map(rows.map(({ openid, on }) => [openid, on]));
}

test("the handshake gives back echostr, as plain text", async () => {
  for (const echostr of ["5829340285", "<script>alert(1)</script>"]) {
    const response = await fetch(`${app.url}/wx/callback?${signed({ echostr })}`);
    expect(response.status).toBe(200);
    expect(await response.text()).toBe(echostr);
    expect(response.headers.get("content-type")).toBe("text/plain; charset=utf-8");
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
  }
});

test("the simulator's handshake succeeds at both addresses", async () => {
  for (const path of ["/wxs/wx/callback", "/wx/callback"]) {
    expect(await app.sim("/sim/callback", { url: `${app.url}${path}` })).toMatchObject({ verified: true });
  }
});

const spoilt: [name: string, spoil: (query: URLSearchParams) => void][] = [
  ["forged", (query) => query.set("signature", "0".repeat(40))],
  ["cut short", (query) => query.set("signature", query.get("signature")?.slice(1) ?? "")],
  ["empty", (query) => query.set("signature", "")],
  ["missing", (query) => query.delete("signature")],
  ["in capitals", (query) => query.set("signature", query.get("signature")?.toUpperCase() ?? "")],
  ["of another time", (query) => query.set("timestamp", "1700000001")],
  ["of another nonce", (query) => query.set("nonce", "43")],
  ["of no time", (query) => query.delete("timestamp")],
  ["there twice", (query) => query.append("signature", "0".repeat(40))],
  ["of another token", (query) => query.set("signature", sign("another", "1700000000", "42"))],
];

test.for(spoilt)("a signature that is %s is refused", async ([name, spoil]) => {
  const handshake = signed({ echostr: "do-not-echo-this" });
  spoil(handshake);
  const answer = await fetch(`${app.url}/wx/callback?${handshake}`);
  expect(answer.status).toBe(403);
  expect(await answer.text()).not.toContain("do-not-echo-this");

  const openid = `forger ${name}`;
  const plain = signed();
  spoil(plain);
  expect((await post(plain, xmlOf(openid))).status).toBe(403);
  const [query, body] = sealed(xmlOf(openid));
  spoil(query);
  expect((await post(query, body)).status).toBe(403);
  expect((await known()).has(openid)).toBe(false);
});

test("plain and encrypted events are taken, with an empty answer", async () => {
  const plain = await post(signed(), xmlOf("o-plain"));
  expect(plain).toMatchObject({ status: 200, body: "" });
  const safe = await post(...sealed(xmlOf("o-safe")));
  expect(safe).toMatchObject({ status: 200, body: "" });
  const people = await known();
  expect([people.get("o-plain"), people.get("o-safe")]).toEqual([true, true]);
});

test("what an encrypted event's own signature does not cover is refused", async () => {
  const [query, body] = sealed(xmlOf("o-forged"));
  const [other] = sealed(xmlOf("o-other"));
  const without = new URLSearchParams(query);
  without.delete("msg_signature");
  const unknown = new URLSearchParams(query);
  unknown.set("encrypt_type", "des");
  for (const wrong of [other, without, unknown]) expect((await post(wrong, body)).status).toBe(403);
  const forgeries: Sealing[] = [
    { token: "another" },
    { appid: "wx0000000000000000" },
    { key: `${"x".repeat(42)}A` },
  ];
  for (const forgery of forgeries) {
    expect((await post(...sealed(xmlOf("o-forged"), forgery))).status).toBe(403);
  }
  expect((await known()).has("o-forged")).toBe(false);
});

test("events and messages without use are answered 200 and change nothing", async () => {
  const before = await known();
  for (const event of ["VIEW", "CLICK", "LOCATION", "subscribe_msg_popup_event", "SUBSCRIBE"]) {
    expect(await post(signed(), xmlOf("o-idle", event))).toMatchObject({ status: 200, body: "" });
  }
  const message = xmlOf("o-idle")
    .replace("<![CDATA[event]]>", "<![CDATA[text]]>")
    .replace("</xml>", "<Content>hello</Content><MsgId>23456789012345678</MsgId></xml>");
  expect(await post(signed(), message)).toMatchObject({ status: 200, body: "" });
  expect(await known()).toEqual(before);
});

const bomb = `<?xml version="1.0"?><!DOCTYPE xml [<!ENTITY a "${"a".repeat(1000)}">${Array.from(
  { length: 20 },
  (_, i) => `<!ENTITY ${String.fromCharCode(98 + i)} "${`&${String.fromCharCode(97 + i)};`.repeat(20)}">`,
).join("")}]>${xmlOf("&u;")}`;

const nonsense: [name: string, body: string | Uint8Array<ArrayBuffer>][] = [
  ["nothing", ""],
  ["no XML", "hello"],
  ["JSON", `{"FromUserName":"o-bad"}`],
  ["an unclosed root", xmlOf("o-bad").replace("</xml>", "")],
  ["an unclosed element", xmlOf("o-bad").replace("</CreateTime>", "")],
  ["a second root", xmlOf("o-bad") + xmlOf("o-bad")],
  ["no sender", xmlOf("")],
  ["an endless sender", xmlOf("o-bad".repeat(100))],
  ["no time", xmlOf("o-bad").replace("1700000000", "")],
  ["a time before 1970", xmlOf("o-bad").replace("1700000000", "-1")],
  ["a time that is no number", xmlOf("o-bad").replace("1700000000", "1e9")],
  ["an entity bomb", bomb],
  ["an entity of a file", `<!DOCTYPE xml [<!ENTITY f SYSTEM "file:///etc/passwd">]>${xmlOf("&f;")}`],
  ["bytes that are no UTF-8", Uint8Array.from(Buffer.from(xmlOf("o-bad\u00ff"), "latin1"))],
];

test.for(nonsense)("signed nonsense is refused: %s", async ([, body]) => {
  const before = await known();
  const answer = await post(signed(), body);
  expect(answer.status).toBe(400);
  expect(answer.body).toBe("the request is not valid");
  if (typeof body === "string") expect((await post(...sealed(body))).status).toBe(400);
  expect(await known()).toEqual(before);
});

test("a body beyond 64 KiB is refused, one just within is not", async () => {
  const filler = (length: number) => `<Filler>${"x".repeat(length)}</Filler>`;
  const long = await post(signed(), xmlOf("o-long", "subscribe", filler(65_536)));
  expect(long.status).toBe(413);
  const within = xmlOf(
    "o-within",
    "subscribe",
    filler(65_536 - xmlOf("o-within", "subscribe", filler(0)).length),
  );
  expect(within).toHaveLength(65_536);
  expect((await post(signed(), within)).status).toBe(200);
  expect((await known()).has("o-long")).toBe(false);
});

test("a body without a length and an end is refused when it is too long", async () => {
  const status = await new Promise<number>((resolve, reject) => {
    const sending = request(`${app.url}/wx/callback?${signed()}`, { method: "POST" }, (response) => {
      resolve(response.statusCode ?? 0);
      sending.destroy();
    });
    sending.on("error", reject);
    for (let i = 0; i < 5; i++) sending.write("<xml>".padEnd(16 * 1024, "x"));
  });
  expect(status).toBe(413);
});

test("a hundred deliveries of one event at once change one thing", async () => {
  const sent = Array.from({ length: 100 }, (_, i) =>
    i % 2 ? post(signed(), xmlOf("o-hundred")) : post(...sealed(xmlOf("o-hundred"))),
  );
  const answers = await Promise.all(sent);
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  const { db, t } = app.app.store.read;
  const keys = (await db.select({ key: t.wechatEvents.key }).from(t.wechatEvents)).map(({ key }) => key);
  expect(keys.filter((key) => key.includes("o-hundred"))).toHaveLength(1);
  expect((await known()).get("o-hundred")).toBe(true);
});

test("while the database is busy WeChat is told to come again, and does", async () => {
  const { store } = app.app;
  const tx = vi.spyOn(store, "tx").mockRejectedValueOnce(new AppError("UNAVAILABLE"));
  expect(await post(signed(), xmlOf("o-busy"))).toMatchObject({ status: 500 });
  expect((await known()).has("o-busy")).toBe(false);
  expect((await post(signed(), xmlOf("o-busy"))).status).toBe(200);
  expect((await known()).get("o-busy")).toBe(true);

  tx.mockRejectedValueOnce(new Error("a bug with a secret"));
  expect(await post(signed(), xmlOf("o-bug"))).toMatchObject({ status: 500, body: "internal error" });
  tx.mockRestore();
});

test("the answer goes out before WeChat's patience ends, and the work goes on", async () => {
  const { store } = app.app;
  const work = store.tx.bind(store);
  const waiting = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const tx = vi.spyOn(store, "tx").mockImplementationOnce(async (body) => {
    begun.resolve();
    await waiting.promise;
    return work(body);
  });
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  try {
    const answer = post(signed(), xmlOf("o-slow"));
    await begun.promise;
    vi.advanceTimersByTime(4_900);
    expect((await answer).status).toBe(500);
  } finally {
    vi.useRealTimers();
    tx.mockRestore();
  }
  waiting.resolve();
  await eventually(known, (people) => people.get("o-slow") === true);
});

test("other methods are refused", async () => {
  const response = await fetch(`${app.url}/wx/callback?${signed()}`, { method: "PUT", body: "x" });
  expect(response.status).toBe(405);
});

/** The pages alone, with a log to look at. */
async function startPages(callback: ReturnType<typeof createCallback> | undefined) {
  const lines: object[] = [];
  const note = (fields: object | string) => void lines.push(Object(fields));
  const log: Logger = { debug: note, info: note, warn: note, error: note, fatal: note, flush() {} };
  const pages = createWechatCallback({ callback, takeEvent: async () => "new", log });
  return { server: await startHttp({ pages: { "/wx/callback": pages } }), lines };
}

test("a server that takes no events has no such page", async () => {
  const { server } = await startPages(undefined);
  await using _ = server;
  const url = `${server.url}/wx/callback?${signed({ echostr: "do-not-echo-this" })}`;
  for (const init of [{}, { method: "POST", body: xmlOf("o-1") }]) {
    const response = await fetch(url, init);
    expect(response.status).toBe(404);
    expect(await response.text()).not.toContain("do-not-echo-this");
  }
});

test("one line for each event, without openid and signatures", async () => {
  const { server, lines } = await startPages(createCallback({ appid, token, aesKey, plain: true }));
  await using _ = server;
  const send = (query: URLSearchParams, body: string) =>
    fetch(`${server.url}/wx/callback?${query}`, { method: "POST", body, headers: { "x-request-id": "r-1" } });
  await send(signed(), xmlOf("o-secret"));
  await send(signed({ signature: "0".repeat(40) }), xmlOf("o-secret"));
  await send(signed(), "o-secret");
  const common = { method: "wx.callback", requestId: "r-1" };
  expect(lines).toEqual([
    { ...common, event: "subscribe", result: "new" },
    { ...common, result: "WX_SIGNATURE_INVALID", why: expect.any(String) },
    { ...common, result: "INVALID_REQUEST", why: expect.any(String) },
  ]);
  expect(JSON.stringify(lines)).not.toMatch(/o-secret|[0-9a-f]{40}/);
});

test("outside the sandbox a server with an EncodingAESKey takes encrypted events alone", async () => {
  const { server } = await startPages(createCallback({ appid, token, aesKey }));
  await using _ = server;
  const send = async ([query, body]: [URLSearchParams, string]) =>
    (await fetch(`${server.url}/wx/callback?${query}`, { method: "POST", body })).status;
  expect(await send(sealed(xmlOf("o-1")))).toBe(200);
  expect(await send([signed(), xmlOf("o-1")])).toBe(403);
  expect(await send([signed({ encrypt_type: "raw" }), xmlOf("o-1")])).toBe(403);
});
