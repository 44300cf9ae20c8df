import { type IncomingMessage, request } from "node:http";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import { Measurement } from "../../../gen/liveuser/measurement_pb.ts";
import { Wx } from "../../../gen/liveuser/wx_pb.ts";
import type { Identity } from "../../../src/auth/identity.ts";
import { AppError, type Reason } from "../../../src/errors.ts";
import { type PulseOptions, pulse } from "../../../src/http/dialects/pulse.ts";
import { form, json, startDialect } from "./kit.ts";

const alice: Identity = { kind: "user", uid: 7, sid: "s7", appid: "wx", role: "customer" };
const h5 = "https://h5.example.com";

const options: PulseOptions = {
  origins: { listed: [h5], scheme: "http" },
  isAllowedPage: (url) => url.startsWith(`${h5}/`),
  cookieAttributes: "Path=/; HttpOnly; SameSite=Lax; Secure; Domain=example.com",
};

/** The old URLs, where the cookie `sid=alice` is alice's. */
function start(answers: Parameters<typeof startDialect>[1] = []) {
  return startDialect(pulse(options), answers, {
    corsOrigins: [h5],
    async identify({ cookie }) {
      if (cookie("sid") === "ended") throw new AppError("SESSION_REVOKED");
      if (cookie("sid") === "busy") throw new AppError("UNAVAILABLE");
      return cookie("sid") === "alice" ? alice : undefined;
    },
  });
}

/** As a page of the server's own sends it. */
function write(url: string, body?: unknown): RequestInit {
  const headers = { cookie: "sid=alice", origin: new URL(url).origin };
  return body === undefined
    ? { method: "POST", headers }
    : { ...json(body), headers: { ...headers, "content-type": "application/json" } };
}

const measured = {
  id: 12n,
  sampleRate: 100,
  sampleCount: 3,
  samples: [1, -2, 3],
  remark: "晨",
  hasPaid: true,
  price: 990,
  createdAt: 1700000000123n,
};
const written = {
  id: 12,
  record_id: 12,
  sample_rate: 100,
  sample_count: 3,
  remark: "晨",
  has_paid: true,
  price: 990,
  created_at: 1700000000123,
};

/** Asks with just these headers; fetch would add some of its own. */
async function ask(
  { server }: Pick<Awaited<ReturnType<typeof start>>, "server">,
  target: string,
  init: RequestInit = {},
) {
  const [, method = "GET", path = target] = /^(\w+) (.*)$/.exec(target) ?? [];
  const headers = (init.headers ?? {}) as Record<string, string>;
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request(server.url + path, { method, headers }, resolve)
      .on("error", reject)
      .end(init.body);
  });
  const content = await text(response);
  const isJson = /json/.test(response.headers["content-type"] ?? "") && content !== "";
  const { statusCode: status, headers: sent } = response;
  return { status, headers: sent, body: isJson ? JSON.parse(content) : content };
}

test("wx.config's parameters, for anybody", async () => {
  await using app = await start([
    [Wx.method.getJsSdkConfig, { appId: "wx1", timestamp: 1700000000n, nonceStr: "n", signature: "s" }],
  ]);
  const answer = { appId: "wx1", nonceStr: "n", timestamp: 1700000000, signature: "s" };
  const url = `${h5}/pulse?a=b`;
  for (const init of [json({ url }), form(`url=${encodeURIComponent(url)}`)]) {
    const { status, body } = await ask(app, "POST /wx/api/jssdk/config", init);
    expect([status, body, app.request.url]).toEqual([200, answer, url]);
  }
  const query = await ask(app, `POST /wx/api/jssdk/config?url=${encodeURIComponent(url)}`);
  expect([query.body, app.request.url]).toEqual([answer, url]);
  expect((await ask(app, "POST /wx/api/jssdk/config", json({}))).status).toBe(400);
});

test("measurements are listed, recorded, read, analysed, remarked on", async () => {
  const report = {
    id: 12n,
    heartRate: 72.5,
    beatIntervals: [800, 850],
    sdnn: 20,
    rmssd: 25,
    pnn50: 0.1,
    regularity: 0.9,
    quality: 0.8,
    summary: "steady",
    method: "m",
    beats: [100, 900],
    rejected: [{ from: 1, to: 2 }],
  };
  await using app = await start([
    [Measurement.method.list, { measurements: [measured], cursor: 11n }],
    [Measurement.method.record, { measurement: measured }],
    [Measurement.method.get, { measurement: measured }],
    [Measurement.method.analyze, { report }],
    [Measurement.method.remark, { measurement: measured }],
  ]);
  const headers = { cookie: "sid=alice" };
  const { url } = app.server;
  const list = await ask(app, "/wx/api/measurements?from=5&to=9&cursor=3&limit=2", { headers });
  expect([list.status, list.body]).toEqual([200, { measurements: [written], cursor: 11 }]);
  expect(app.request).toMatchObject({ from: 5n, to: 9n, cursor: 3n, limit: 2 });
  expect(app.calls[0]?.identity).toEqual(alice);
  for (const query of ["start=5&end=9&size=2", "start_time=5&end_time=9&limit=2"]) {
    expect((await ask(app, `/wx/api/measurements?${query}`, { headers })).status).toBe(200);
    expect(app.request).toMatchObject({ from: 5n, to: 9n, cursor: 0n, limit: 2 });
  }
  const body = { samples: [1, -2, 3], sample_rate: 100, remark: "晨", idempotency_key: "k" };
  const recorded = await ask(app, "POST /wx/api/measurements", write(url, body));
  expect([recorded.status, recorded.body]).toEqual([200, { measurement: written }]);
  expect(app.request).toMatchObject({
    samples: [1, -2, 3],
    sampleRate: 100,
    remark: "晨",
    idempotencyKey: "k",
  });

  const one = await ask(app, "/wx/api/measurements/12", { headers });
  expect(one.body).toEqual({ measurement: { ...written, samples: [1, -2, 3] } });
  expect(app.request.id).toBe(12n);
  const analysed = await ask(app, "/wx/api/measurements/12/analyze", { headers });
  expect(analysed.body).toEqual({
    report: {
      id: 12,
      record_id: 12,
      heart_rate: 72.5,
      beat_intervals: [800, 850],
      sdnn: 20,
      rmssd: 25,
      pnn50: 0.1,
      regularity: 0.9,
      quality: 0.8,
      summary: "steady",
      method: "m",
      beats: [100, 900],
      rejected: [{ from: 1, to: 2 }],
    },
  });
  const remarked = await ask(app, "POST /wx/api/measurements/12/remark", write(url, { remark: "晨" }));
  expect([remarked.body, app.request.id, app.request.remark]).toEqual([{ measurement: written }, 12n, "晨"]);
  // Empty removes it.
  expect((await ask(app, "POST /wx/api/measurements/12/remark", write(url, { remark: "" }))).status).toBe(
    200,
  );
  expect(app.request.remark).toBe("");
  expect(list.headers["cache-control"]).toBe("no-store");
  const gone = await ask(app, "DELETE /wx/api/measurements/12", { headers: write(url).headers as object });
  expect([gone.status, gone.body, app.request.id]).toEqual([200, {}, 12n]);
});

test("a picture is SVG, and the document can run and fetch nothing", async () => {
  const svg = '<svg xmlns="http://www.w3.org/2000/svg"/>';
  await using app = await start([[Measurement.method.picture, { svg }]]);
  const picture = await ask(app, "/pulse/12.svg", { headers: { cookie: "sid=alice" } });
  expect([picture.status, picture.body, app.request.id]).toEqual([200, svg, 12n]);
  expect(picture.headers).toMatchObject({
    "content-type": "image/svg+xml",
    "cache-control": "private, no-store",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "x-content-type-options": "nosniff",
  });
  for (const path of ["/pulse/12", "/pulse/12.png", "/pulse/.svg", "/pulse/1/2.svg", "/pulse/"]) {
    expect([path, (await ask(app, path, { headers: { cookie: "sid=alice" } })).status]).toEqual([path, 404]);
  }
  const opened = await ask(app, "/pulse/12.svg", { headers: { accept: "text/html" } });
  expect(opened.headers.location).toBe("/wx/oauth?redirect_uri=%2Fpulse%2F12.svg");
});

test("a failure says what it knows", async () => {
  const unpaid = async () => {
    throw new AppError("MEASUREMENT_UNPAID", { price: "990" });
  };
  await using app = await start([[Measurement.method.analyze, unpaid]]);
  const { status, body } = await ask(app, "/wx/api/measurements/12/analyze", {
    headers: { cookie: "sid=alice" },
  });
  expect([status, body]).toEqual([
    402,
    { error: "MEASUREMENT_UNPAID", message: expect.any(String), details: { price: "990" } },
  ]);
});

test("paying: record_id in the body or the query; at once, or with what wx.requestPayment takes", async () => {
  const pay = { timeStamp: "1", nonceStr: "n", package: "prepay_id=p", signType: "RSA", paySign: "s" };
  await using app = await start([[Measurement.method.pay, { measurement: measured, pay }]]);
  const { url } = app.server;
  for (const init of [
    write(url, { record_id: 12 }),
    write(url, { record_id: "12" }),
    write(url, { recordId: 12 }),
  ]) {
    const { status, body } = await ask(app, "POST /wx/api/payment", init);
    expect([status, body, app.request.id]).toEqual([
      200,
      {
        measurement: written,
        pay: { time_stamp: "1", nonce_str: "n", package: "prepay_id=p", sign_type: "RSA", pay_sign: "s" },
      },
      12n,
    ]);
  }
  expect((await ask(app, "POST /wx/api/payment?record_id=13", write(url))).status).toBe(200);
  expect(app.request.id).toBe(13n);
  const missing = await ask(app, "POST /wx/api/payment", write(url, {}));
  expect([missing.status, missing.body]).toEqual([
    400,
    { error: "INVALID_REQUEST", message: "the request is not valid: record_id: missing" },
  ]);
  await using free = await start([[Measurement.method.pay, { measurement: measured }]]);
  const paid = await ask(free, "POST /wx/api/payment", write(free.server.url, { record_id: 12 }));
  expect(paid.body).toEqual({ measurement: written });
});

test("logging out deletes the cookie, and may be done twice", async () => {
  await using app = await start();
  const { url } = app.server;
  const out = await ask(app, "POST /wx/logout", write(url));
  expect([out.status, out.body]).toEqual([200, {}]);
  expect(out.headers["set-cookie"]).toEqual([
    "sid=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax; Secure; Domain=example.com",
  ]);
  expect(app.calls).toHaveLength(1);
  for (const cookie of ["", "sid=ended", "sid=nobody"]) {
    const again = await ask(app, "POST /wx/logout", { headers: { cookie } });
    expect([again.status, again.body]).toEqual([200, {}]);
  }
  expect(app.calls).toHaveLength(1);
});

test.each<[Reason, number]>([
  ["MEASUREMENT_NOT_FOUND", 404],
  ["MEASUREMENT_UNPAID", 402],
  ["ALREADY_PAID", 409],
  ["SIGNAL_POOR", 422],
  ["MEASUREMENTS_FULL", 409],
  ["RATE_LIMITED", 429],
  ["WX_UNAVAILABLE", 503],
  ["INTERNAL", 500],
  ["USER_BANNED", 403],
])("%s is %i", async (reason, status) => {
  await using app = await start([[Measurement.method.get, reason]]);
  const answer = await ask(app, "/wx/api/measurements/12", { headers: { cookie: "sid=alice" } });
  expect([answer.status, answer.body]).toEqual([
    status,
    { error: reason, message: expect.stringMatching(/\w/) },
  ]);
});

test("what is wrong with a request, by the parameter's own name", async () => {
  await using app = await start();
  const headers = { cookie: "sid=alice" };
  for (const [target, name] of [
    ["/wx/api/measurements/abc", "record_id"],
    ["/wx/api/measurements/0", "record_id"],
    ["/wx/api/measurements/12.5/analyze", "record_id"],
    ["/wx/api/measurements/99999999999999999999/analyze", "record_id"],
    ["/wx/api/measurements?start=yesterday", "start"],
    ["/wx/api/measurements?limit=1000", "limit"],
  ] as const) {
    const { status, body } = await ask(app, target, { headers });
    expect([target, status, body.error]).toEqual([target, 400, "INVALID_REQUEST"]);
    expect(body.message).toContain(`${name}: `);
  }
  const lost = await ask(app, "/wx/nothing", { headers });
  expect([lost.status, lost.body]).toEqual([404, { error: "NO_SUCH_METHOD", message: "no such method" }]);
  expect((await ask(app, "PUT /wx/api/payment", { headers })).status).toBe(405);
});

test("a browser that opens a URL without a session is sent to sign in, and comes back", async () => {
  await using app = await start();
  const page = "/wx/api/measurements?limit=2&from=5";
  for (const headers of [{ "sec-fetch-mode": "navigate" }, { accept: "text/html,application/xhtml+xml" }]) {
    for (const cookie of ["", "sid=ended", "sid=nobody"]) {
      const { status, headers: sent, body } = await ask(app, page, { headers: { ...headers, cookie } });
      expect([status, sent.location, body]).toEqual([
        302,
        `/wx/oauth?redirect_uri=${encodeURIComponent(page)}`,
        "",
      ]);
    }
  }
  // Not a page that it may come back to.
  const odd = await ask(app, `/wx/api/measurements?x=${"y".repeat(3000)}`, {
    headers: { "sec-fetch-mode": "navigate" },
  });
  expect([odd.status, odd.headers.location]).toEqual([302, "/wx/oauth"]);
  const busy = await ask(app, page, { headers: { "sec-fetch-mode": "navigate", cookie: "sid=busy" } });
  expect(busy.status).toBe(503);
});

test("a script without a session is told where to send the browser", async () => {
  await using app = await start();
  for (const [target, headers, login] of [
    ["/wx/api/measurements", {}, "/wx/oauth"],
    ["/wx/api/measurements", { accept: "application/json, */*", "sec-fetch-mode": "cors" }, "/wx/oauth"],
    [
      "/wx/api/measurements",
      { referer: `${h5}/list?a=b` },
      `/wx/oauth?redirect_uri=${encodeURIComponent(`${h5}/list?a=b`)}`,
    ],
    ["/wx/api/measurements", { referer: "https://evil.example/" }, "/wx/oauth"],
    ["POST /wx/api/payment?record_id=1", { "sec-fetch-mode": "navigate", accept: "text/html" }, "/wx/oauth"],
  ] as const) {
    const {
      status,
      body,
      headers: sent,
    } = await ask(app, target, { headers: headers as Record<string, string> });
    expect([target, status, sent.location, body]).toEqual([
      target,
      401,
      undefined,
      { error: "TOKEN_MISSING", message: "nobody is signed in", login },
    ]);
  }
  const ended = await ask(app, "/wx/api/measurements", { headers: { cookie: "sid=ended" } });
  expect([ended.status, ended.body.error, ended.body.login]).toEqual([401, "SESSION_REVOKED", "/wx/oauth"]);
});

test("an access token does instead of the cookie, and goes before it", async () => {
  await using app = await start([[Measurement.method.list, {}]]);
  const list = (headers: Record<string, string>) => ask(app, "/wx/api/measurements", { headers });
  expect((await list({ authorization: "Bearer alice" })).status).toBe(200);
  for (const authorization of ["Bearer bob", "Basic x", "Bearer sid=alice"]) {
    expect((await list({ authorization, cookie: "sid=alice" })).status).toBe(401);
  }
  expect((await list({ authorization: "Bearer partner" })).status).toBe(403);
  // No browser adds a token by itself, so where the request comes from does not matter.
  const headers = { authorization: "Bearer alice", origin: "https://evil.example" };
  const remark = await ask(app, "POST /wx/api/measurements/1/remark", {
    ...form("remark=x"),
    headers: { ...headers, "content-type": "application/x-www-form-urlencoded" },
  });
  expect(remark.status).toBe(200);
});

const jsonBody = { "content-type": "application/json" };
const formBody = { "content-type": "application/x-www-form-urlencoded" };

/** Writes with alice's cookie; OWN is the server's origin. */
const writes: [what: string, headers: Record<string, string>, status: number][] = [
  ["from a page of the server's own", { ...jsonBody, origin: "OWN" }, 200],
  ["from a listed page", { ...jsonBody, origin: h5 }, 200],
  ["from a listed page, as browsers say it", { ...jsonBody, origin: h5, "sec-fetch-site": "same-site" }, 200],
  ["same-origin without Origin", { ...jsonBody, "sec-fetch-site": "same-origin" }, 200],
  ["with a charset", { "content-type": "application/json; charset=utf-8", origin: "OWN" }, 200],
  ["of an old WebView: neither header", { ...jsonBody }, 200],
  ["of an old WebView with the page's own Referer", { ...jsonBody, referer: "OWN/pulse/x" }, 200],
  ["of an old WebView with a listed Referer", { ...jsonBody, referer: `${h5}/x?y` }, 200],

  ["from a foreign page", { ...jsonBody, origin: "https://evil.example" }, 403],
  [
    "from a foreign page that calls itself same-origin",
    { ...jsonBody, origin: "https://evil.example", "sec-fetch-site": "same-origin" },
    403,
  ],
  ["from a sibling subdomain that is not listed", { ...jsonBody, origin: "https://evil.example.com" }, 403],
  ["from a host that begins alike", { ...jsonBody, origin: `${h5}.evil.example` }, 403],
  ["from the listed host without TLS", { ...jsonBody, origin: "http://h5.example.com" }, 403],
  ["from another port", { ...jsonBody, origin: "http://127.0.0.1:1" }, 403],
  ["from a sandboxed frame", { ...jsonBody, origin: "null" }, 403],
  ["with an empty Origin", { ...jsonBody, origin: "" }, 403],
  ["from another site without Origin", { ...jsonBody, "sec-fetch-site": "cross-site" }, 403],
  ["from a sibling without Origin", { ...jsonBody, "sec-fetch-site": "same-site" }, 403],
  ["typed in", { ...jsonBody, "sec-fetch-site": "none" }, 403],
  ["of an old WebView with a foreign Referer", { ...jsonBody, referer: "https://evil.example/" }, 403],
  ["of an old WebView with a broken Referer", { ...jsonBody, referer: "x" }, 403],
  ["a form of a foreign page", { ...formBody, origin: "https://evil.example" }, 415],
  ["a form of an old WebView", { ...formBody }, 415],
  ["a form of a listed page", { ...formBody, origin: h5 }, 415],
  ["a text that is JSON", { "content-type": "text/plain", origin: h5 }, 415],
  ["a type that begins alike", { "content-type": "application/jsonp", origin: h5 }, 415],
  ["a multipart form", { "content-type": "multipart/form-data; boundary=x", origin: h5 }, 415],
];

test.each(writes)("a write %s", async (_, headers, status) => {
  await using app = await start();
  const own = new URL(app.server.url).origin;
  const sent = Object.entries(headers).map(([name, value]) => [name, value.replace("OWN", own)]);
  const answer = await ask(app, "POST /wx/api/measurements/12/remark", {
    headers: { cookie: "sid=alice", ...Object.fromEntries(sent) },
    body: headers["content-type"] === formBody["content-type"] ? "remark=x" : '{"remark":"x"}',
  });
  expect(answer.status).toBe(status);
  expect(app.calls).toHaveLength(status === 200 ? 1 : 0);
  if (status === 403) expect(answer.body.error).toBe("ACCESS_DENIED");
});

test.each<[string, Record<string, string>, number]>([
  ["from a listed page", { origin: h5 }, 200],
  ["same-origin", { "sec-fetch-site": "same-origin" }, 200],
  ["of an old WebView", {}, 403],
  ["of an old WebView with a listed Referer", { referer: `${h5}/x` }, 403],
  ["from a foreign page", { origin: "https://evil.example" }, 403],
  ["as an empty form", { ...formBody, origin: h5 }, 415],
])("a write without a body %s", async (_, headers, status) => {
  await using app = await start();
  const answer = await ask(app, "POST /wx/logout", { headers: { cookie: "sid=alice", ...headers } });
  expect([answer.status, answer.headers["set-cookie"]?.length ?? 0]).toEqual([
    status,
    status === 200 ? 1 : 0,
  ]);
  expect(app.calls).toHaveLength(status === 200 ? 1 : 0);
});

test("pages of listed origins may call with cookies, here and nowhere else", async () => {
  await using app = await start([[Measurement.method.list, {}]]);
  const credentials = async (target: string, origin: string, init: RequestInit = {}) => {
    const { headers } = await ask(app, target, { ...init, headers: { origin, ...(init.headers as object) } });
    return [
      headers["access-control-allow-origin"],
      headers["access-control-allow-credentials"],
      headers.vary,
    ];
  };
  const preflight = {
    headers: { "access-control-request-method": "POST", "access-control-request-headers": "content-type" },
  };
  for (const path of [
    "/wx/api/measurements",
    "/wx/api/payment",
    "/wx/logout",
    "/pulse/7.svg",
    "/wx/nothing",
  ]) {
    expect(await credentials(path, h5)).toEqual([h5, "true", "Origin"]);
    expect(await credentials(`OPTIONS ${path}`, h5, preflight)).toEqual([h5, "true", "Origin"]);
    for (const origin of ["https://evil.example", "null", `${h5}.evil.example`, "http://h5.example.com"]) {
      expect(await credentials(path, origin)).toEqual([undefined, undefined, "Origin"]);
      expect(await credentials(`OPTIONS ${path}`, origin, preflight)).toEqual([
        undefined,
        undefined,
        "Origin",
      ]);
    }
  }
  for (const path of ["/liveuser/User/Get", "/healthz", "/wxs/cart", "/.well-known/jwks.json", "/wx"]) {
    expect(await credentials(path, h5)).toEqual([h5, undefined, "Origin"]);
  }
});
