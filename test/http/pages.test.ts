import { request } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createRequestIds } from "../../src/http/request-id.ts";
import { post, type Server, startHttp } from "./start.ts";

let well = true;
let server: Server;
beforeAll(async () => {
  server = await startHttp({
    corsOrigins: ["https://h5.example.com"],
    jwks: () => ({ keys: [{ kid: "k1", kty: "OKP" }] }),
    healthy: async () => {
      if (!well) throw new Error("the database at 10.0.0.1 is gone");
    },
  });
});
afterAll(() => server.close());

const get = (path: string, init: RequestInit = {}) => fetch(server.url + path, init);

test("/healthz is 200 while the server can serve", async () => {
  const response = await get("/healthz");
  expect([response.status, await response.json()]).toEqual([200, { status: "ok" }]);
  const head = await get("/healthz", { method: "HEAD" });
  expect([head.status, await head.text()]).toEqual([200, ""]);
});

test("/healthz is 503 without a reason when the server cannot serve", async () => {
  well = false;
  const response = await get("/healthz?verbose=1");
  well = true;
  expect([response.status, await response.json()]).toEqual([503, { status: "unavailable" }]);
});

test("the public keys", async () => {
  const response = await get("/.well-known/jwks.json");
  expect([response.status, response.headers.get("content-type")]).toEqual([200, "application/json"]);
  expect(await response.json()).toEqual({ keys: [{ kid: "k1", kty: "OKP" }] });
});

test("metrics", async () => {
  await post(server, "/liveuser/User/Get", {});
  const response = await get("/metrics");
  const text = await response.text();
  expect(response.headers.get("content-type")).toMatch(/^text\/plain; version=/);
  expect(text).toContain('liveuser_calls_total{method="User.Get",code="OK",door="json"} 1');
  expect(text).toContain('liveuser_call_duration_seconds_count{method="User.Get"} 1');
  expect(text).toContain("liveuser_requests_in_flight 1");
  expect(text).toContain("process_resident_memory_bytes");
});

test.each([
  "/",
  "/liveuser",
  "/liveuser/User/Nothing",
  "/liveuser.User/get",
  "/liveuser%2FUser/Get",
  "/../healthz",
  "//healthz",
])("%s is 404", async (path) => {
  for (const method of ["GET", "POST"]) {
    const status = await new Promise((resolve, reject) => {
      const req = request({ port: server.port, path, method }, (res) => resolve(res.resume().statusCode));
      req.on("error", reject).end();
    });
    expect(status).toBe(404);
  }
});

test("an unknown path answers an error like any other", async () => {
  const response = await get("/liveuser/User/Nothing?token=secret", { headers: { "x-request-id": "lost" } });
  expect(response.headers.get("x-request-id")).toBe("lost");
  expect(await response.json()).toMatchObject({
    code: "unimplemented",
    message: "no such method",
    details: [{ debug: { reason: "NO_SUCH_METHOD" } }],
  });
  expect(server.seen.log.at(-1)).toMatchObject({
    path: "/liveuser/User/Nothing",
    status: 404,
    requestId: "lost",
  });
  expect(JSON.stringify(server.seen.log)).not.toContain("secret");
});

test("another HTTP method is 405 with the right ones", async () => {
  for (const method of ["GET", "PUT", "DELETE", "OPTIONS", "HEAD"]) {
    const response = await get("/liveuser.User/Get", { method });
    expect([response.status, response.headers.get("allow")]).toEqual([405, "POST"]);
  }
  const response = await get("/healthz", { method: "POST", body: "x".repeat(100_000) });
  expect([response.status, response.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
});

test("a query and an absolute target do not matter", async () => {
  expect((await post(server, "/liveuser/User/Get?x=1&y", {})).status).toBe(200);
  const status = await new Promise((resolve, reject) => {
    const headers = { authorization: "Bearer alice", "content-type": "application/json" };
    const path = "http://api.example.com/liveuser/User/Get?x=1";
    const req = request({ port: server.port, path, method: "POST", headers }, (res) =>
      resolve(res.resume().statusCode),
    );
    req.on("error", reject).end("{}");
  });
  expect(status).toBe(200);
});

test("every response has a request id of its own and no guessing of types", async () => {
  const ids = new Set<string | null>();
  for (const path of ["/healthz", "/metrics", "/nothing", "/liveuser/User/Get"]) {
    const response = await get(path, { headers: { "x-request-id": "not ok: spaces" } });
    ids.add(response.headers.get("x-request-id"));
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
  }
  expect([...ids].every((id) => /^[0-9a-f]{8}-[0-9a-z]+$/.test(id ?? ""))).toBe(true);
  expect(ids.size).toBe(4);
});

test("request ids of callers are taken when they are harmless", () => {
  const name = createRequestIds("run");
  expect(["a", "A.b_c-9", "x".repeat(64)].map(name)).toEqual(["a", "A.b_c-9", "x".repeat(64)]);
  expect([undefined, "", "x".repeat(65), 'a"b', "a b", ["a", "b"]].map(name)).toEqual([
    "run-1",
    "run-2",
    "run-3",
    "run-4",
    "run-5",
    "run-6",
  ]);
});

test("a page of a listed origin may call", async () => {
  const origin = "https://h5.example.com";
  const preflight = await get("/liveuser/User/Get", {
    method: "OPTIONS",
    headers: {
      origin,
      "access-control-request-method": "POST",
      "access-control-request-headers": "authorization",
    },
  });
  expect([preflight.status, preflight.headers.get("access-control-allow-origin")]).toEqual([204, origin]);
  expect(preflight.headers.get("access-control-allow-headers")?.toLowerCase()).toMatch(
    /connect-timeout-ms.*authorization, x-request-id/,
  );
  const response = await post(server, "/liveuser/User/Get", {}, { origin });
  expect(response.headers.get("access-control-allow-origin")).toBe(origin);
  expect(response.headers.get("access-control-expose-headers")?.toLowerCase()).toMatch(
    /grpc-status.*x-request-id/,
  );
  expect(response.headers.get("vary")).toBe("Origin");
  expect(
    (await post(server, "/liveuser/User/Get", {}, { origin, authorization: "" })).headers.get(
      "access-control-allow-origin",
    ),
  ).toBe(origin);
});

test("a page of another origin may not", async () => {
  const origin = "https://evil.example.com";
  const preflight = await get("/liveuser/User/Get", {
    method: "OPTIONS",
    headers: { origin, "access-control-request-method": "POST" },
  });
  expect(preflight.headers.get("access-control-allow-origin")).toBeNull();
  expect(
    (await post(server, "/liveuser/User/Get", {}, { origin })).headers.get("access-control-allow-origin"),
  ).toBeNull();
});

test("without listed origins nothing is said about them", async () => {
  await using other = await startHttp();
  const response = await post(other, "/liveuser/User/Get", {}, { origin: "https://h5.example.com" });
  expect([...response.headers.keys()].filter((name) => /access-control|vary/.test(name))).toEqual([]);
});

test("an error that says when to come again says it in HTTP too, and 401 names the scheme", async () => {
  const limited = await post(server, "/liveuser/probe/Probe/Limited", {});
  expect([limited.status, limited.headers.get("retry-after")]).toEqual([429, "2"]);
  const anonymous = await post(server, "/liveuser/User/Get", {}, { authorization: "" });
  expect([anonymous.status, anonymous.headers.get("www-authenticate")]).toEqual([401, "Bearer"]);
});

test("the cause of an internal error is in the log and nowhere else", async () => {
  const response = await post(server, "/liveuser/probe/Probe/Crash", {}, { "x-request-id": "crash" });
  expect([response.status, await response.text()]).toEqual([
    500,
    expect.not.stringMatching(/SQL|SELECT|\.ts/),
  ]);
  const line = server.seen.log.find(({ level, requestId }) => level === "error" && requestId === "crash");
  expect(line).toMatchObject({
    method: "Probe.Crash",
    err: { message: expect.stringContaining("SQLITE_ERROR") },
  });
});

test("metrics are for whoever has their token, or for nobody", async () => {
  await using guarded = await startHttp({ metricsAccess: { token: "scrape" } });
  const read = (url: string, authorization?: string) =>
    fetch(`${url}/metrics`, authorization ? { headers: { authorization } } : {}).then(({ status }) => status);
  expect(await read(guarded.url)).toBe(401);
  expect(await read(guarded.url, "Bearer wrong")).toBe(401);
  expect(await read(guarded.url, "Bearer scrape")).toBe(200);
  await using closed = await startHttp({ metricsAccess: "nobody" });
  expect(await read(closed.url, "Bearer scrape")).toBe(404);
});
