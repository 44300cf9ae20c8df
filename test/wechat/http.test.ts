import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { Code, ConnectError } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { AppError } from "../../src/errors.ts";
import { createHttp } from "../../src/wechat/http.ts";
import { createWechat } from "../../src/wechat/wechat.ts";
import { failure, printed } from "./failure.ts";

const secret = "s3cr3t-0f-the-app";
const code = "c0de/of+the=person";

/** A host that answers as no WeChat should. */
async function host(listener: RequestListener) {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  const counted = { connections: 0, requests: 0 };
  server.on("connection", () => (counted.connections += 1));
  server.on("request", () => (counted.requests += 1));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    counted,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

function login(apiBase: string, signal?: AbortSignal) {
  return createWechat({ apiBase, appid: "wx1", secret, timeoutMs: 60_000 }).code2Session({ code, signal });
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
  const hasty = createWechat({ apiBase: wx.url, appid: "wx1", secret, timeoutMs: 50 });
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
  const wechat = createWechat({ apiBase: "http://wx.test/", appid: "wx1", secret, fetch });
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

test("a base that is no URL stops the start", () => {
  expect(() => createHttp({ base: "api.weixin.qq.com" })).toThrow(TypeError);
});
