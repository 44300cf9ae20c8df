import { createCipheriv, createHash, randomBytes } from "node:crypto";
import * as wecom from "@wecom/crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { AppError } from "../../src/errors.ts";
import { createCallback } from "../../src/wechat/callback.ts";
import { startSimulator } from "../../src/wechat/simulator/server.ts";
import { parseXml } from "../../src/wechat/xml.ts";
import { wechatAt } from "./client.ts";
import { printed } from "./failure.ts";
import { host } from "./host.ts";

const appid = "wx00000000000000aa";
const token = "t0ken-of-the-callback";
const aesKey = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";
const plain = createCallback({ appid, token });
const safe = createCallback({ appid, token, aesKey });

function sha1(...texts: string[]): string {
  return createHash("sha1").update(texts.sort().join("")).digest("hex");
}

const timestamp = "1414587457";
const nonce = "263014780";

function signed(more: Record<string, string> = {}): URLSearchParams {
  return new URLSearchParams({ signature: sha1(token, timestamp, nonce), timestamp, nonce, ...more });
}

const fields = {
  ToUserName: "gh_1",
  FromUserName: "o6zAJs_alice",
  CreateTime: "1414587457",
  MsgType: "event",
  Event: "subscribe",
  EventKey: "qrscene_123",
};

function xml(given: Record<string, string>): string {
  const lines = Object.entries(given).map(([name, value]) =>
    name === "CreateTime" ? `<${name}>${value}</${name}>` : `<${name}><![CDATA[${value}]]></${name}>`,
  );
  return `<xml>\n${lines.join("\n")}\n</xml>`;
}

const event = xml(fields);
const expected = {
  to: "gh_1",
  from: "o6zAJs_alice",
  createTime: 1414587457,
  msgType: "event",
  event: "subscribe",
  eventKey: "qrscene_123",
  msgId: "",
  sceneId: 123,
};

/** What WeChat posts in its safe mode, made by the oracle. */
function sealed(message: string, { id = appid, key = aesKey } = {}) {
  return posted(wecom.encrypt(key, message, id));
}

function posted(secret: string) {
  const msg_signature = wecom.getSignature(token, timestamp, nonce, secret);
  const body = Buffer.from(
    `<xml><ToUserName><![CDATA[gh_1]]></ToUserName><Encrypt><![CDATA[${secret}]]></Encrypt></xml>`,
  );
  return { query: signed({ encrypt_type: "aes", msg_signature }), body };
}

/** Why a read fails. */
function refusal(read: () => unknown): AppError {
  try {
    read();
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error("it was taken");
}

test("the handshake gives back echostr", () => {
  for (const callback of [plain, safe]) {
    expect(callback.verify(signed({ echostr: "5837397520665436492" }))).toBe("5837397520665436492");
  }
});

const wrongs: [string, (query: URLSearchParams) => void][] = [
  ["no signature", (query) => query.delete("signature")],
  ["an empty signature", (query) => query.set("signature", "")],
  ["another signature", (query) => query.set("signature", sha1("x", timestamp, nonce))],
  ["an upper-case signature", (query) => query.set("signature", sha1(token, timestamp, nonce).toUpperCase())],
  [
    "a signature of another length",
    (query) => query.set("signature", sha1(token, timestamp, nonce).slice(0, 39)),
  ],
  ["a signature twice", (query) => query.append("signature", sha1(token, timestamp, nonce))],
  ["another timestamp", (query) => query.set("timestamp", "1414587458")],
  ["no timestamp", (query) => query.delete("timestamp")],
  ["a timestamp twice", (query) => query.append("timestamp", timestamp)],
  ["another nonce", (query) => query.set("nonce", "1")],
  ["no nonce", (query) => query.delete("nonce")],
  ["a nonce twice", (query) => query.append("nonce", nonce)],
];

test.for(wrongs)("%s is WX_SIGNATURE_INVALID, everywhere", ([, spoil]) => {
  const handshake = signed({ echostr: "1" });
  spoil(handshake);
  expect(refusal(() => plain.verify(handshake)).reason).toBe("WX_SIGNATURE_INVALID");
  const query = signed();
  spoil(query);
  expect(refusal(() => plain.read({ query, body: Buffer.from(event) })).reason).toBe("WX_SIGNATURE_INVALID");
  const request = sealed(event);
  spoil(request.query);
  const error = refusal(() => safe.read(request));
  expect(error.reason).toBe("WX_SIGNATURE_INVALID");
  for (const secret of [token, aesKey]) expect(printed(error)).not.toContain(secret);
});

test("echostr must be there, and once", () => {
  for (const query of ["", "&echostr=", "&echostr=1&echostr=2"]) {
    const all = new URLSearchParams(`${signed()}${query}`);
    expect(refusal(() => plain.verify(all)).reason).toBe("WX_SIGNATURE_INVALID");
  }
});

test("a plain event", () => {
  expect(plain.read({ query: signed(), body: Buffer.from(event) })).toEqual(expected);
  const raw = signed({ encrypt_type: "raw", openid: "o6zAJs_alice" });
  expect(plain.read({ query: raw, body: Buffer.from(event) })).toEqual(expected);
});

test("an encrypted event, as the oracle makes it", () => {
  expect(safe.read(sealed(event))).toEqual(expected);
  const long = xml({ ...fields, Event: "VIEW", EventKey: "王 😀 <&>".repeat(500) });
  expect(safe.read(sealed(long)).eventKey).toBe("王 😀 <&>".repeat(500));
});

test("with a key plain events are refused, without one encrypted ones", () => {
  const body = Buffer.from(event);
  for (const query of [signed(), signed({ encrypt_type: "raw" }), signed({ encrypt_type: "AES" })]) {
    expect(refusal(() => safe.read({ query, body })).reason).toBe("WX_SIGNATURE_INVALID");
  }
  expect(refusal(() => plain.read(sealed(event))).reason).toBe("WX_SIGNATURE_INVALID");
  // Both in one body: the plain fields count for nothing.
  const { query, body: envelope } = sealed(event);
  const both = envelope.toString().replace("<Encrypt>", "<FromUserName>mallory</FromUserName><Encrypt>");
  expect(safe.read({ query, body: Buffer.from(both) }).from).toBe("o6zAJs_alice");
});

test("told to take both, it takes both, and no encrypted one that does not fit", () => {
  const both = createCallback({ appid, token, aesKey, plain: true });
  expect(both.read({ query: signed(), body: Buffer.from(event) })).toEqual(expected);
  expect(both.read(sealed(event))).toEqual(expected);
  expect(refusal(() => both.read(sealed(event, { id: "another" }))).reason).toBe("WX_SIGNATURE_INVALID");
  const unsigned = signed({ signature: "0".repeat(40) });
  const error = refusal(() => both.read({ query: unsigned, body: Buffer.from(event) }));
  expect(error.reason).toBe("WX_SIGNATURE_INVALID");
});

const spoilt: [string, () => { query: URLSearchParams; body: Buffer }][] = [
  ["another app's", () => sealed(event, { id: "wx00000000000000ab" })],
  ["an app's whose id begins the same", () => sealed(event, { id: `${appid}b` })],
  ["nobody's", () => sealed(event, { id: "" })],
  ["another key's", () => sealed(event, { key: "B".repeat(43) })],
  ["an empty text", () => posted("")],
  ["no base64", () => posted("!!!!")],
  ["base64 with a line break", () => posted(wecom.encrypt(aesKey, event, appid).replace(/^(.{8})/, "$1\n"))],
  [
    "base64 without its end",
    () => posted(wecom.encrypt(aesKey, event, appid).replace(/=*$/, "").slice(0, -2)),
  ],
  ["half a block", () => posted(randomBytes(48).toString("base64"))],
  ["random blocks", () => posted(Buffer.alloc(64, 7).toString("base64"))],
  ["an envelope without Encrypt", () => ({ ...sealed(event), body: Buffer.from("<xml><a>1</a></xml>") })],
  ["another text than was signed", () => ({ ...sealed(event), body: sealed(event).body })],
];

test.for(spoilt)("an encrypted event of %s is WX_SIGNATURE_INVALID", ([, make]) => {
  expect(refusal(() => safe.read(make())).reason).toBe("WX_SIGNATURE_INVALID");
});

test("msg_signature must be there, once, and over the text", () => {
  const changes: ((query: URLSearchParams) => void)[] = [
    (query) => query.delete("msg_signature"),
    (query) => query.set("msg_signature", sha1(token, timestamp, nonce)),
    (query) => query.append("msg_signature", query.get("msg_signature") ?? ""),
    (query) => query.append("encrypt_type", "aes"),
    (query) => query.append("encrypt_type", "raw"),
  ];
  for (const change of changes) {
    const request = sealed(event);
    change(request.query);
    expect(refusal(() => safe.read(request)).reason).toBe("WX_SIGNATURE_INVALID");
  }
});

test("the paddings that are none", () => {
  const key = Buffer.from(`${aesKey}=`, "base64");
  const encrypt = (bytes: Buffer) => {
    const cipher = createCipheriv("aes-256-cbc", key, key.subarray(0, 16)).setAutoPadding(false);
    return posted(Buffer.concat([cipher.update(bytes), cipher.final()]).toString("base64"));
  };
  const length = Buffer.alloc(4);
  length.writeUInt32BE(Buffer.byteLength(event));
  const content = Buffer.concat([Buffer.alloc(16), length, Buffer.from(event + appid)]);
  const padding = 32 - (content.length % 32);
  const padded = Buffer.concat([content, Buffer.alloc(padding, padding)]);
  expect(safe.read(encrypt(padded))).toEqual(expected);

  const broken = (change: (bytes: Buffer) => void) => {
    const bytes = Buffer.from(padded);
    change(bytes);
    return encrypt(bytes);
  };
  const cases = [
    broken((bytes) => bytes.writeUInt8(0, bytes.length - 1)),
    broken((bytes) => bytes.writeUInt8(33, bytes.length - 1)),
    broken((bytes) => bytes.writeUInt8(255, bytes.length - 1)),
    broken((bytes) => bytes.writeUInt8(padding - 1, bytes.length - 1)),
    broken((bytes) => bytes.writeUInt8(padding - 1, bytes.length - padding)),
    broken((bytes) => bytes.writeUInt32BE(0xffffffff, 16)),
    broken((bytes) => bytes.writeUInt32BE(Buffer.byteLength(event) + 1, 16)),
    broken((bytes) => bytes.writeUInt32BE(Buffer.byteLength(event) - 1, 16)),
    encrypt(Buffer.concat([content, Buffer.alloc(padding + 32, padding + 32)])),
    encrypt(Buffer.alloc(32, 32)),
    encrypt(Buffer.alloc(32, 13)),
    encrypt(Buffer.alloc(32, 1)),
  ];
  for (const request of cases) expect(refusal(() => safe.read(request)).reason).toBe("WX_SIGNATURE_INVALID");
});

test.for([
  ["subscribe", "qrscene_123", 123],
  ["subscribe", "qrscene_4294967295", 4294967295],
  ["subscribe", "qrscene_4294967296", undefined],
  ["subscribe", "qrscene_00123", undefined],
  ["subscribe", "qrscene_0", undefined],
  ["subscribe", "qrscene_abc", undefined],
  ["subscribe", "123", undefined],
  ["subscribe", "", undefined],
  ["SCAN", "123", 123],
  ["SCAN", "00123", undefined],
  ["SCAN", "qrscene_123", undefined],
  ["SCAN", "1e3", undefined],
  ["SCAN", "-1", undefined],
  ["SCAN", " 1", undefined],
  ["SCAN", "99999999999999999999", undefined],
  ["unsubscribe", "123", undefined],
  ["CLICK", "123", undefined],
  ["constructor", "123", undefined],
] as const)("the scene of %s %j is %s, and its key stays text", ([name, key, sceneId]) => {
  const body = Buffer.from(xml({ ...fields, Event: name, EventKey: key }));
  expect(plain.read({ query: signed(), body })).toMatchObject({ event: name, eventKey: key, sceneId });
});

test("a message has a number of 64 bits, and no event, whatever it says", () => {
  const { Event, EventKey, ...rest } = fields;
  const message = { ...rest, MsgType: "text", Content: "<xml>&amp;<!DOCTYPE x>", MsgId: "23456789012345678" };
  const mores: Record<string, string>[] = [{}, { Event, EventKey }];
  for (const more of mores) {
    const body = Buffer.from(xml({ ...message, ...more }));
    expect(plain.read({ query: signed(), body })).toMatchObject({
      msgType: "text",
      event: "",
      msgId: "23456789012345678",
      sceneId: undefined,
    });
  }
});

test("elements within elements are passed over", () => {
  const body = event.replace("</xml>", "<ScanCodeInfo><FromUserName>x</FromUserName></ScanCodeInfo></xml>");
  expect(plain.read({ query: signed(), body: Buffer.from(body) })).toEqual(expected);
});

const doctype = '<!DOCTYPE xml [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>';
const nonsense: [string, string | Buffer][] = [
  ["nothing", ""],
  ["JSON", '{"ToUserName":"gh_1"}'],
  ["text", "hello"],
  ["a DOCTYPE", doctype + event],
  ["an entity of a DOCTYPE", doctype + event.replace("<![CDATA[event]]>", "&b;")],
  [
    "an outside entity",
    `<!DOCTYPE xml [<!ENTITY a SYSTEM "file:///etc/passwd">]>${event.replace("gh_1", "]]>&a;<![CDATA[")}`,
  ],
  ["an entity", event.replace("<![CDATA[event]]>", "&#101;vent")],
  ["a comment", event.replace("<Event>", "<!-- x --><Event>")],
  ["an instruction", event.replace("<Event>", "<?php x ?><Event>")],
  ["an unclosed root", event.replace("</xml>", "")],
  ["an unclosed element", event.replace("</Event>", "")],
  ["an unclosed CDATA", event.replace("]]></EventKey>", "</EventKey>")],
  ["elements that cross", event.replace("</EventKey>\n</xml>", "</xml>\n</EventKey>")],
  ["two roots", event + event],
  ["text behind the root", `${event}x`],
  ["a root without elements", "<xml>text</xml>"],
  ["a sender twice", event.replace("</xml>", "<FromUserName>mallory</FromUserName></xml>")],
  ["a key twice", event.replace("</xml>", "<EventKey>7</EventKey></xml>")],
  ["a nesting bomb", `<xml>${"<a>".repeat(20_000)}${"</a>".repeat(20_000)}</xml>`],
  ["a nesting bomb without an end", "<a>".repeat(50_000)],
  ["__proto__", event.replace("</xml>", "<__proto__><FromUserName>x</FromUserName></__proto__></xml>")],
  ["bytes that are no UTF-8", Buffer.concat([Buffer.from(event), Buffer.from([0xff])])],
  ["GBK", Buffer.from(event.replace("123", "\u00cd\u00f5"), "latin1")],
  ["UTF-16", Buffer.from(event, "utf16le")],
  ["no sender", xml({ ...fields, FromUserName: "" })],
  ["a sender of 129 characters", xml({ ...fields, FromUserName: "o".repeat(129) })],
  ["no account", xml({ ...fields, ToUserName: "" })],
  ["no kind", xml({ ...fields, MsgType: "" })],
  ["an event without a name", xml({ ...fields, Event: "" })],
  ["no time", event.replace(/<CreateTime>\d+<.CreateTime>/, "")],
  ["a time in words", xml({ ...fields, CreateTime: "now" })],
  ["a time with a sign", xml({ ...fields, CreateTime: "-1" })],
];

test.for(nonsense)("signed nonsense, %s, is INVALID_REQUEST", ([, body]) => {
  const bytes = Buffer.from(body as string);
  expect(refusal(() => plain.read({ query: signed(), body: bytes })).reason).toBe("INVALID_REQUEST");
  if (typeof body === "string") {
    const error = refusal(() => safe.read(sealed(body)));
    expect(error.reason).toBe("INVALID_REQUEST");
  }
});

test("fields inherit nothing", () => {
  expect(Object.getPrototypeOf(parseXml(Buffer.from(event)))).toBeNull();
});

test("the XML is not looked at before the signature", () => {
  const query = signed({ signature: "0".repeat(40) });
  const body = Buffer.from(doctype + event);
  expect(refusal(() => plain.read({ query, body })).reason).toBe("WX_SIGNATURE_INVALID");
});

test.for(["", "a".repeat(42), "a".repeat(44), `${"a".repeat(42)}=`, `${"a".repeat(42)}\n`])(
  "the key %j stops the start, unshown",
  (wrong) => {
    const start = () => createCallback({ appid, token, aesKey: wrong });
    expect(start).toThrow("EncodingAESKey: expected 43 letters and digits");
  },
);

const text = fc
  .string({ unit: "grapheme", maxLength: 200 })
  .filter((each) => !each.includes("]]>") && each.isWellFormed());

test("what the oracle encrypts is read, whatever is in it", () => {
  const printable = text.filter((each) => !/[\p{Cc}\ufffe\uffff]/u.test(each));
  fc.assert(
    fc.property(printable, printable, (EventKey, Extra) => {
      const got = safe.read(sealed(xml({ ...fields, EventKey, Extra })));
      expect(got).toMatchObject({ from: "o6zAJs_alice", eventKey: EventKey });
    }),
    { numRuns: 200 },
  );
});

test("whatever bytes come, signed, end in an event or in one of two refusals", () => {
  const pieces = fc.array(
    fc.oneof(
      fc.constantFrom(
        "<xml>",
        "</xml>",
        "<a>",
        "</a>",
        "<a/>",
        "<![CDATA[",
        "]]>",
        "<!--",
        "-->",
        "<?x",
        "?>",
        "&lt;",
        "<",
        ">",
        "/",
        '="',
        " ",
        "<Event>",
        "</Event>",
        "<!DOCTYPE x [",
        "]>",
      ),
      fc.string({ maxLength: 8 }),
    ),
    { maxLength: 60 },
  );
  const bodies = fc.oneof(
    pieces.map((parts) => Buffer.from(parts.join(""))),
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    fc
      .tuple(fc.nat(event.length), text)
      .map(([at, more]) => Buffer.from(event.slice(0, at) + more + event.slice(at))),
  );
  fc.assert(
    fc.property(bodies, (body) => {
      const reads = [
        () => plain.read({ query: signed(), body }),
        () => safe.read(sealed(body.toString("latin1"))),
        () => safe.read({ ...sealed(event), body }),
        () => safe.read(posted(body.toString("base64"))),
      ];
      for (const read of reads) {
        try {
          expect(read().from.length).toBeGreaterThan(0);
        } catch (error) {
          if (!(error instanceof AppError)) throw error;
          expect(["INVALID_REQUEST", "WX_SIGNATURE_INVALID"]).toContain(error.reason);
        }
      }
    }),
    { numRuns: 500 },
  );
});

test("one bit changed anywhere in an encrypted event, and it is refused", () => {
  const { query, body } = sealed(event);
  const [start, end] = [body.indexOf("<Encrypt><![CDATA[") + 18, body.indexOf("]]></Encrypt>")];
  fc.assert(
    fc.property(fc.integer({ min: start, max: end - 1 }), fc.integer({ min: 0, max: 6 }), (at, bit) => {
      const changed = Buffer.from(body);
      changed[at] = (changed[at] as number) ^ (1 << bit);
      refusal(() => safe.read({ query, body: changed }));
    }),
    { numRuns: 200 },
  );
});

test("with the simulator: handshake, events and messages, plain and encrypted", async () => {
  await using sim = await startSimulator({ port: 0 });
  const token = "sandbox";
  const aesKey = "sandbox0sandbox1sandbox2sandbox3sandbox4saQ";
  let { callback } = wechatAt(sim.url, { callback: { token } });
  const got: unknown[] = [];
  await using server = await host(async (request, response) => {
    const query = new URL(request.url ?? "", "http://here").searchParams;
    if (request.method === "GET") return response.end(callback?.verify(query));
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    got.push(callback?.read({ query, body: Buffer.concat(chunks) }));
    response.end();
  });
  const post = async (path: string, body: object) => {
    const response = await fetch(sim.url + path, { method: "POST", body: JSON.stringify(body) });
    return (await response.json()) as Record<string, unknown>;
  };
  expect(await post("/sim/callback", { url: `${server.url}/wx/callback` })).toMatchObject({ verified: true });
  for (const encrypted of [false, true]) {
    callback = wechatAt(sim.url, { callback: { token, aesKey: encrypted ? aesKey : undefined } }).callback;
    for (const [event, scene_id] of [
      ["subscribe", 7],
      ["SCAN", 8],
      ["unsubscribe", undefined],
    ]) {
      const sent = await post("/sim/event", { openid: "sandbox_alice", event, scene_id, encrypted });
      expect(sent).toMatchObject({ delivered: true });
    }
    await post("/sim/event", { openid: "sandbox_alice", event: "text", content: "茶 <&>", encrypted });
    expect(got.splice(0)).toMatchObject([
      { from: "sandbox_alice", msgType: "event", event: "subscribe", eventKey: "qrscene_7", sceneId: 7 },
      { from: "sandbox_alice", msgType: "event", event: "SCAN", eventKey: "8", sceneId: 8 },
      { from: "sandbox_alice", msgType: "event", event: "unsubscribe", sceneId: undefined },
      { from: "sandbox_alice", msgType: "text", event: "", msgId: expect.stringMatching(/^\d{15,20}$/) },
    ]);
  }
});

test("without a token there is no callback", async () => {
  expect(wechatAt("http://wx.test").callback).toBeUndefined();
});
