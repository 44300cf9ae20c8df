import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { connect, type Socket } from "node:net";
import type { DescService } from "@bufbuild/protobuf";
import { Code, type ConnectError, createClient, type Interceptor } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { expect, test } from "vitest";
import { Probe } from "./probe.ts";
import { post, type Server, startHttp } from "./start.ts";

const signIn: Interceptor = (next) => (call) => {
  call.header.set("authorization", "Bearer alice");
  return next(call);
};

const wait = "/liveuser/probe/Probe/Wait";

/** A connection of bare bytes; `text` is all that came back, once the server has closed it. */
function dial(server: Server): { socket: Socket; text: Promise<string> } {
  const socket = connect(server.port, "127.0.0.1");
  const chunks: Buffer[] = [];
  const text = new Promise<string>((resolve) => {
    socket.on("data", (chunk) => chunks.push(chunk));
    socket.on("error", () => {});
    socket.on("close", () => resolve(Buffer.concat(chunks).toString()));
  });
  return { socket, text };
}

const requestLine = "POST /liveuser/User/Get HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer alice\r\n";

test("closing lets running calls finish and takes no new connections", async () => {
  const server = await startHttp();
  const running = post(server, wait, { count: 300 });
  await expect.poll(() => server.seen.waiting.length).toBe(1);
  const started = performance.now();
  const closed = server.close(5000);
  await expect(fetch(`${server.url}/healthz`)).rejects.toThrow();
  const response = await running;
  expect([response.status, await response.json()]).toEqual([200, { text: "done", big_count: "0" }]);
  await closed;
  expect(performance.now() - started).toBeLessThan(3000);
});

test("while closing, kept connections are answered, told to close, and unwell", async () => {
  const server = await startHttp();
  const running = post(server, wait, { count: 500 });
  const kept = dial(server);
  // Half a request, so that the connection is not idle when the server closes.
  kept.socket.write("GET /healthz HTTP/1.1\r\nHost: x\r\n");
  await expect.poll(() => server.seen.waiting.length).toBe(1);
  const closed = server.close(5000);
  kept.socket.write("\r\n");
  const text = await kept.text;
  expect(text).toMatch(/^HTTP\/1.1 503 /);
  expect(text.toLowerCase()).toContain("connection: close");
  expect((await running).status).toBe(200);
  await closed;
});

test("closing ends idle connections at once: fresh, kept alive, HTTP/2", async () => {
  const server = await startHttp();
  const fresh = dial(server);
  const kept = dial(server);
  kept.socket.write("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
  const http2 = connectHttp2(server.url);
  await new Promise((resolve) => http2.request({ ":path": "/healthz" }).on("response", resolve).resume());
  const goaway = new Promise((resolve) => http2.on("goaway", resolve));
  await expect.poll(() => kept.socket.bytesRead).toBeGreaterThan(0);
  await server.close(5000);
  expect(await goaway).toBe(0);
  expect(await fresh.text).toBe("");
  expect(await kept.text).toMatch(/^HTTP\/1.1 200 /);
});

test("closing waits no longer than it may for an HTTP/2 caller who does not hang up", async () => {
  const server = await startHttp();
  const socket = connect({ port: server.port, host: "127.0.0.1", allowHalfOpen: true }).resume();
  const ended = once(socket, "end");
  // The preface and empty SETTINGS (RFC 9113, 3.4).
  socket.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0");
  await once(socket, "data");
  await server.close(200);
  await ended;
  socket.destroy();
});

test("closing ends streams with UNAVAILABLE, so that their callers go elsewhere", async () => {
  const server = await startHttp();
  const client = createClient<DescService>(
    Probe,
    createGrpcTransport({
      baseUrl: server.url,
      interceptors: [signIn],
    }),
  ) as unknown as { hang(request: object): AsyncIterable<object> };
  const error = (async () => {
    for await (const _ of client.hang({})) void server.close(5000);
  })();
  await expect(error).rejects.toMatchObject({ code: Code.Unavailable } satisfies Partial<ConnectError>);
});

test("what has not finished in time is cut off", async () => {
  const server = await startHttp();
  const running = post(server, wait, { count: 0 });
  running.catch(() => {});
  await expect.poll(() => server.seen.waiting.length).toBe(1);
  await server.close(100);
  await expect(running).rejects.toThrow();
  await expect.poll(() => server.seen.waiting.length).toBe(0);
});

test("headers that do not come are not waited for", async () => {
  await using server = await startHttp({ headerTimeoutMs: 300, requestTimeoutMs: 600 });
  const silent = dial(server);
  const preface = dial(server);
  preface.socket.write("PRI");
  const slow = dial(server);
  slow.socket.write(requestLine);
  expect(await silent.text).toBe("");
  expect(await preface.text).toBe("");
  expect(await slow.text).toMatch(/^HTTP\/1.1 408 [\s\S]*x-request-id: [\s\S]*deadline_exceeded/);
});

test("bodies that do not come are not waited for", async () => {
  await using server = await startHttp({ headerTimeoutMs: 300, requestTimeoutMs: 400 });
  const slow = dial(server);
  slow.socket.write(`${requestLine}Content-Type: application/json\r\nContent-Length: 10\r\n\r\n{`);
  const http2 = connectHttp2(server.url);
  const open = http2.request(
    { ":path": "/liveuser/User/Get", ":method": "POST", "content-type": "application/json" },
    { endStream: false },
  );
  const status = new Promise((resolve) => open.on("response", (headers) => resolve(headers[":status"])));
  const grpc = http2.request(
    { ":path": "/liveuser.User/Get", ":method": "POST", "content-type": "application/grpc" },
    { endStream: false },
  );
  const trailers = new Promise<{ "grpc-status"?: string }>((resolve) =>
    grpc.resume().on("trailers", resolve),
  );
  expect(await status).toBe(504);
  expect((await trailers)["grpc-status"]).toBe(String(Code.DeadlineExceeded));
  expect(await slow.text).toMatch(/^HTTP\/1.1 408 /);
  http2.destroy();
});

test("a connection serves many requests, sent one after another and all at once", async () => {
  await using server = await startHttp();
  const { socket, text } = dial(server);
  const request = `${requestLine}Content-Type: application/json\r\nContent-Length: 2\r\n`;
  // The first bytes come one by one, so that the choice between HTTP/1 and HTTP/2 has to wait for more.
  for (const byte of "POST /") {
    socket.write(byte);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  socket.write(`${request.slice(6)}\r\n{}${request}\r\n{}${request}Connection: close\r\n\r\n{}`);
  expect((await text).match(/HTTP\/1.1 200 /g)?.length).toBe(3);
});

const notHttp: [what: string, bytes: string, status: number][] = [
  ["nonsense", "hello\r\n\r\n", 400],
  ["TLS", "\u0016\u0003\u0001\u0002\u0000\u0001\u0000\r\n\r\n", 400],
  ["both lengths", `${requestLine}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
  ["two lengths", `${requestLine}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}`, 400],
  ["bare line feeds", "POST /liveuser/User/Get HTTP/1.1\nHost: x\nContent-Length: 2\n\n{}", 400],
  ["no host", "GET /healthz HTTP/1.1\r\n\r\n", 400],
  ["large headers", `${requestLine}X: ${"a".repeat(20_000)}\r\n\r\n`, 431],
];
test.each(notHttp)("%s is refused", async (_, bytes, status) => {
  await using server = await startHttp();
  const { socket, text } = dial(server);
  socket.write(bytes);
  expect(await text).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
});

test("a second content type is not looked at", async () => {
  await using server = await startHttp();
  const { socket, text } = dial(server);
  const types = "Content-Type: application/json\r\nContent-Type: application/proto\r\n";
  socket.write(`${requestLine}${types}Content-Length: 2\r\nConnection: close\r\n\r\n{}`);
  expect(await text).toMatch(/^HTTP\/1.1 200 [\s\S]*"uid":"7"/);
});

test("HTTP/2 that breaks ends its own connection only", async () => {
  await using server = await startHttp();
  const { socket, text } = dial(server);
  socket.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nthis is no frame, this is no frame, this is no frame");
  await text;
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
});

test("a port that is taken is an error", async () => {
  await using server = await startHttp();
  const { createListener } = await import("../../src/http/listener.ts");
  const second = createListener({
    requestTimeoutMs: 1,
    headerTimeoutMs: 1,
    onRequest() {},
    onBroken: () => "",
  });
  await expect(second.listen(server.port, "127.0.0.1")).rejects.toThrow("EADDRINUSE");
});
