import { gzipSync } from "node:zlib";
import { Code, ConnectError } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { AppError } from "../../src/errors.ts";
import { createHttp } from "../../src/wechat/http.ts";
import { wechatAt } from "./client.ts";
import { failure, printed } from "./failure.ts";
import { answering, host } from "./host.ts";

const secret = "s3cr3t-0f-the-app";
const code = "c0de/of+the=person";
const app = { appid: "wx1", secret };

function login(apiBase: string, signal?: AbortSignal) {
  return wechatAt(apiBase, { app, timeoutMs: 60_000 }).code2Session({ code, signal });
}

test.for([
  ["an HTML page", "<html>please log in</html>", "no JSON"],
  ["nothing", "", "no JSON"],
  ["half a JSON", '{"openid":"o1",', "no JSON"],
  ["a list", '["o1"]', "no JSON object"],
  ["null", "null", "no JSON object"],
  ["no openid", '{"session_key":"k"}', "openid"],
  ["an empty openid", '{"session_key":"k","openid":""}', "openid"],
  ["a number as openid", '{"session_key":"k","openid":7}', "openid"],
  ["an endless openid", `{"session_key":"k","openid":"${"o".repeat(200)}"}`, "openid"],
  ["no session key", '{"openid":"o1"}', "session_key"],
  ["a number as unionid", '{"session_key":"k","openid":"o1","unionid":7}', "unionid"],
  ["an errcode in words", '{"errcode":"40029","errmsg":"invalid code"}', "errcode"],
  ["a megabyte and more", " ".repeat(1024 * 1024 + 1), "1048576 bytes"],
] as const)("%s is WX_UNAVAILABLE", async ([, body, words]) => {
  await using wx = await host((_, response) => response.end(body));
  const error = await failure(login(wx.url));
  expect(error.reason).toBe("WX_UNAVAILABLE");
  expect((error.cause as Error).message).toContain(words);
  expect(wx.counted.requests).toBe(1);
});

test("the size is counted after unpacking, and an endless answer is cut off", async () => {
  await using packed = await host((_, response) => {
    response.setHeader("content-encoding", "gzip");
    response.end(gzipSync(Buffer.alloc(20 * 1024 * 1024, " ")));
  });
  expect((await failure(login(packed.url))).cause).toHaveProperty(
    "message",
    expect.stringContaining("bytes"),
  );

  const closed = Promise.withResolvers<void>();
  await using endless = await host((_, response) => {
    response.on("close", closed.resolve);
    const more = () => {
      while (response.write(Buffer.alloc(64 * 1024, " ")));
      response.once("drain", more);
    };
    more();
  });
  expect((await failure(login(endless.url))).cause).toHaveProperty(
    "message",
    expect.stringContaining("bytes"),
  );
  await closed.promise;
});

test("errcode 0 and an empty unionid are no refusal; the Content-Type does not matter", async () => {
  const body = '{"errcode":0,"errmsg":"ok","openid":"o1","session_key":"k","unionid":""}';
  await using wx = await host((_, response) => response.setHeader("content-type", "text/html").end(body));
  expect(await login(wx.url)).toEqual({ openid: "o1", sessionKey: "k" });
});

test("an answer that stops half-way runs into the time-out, and its connection is let go", async () => {
  const closed = Promise.withResolvers<void>();
  await using wx = await host((_, response) => {
    response.on("close", closed.resolve);
    response.write('{"openid":');
  });
  const hasty = wechatAt(wx.url, { app, timeoutMs: 50 });
  const error = await failure(hasty.code2Session({ code }));
  expect(error.reason).toBe("WX_UNAVAILABLE");
  expect((error.cause as Error).message).toContain("within 50 ms");
  await closed.promise;
});

test("the body of a wrong status is not waited for, and its connection is let go", async () => {
  const closed = Promise.withResolvers<void>();
  await using wx = await host((_, response) => {
    response.on("close", closed.resolve);
    response.writeHead(502).write("<html>");
  });
  expect((await failure(login(wx.url))).cause).toHaveProperty("message", expect.stringContaining("HTTP 502"));
  await closed.promise;
});

test("a redirect is not followed", async () => {
  await using aim = await host((_, response) => response.end("{}"));
  await using wx = await host((request, response) =>
    response.writeHead(302, { location: aim.url + request.url }).end(),
  );
  const error = await failure(login(wx.url));
  expect((error.cause as Error).message).toContain("HTTP 302");
  expect(aim.counted.requests).toBe(0);
});

test("a host that quotes the request gives nothing away; the rid stays readable", async () => {
  await using wx = await host((request, response) => {
    const query = new URL(request.url ?? "", "http://wx").searchParams;
    const errmsg = `bad ${request.url} with ${query.get("js_code")} and ${query.get("secret")}, rid: 65a-b-c`;
    response.end(JSON.stringify({ errcode: 40125, errmsg }));
  });
  const error = await failure(login(wx.url));
  const text = printed(error);
  expect((error.cause as Error).message).toMatch(/errcode 40125: bad .*\*\*\*.*, rid: 65a-b-c$/);
  for (const value of [secret, code, encodeURIComponent(code)]) expect(text).not.toContain(value);
});

test("a fetch that quotes the URL in its errors gives nothing away", async () => {
  const fetch = (url: unknown) =>
    Promise.reject(new TypeError(`cannot reach ${url}`, { cause: { input: url } }));
  const wechat = wechatAt("http://wx.test/", { app, fetch });
  const error = await failure(wechat.code2Session({ code }));
  expect(error.reason).toBe("WX_UNAVAILABLE");
  const text = printed(error);
  expect(text).toContain("http://wx.test/sns/jscode2session");
  for (const value of [secret, code, encodeURIComponent(code)]) expect(text).not.toContain(value);
});

const ended = new AppError("SESSION_REVOKED");
test.for([
  ["no reason", undefined, "CALL_CANCELLED"],
  ["a time-out", new DOMException("late", "TimeoutError"), "DEADLINE_PASSED"],
  ["Connect's deadline", new ConnectError("late", Code.DeadlineExceeded), "DEADLINE_PASSED"],
  ["Connect's cancel", new ConnectError("gone", Code.Canceled), "CALL_CANCELLED"],
  ["an error of ours", ended, "SESSION_REVOKED"],
] as const)("the caller ends the call with %s", async ([, why, reason]) => {
  const closed = Promise.withResolvers<void>();
  const caller = new AbortController();
  await using wx = await host((_, response) => {
    response.on("close", closed.resolve);
    caller.abort(why);
  });
  expect((await failure(login(wx.url, caller.signal))).reason).toBe(reason);
  await closed.promise;
});

test("a call that was ended before it began asks nothing", async () => {
  await using wx = await host((_, response) => response.end("{}"));
  expect((await failure(login(wx.url, AbortSignal.abort()))).reason).toBe("CALL_CANCELLED");
  expect(wx.counted.requests).toBe(0);
});

test("a base keeps its path, loses its last slash; connections are used again", async () => {
  await using wx = await host((request, response) => response.end(JSON.stringify({ url: request.url })));
  const http = createHttp({ base: `${wx.url}/proxy/` });
  const query = { a: "1 & 2" };
  for (let i = 0; i < 20; i += 1) {
    const answer = await http.getJson({ path: "/sns/x", query, reasons: {} });
    expect(answer).toEqual({ url: "/proxy/sns/x?a=1+%26+2" });
  }
  expect(wx.counted.requests).toBe(20);
  expect(wx.counted.connections).toBeLessThan(10);
});

const post = {
  path: "/cgi-bin/x",
  query: { access_token: "t0ken/of+the=app" },
  body: { code, secret, deep: { values: ["first", { value: 'with "quotes"' }] }, number: 7 },
  reasons: { 40029: "WX_CODE_INVALID" },
} as const;

test("a POST carries JSON, and its answer is read as a GET's", async () => {
  await using wx = await answering(() => ({ errcode: 0, errmsg: "ok", n: 1 }));
  const answer = await createHttp({ base: wx.url }).postJson({ ...post, body: { text: "王 😀" } });
  expect(answer).toEqual({ errcode: 0, errmsg: "ok", n: 1 });
  expect(wx.asked).toHaveLength(1);
  expect(wx.asked[0]).toMatchObject({ method: "POST", path: "/cgi-bin/x", body: { text: "王 😀" } });
  expect(wx.asked[0]?.query.get("access_token")).toBe("t0ken/of+the=app");
});

test("integers beyond 2^53 come as text, digit by digit", async () => {
  const body = '{"small":9007199254740991,"large":1842467788996542470,"minus":-9007199254740993,"half":0.5}';
  await using wx = await answering(() => body);
  expect(await createHttp({ base: wx.url }).postJson(post)).toEqual({
    small: 9007199254740991,
    large: "1842467788996542470",
    minus: "-9007199254740993",
    half: 0.5,
  });
});

test.for([
  ["a broken connection", undefined, "WX_UNAVAILABLE"],
  ["no JSON", "<html>", "WX_UNAVAILABLE"],
  ["errcode -1", { errcode: -1 }, "WX_UNAVAILABLE"],
  ["its own errcode", { errcode: 40029, errmsg: "invalid code" }, "WX_CODE_INVALID"],
] as const)("a POST that meets %s fails as a GET does, and is made once", async ([, reply, reason]) => {
  await using wx = await answering(() => reply);
  const error = await failure(createHttp({ base: wx.url }).postJson(post));
  expect(error.reason).toBe(reason);
  expect((error.cause as Error).message).toContain(`POST ${wx.url}/cgi-bin/x: `);
  expect(wx.counted.requests).toBe(1);
});

test("a POST on a connection that the host closed meanwhile is not made again", async () => {
  let open = true;
  await using wx = await host((request, response) => {
    request.resume();
    if (open) response.end("{}");
    else request.socket.destroy();
    open = false;
  });
  const http = createHttp({ base: wx.url });
  await http.postJson(post);
  expect((await failure(http.postJson(post))).reason).toBe("WX_UNAVAILABLE");
  expect(wx.counted.requests).toBe(2);
});

test("a redirect of a POST is not followed", async () => {
  await using aim = await answering(() => ({}));
  for (const status of [301, 302, 303, 307, 308]) {
    await using wx = await host((request, response) =>
      request.resume().on("end", () => response.writeHead(status, { location: aim.url }).end()),
    );
    const error = await failure(createHttp({ base: wx.url }).postJson(post));
    expect((error.cause as Error).message).toContain(`HTTP ${status}`);
  }
  expect(aim.counted.requests).toBe(0);
});

test("a time-out and the caller's end stop a POST", async () => {
  const caller = new AbortController();
  await using wx = await host(() => caller.abort());
  const http = createHttp({ base: wx.url, timeoutMs: 50 });
  expect((await failure(http.postJson(post))).cause).toHaveProperty(
    "message",
    expect.stringContaining("within 50 ms"),
  );
  const late = http.postJson({ ...post, signal: caller.signal });
  expect((await failure(late)).reason).toBe("CALL_CANCELLED");
});

test("a host that quotes a POST gives nothing of it away; the rid stays readable", async () => {
  const secrets = [post.query.access_token, code, secret, "first", 'with "quotes"'];
  await using wx = await answering(({ query, body }) => ({
    errcode: 40029,
    errmsg: `bad ${query} ${JSON.stringify(body)} ${encodeURIComponent(code)}, rid: 65a-b-c`,
  }));
  const error = await failure(createHttp({ base: wx.url }).postJson(post));
  expect((error.cause as Error).message).toMatch(/errcode 40029: bad .*\*\*\*.*"number":7.*, rid: 65a-b-c$/);
  const text = printed(error);
  for (const value of secrets) {
    for (const form of [value, encodeURIComponent(value), JSON.stringify(value).slice(1, -1)]) {
      expect(text).not.toContain(form);
    }
  }
});

test("a value that begins another one uncovers nothing of it", async () => {
  await using wx = await answering(({ body }) => ({ errcode: 40029, errmsg: `bad ${body.long}` }));
  const body = { short: "abc", long: "abcdefg" };
  const error = await failure(createHttp({ base: wx.url }).postJson({ ...post, body }));
  expect((error.cause as Error).message).toMatch(/errcode 40029: bad \*\*\*$/);
});

test("what is struck out cannot make the text grow without end", async () => {
  const values = Object.fromEntries(Array.from({ length: 64 }, (_, i) => [`k${i}`, "*".repeat(i + 1)]));
  await using wx = await answering(() => ({ errcode: 40029, errmsg: "*".repeat(100_000) }));
  const error = await failure(createHttp({ base: wx.url }).postJson({ ...post, body: values }));
  expect((error.cause as Error).message.length).toBeLessThan(1000);
});

test("a fetch that quotes a POST in its errors gives nothing away", async () => {
  const fetch = (url: unknown, init?: RequestInit) =>
    Promise.reject(new TypeError(`cannot reach ${url}`, { cause: { init } }));
  const error = await failure(createHttp({ base: "http://wx.test", fetch }).postJson(post));
  const text = printed(error);
  expect(text).toContain("POST http://wx.test/cgi-bin/x");
  for (const value of [secret, code, post.query.access_token]) expect(text).not.toContain(value);
});

test("a base that is no URL stops the start", () => {
  expect(() => createHttp({ base: "api.weixin.qq.com" })).toThrow(TypeError);
});
