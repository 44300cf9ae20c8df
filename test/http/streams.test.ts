import { once } from "node:events";
import { connect as connectHttp2, constants } from "node:http2";
import type { DescService } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient, type Interceptor, type Transport } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { AppError } from "../../src/errors.ts";
import { Probe } from "./probe.ts";
import { type Server, startHttp } from "./start.ts";

let server: Server;
beforeAll(async () => {
  server = await startHttp();
});
afterAll(() => server.close());

const signIn: Interceptor = (next) => (call) => {
  call.header.set("authorization", "Bearer alice");
  return next(call);
};

function options() {
  return { baseUrl: server.url, interceptors: [signIn] };
}
const transports: Record<string, () => Transport> = {
  "Connect, JSON, HTTP/1.1": () =>
    createConnectTransport({ ...options(), httpVersion: "1.1", useBinaryFormat: false }),
  "Connect, protobuf, HTTP/2": () => createConnectTransport({ ...options(), httpVersion: "2" }),
  gRPC: () => createGrpcTransport(options()),
  "gRPC-Web, HTTP/1.1": () => createGrpcWebTransport({ ...options(), httpVersion: "1.1" }),
};

type Answer = { text: string; bigCount: bigint };
type Stream = (
  request: { text?: string; count?: number },
  options?: { signal?: AbortSignal; timeoutMs?: number },
) => AsyncIterable<Answer>;

function stream(transport: Transport, method: "count" | "hang"): Stream {
  return (createClient<DescService>(Probe, transport) as unknown as Record<string, Stream>)[method] as Stream;
}

async function failure(answers: AsyncIterable<unknown>, got: unknown[] = []): Promise<ConnectError> {
  try {
    for await (const answer of answers) got.push(answer);
  } catch (error) {
    return error as ConnectError;
  }
  return expect.fail("the stream ended well");
}

for (const [name, transport] of Object.entries(transports)) {
  describe(name, () => {
    test("a stream to its end", async () => {
      const got: bigint[] = [];
      for await (const { bigCount } of stream(transport(), "count")({ count: 500 })) got.push(bigCount);
      expect(got).toEqual(Array.from({ length: 500 }, (_, i) => BigInt(i + 1)));
      expect(server.seen.log.at(-1)).toMatchObject({
        msg: "call",
        method: "Probe.Count",
        result: "OK",
        uid: 7,
      });
    });

    test("a stream that fails in the middle", async () => {
      const got: unknown[] = [];
      const error = await failure(stream(transport(), "count")({ count: 2, text: "fail" }), got);
      expect([got.length, error.code]).toEqual([2, Code.FailedPrecondition]);
      expect(error.findDetails(ErrorInfoSchema)[0]).toMatchObject({
        reason: "TICKET_STATE",
        metadata: { status: "OVER_TIME" },
      });
    });

    test("a caller who goes away ends the handler", async () => {
      const leave = new AbortController();
      const running = failure(stream(transport(), "hang")({}, { signal: leave.signal }));
      await expect.poll(() => server.seen.waiting.length).toBe(1);
      const { signal } = server.seen.waiting[0] as { signal: AbortSignal };
      leave.abort();
      expect((await running).code).toBe(Code.Canceled);
      await expect.poll(() => signal.aborted).toBe(true);
      expect(signal.reason).toBeInstanceOf(AppError);
      expect(signal.reason.reason).toBe("CALL_CANCELLED");
      await expect
        .poll(() => server.seen.log.at(-1))
        .toMatchObject({ method: "Probe.Hang", result: "CALL_CANCELLED" });
    });

    test("a deadline ends the handler", async () => {
      const error = await failure(stream(transport(), "hang")({}, { timeoutMs: 150 }));
      expect(error.code).toBe(Code.DeadlineExceeded);
      await expect.poll(() => server.seen.waiting.length).toBe(0);
    });
  });
}

describe("a caller of a plain method who goes away ends its handler", () => {
  type Unary = (request: object, options: { signal: AbortSignal }) => Promise<Answer>;
  test.each([
    ["Connect, JSON, HTTP/1.1", "1.1", createConnectTransport],
    ["Connect, HTTP/2", "2", createConnectTransport],
    ["gRPC-Web, HTTP/1.1", "1.1", createGrpcWebTransport],
    ["gRPC", "2", (o: { baseUrl: string }) => createGrpcTransport(o)],
  ] as const)("%s", async (_, httpVersion, create) => {
    const leave = new AbortController();
    const client = createClient<DescService>(
      Probe,
      create({ ...options(), httpVersion, useBinaryFormat: false }),
    );
    const running = (client as unknown as Record<string, Unary>).wait?.({}, { signal: leave.signal });
    await expect.poll(() => server.seen.waiting.length).toBe(1);
    const { signal } = server.seen.waiting[0] as { signal: AbortSignal };
    leave.abort();
    await expect(running).rejects.toBeInstanceOf(ConnectError);
    await expect.poll(() => signal.reason?.reason).toBe("CALL_CANCELLED");
    await expect
      .poll(() => server.seen.log.at(-1))
      .toMatchObject({ method: "Probe.Wait", result: "CALL_CANCELLED" });
  });
});

test("a gRPC client learns that a method does not exist", async () => {
  const unknown = { ...Probe, methods: [], method: {} };
  const method = { ...(Probe.method.echo as object), name: "Nothing", parent: unknown };
  const error = await createGrpcTransport(options())
    .unary(method as never, undefined, undefined, undefined, {})
    .then(
      () => expect.fail("it was answered"),
      (reason) => reason as ConnectError,
    );
  expect([error.code, error.findDetails(ErrorInfoSchema)[0]?.reason]).toEqual([
    Code.Unimplemented,
    "NO_SUCH_METHOD",
  ]);
});

test("an unknown gRPC method is answered by headers alone, which end the stream", async () => {
  const session = connectHttp2(server.url);
  const headers = {
    ":path": "/liveuser.User/Nothing",
    ":method": "POST",
    "content-type": "application/grpc+proto",
  };
  const call = session.request(headers, { endStream: true });
  const [response, flags] = await once(call, "response");
  expect(response).toMatchObject({
    ":status": 200,
    "content-type": "application/grpc+proto",
    "grpc-status": "12",
  });
  expect(flags & constants.NGHTTP2_FLAG_END_STREAM).toBe(constants.NGHTTP2_FLAG_END_STREAM);
  session.destroy();
});

describe("over HTTP/2, a caller whose connection is lost", () => {
  const ask = (method: string, body: object) => {
    const session = connectHttp2(server.url);
    const call = session.request({
      ":path": `/liveuser.probe.Probe/${method}`,
      ":method": "POST",
      "content-type": "application/grpc+json",
      authorization: "Bearer alice",
    });
    const json = Buffer.from(JSON.stringify(body));
    const head = Buffer.alloc(5);
    head.writeUInt32BE(json.length, 1);
    call.end(Buffer.concat([head, json]));
    return { session, call };
  };
  const lastOf = () => expect.poll(() => server.seen.log.at(-1));

  test("ends the handler of a stream", async () => {
    const { session, call } = ask("Hang", {});
    await once(call, "data");
    expect(server.seen.waiting.length).toBe(1);
    session.destroy();
    await expect.poll(() => server.seen.waiting.length).toBe(0);
    await lastOf().toMatchObject({ method: "Probe.Hang", result: "CALL_CANCELLED" });
  });

  test("ends a stream whose answers it did not read", async () => {
    const { session, call } = ask("Count", { count: 1_000_000, text: "x".repeat(1000) });
    await once(call, "readable");
    // As much as both sides keep for a reader who is slow.
    await expect.poll(() => call.readableLength).toBeGreaterThan(60_000);
    session.destroy();
    await lastOf().toMatchObject({ method: "Probe.Count", result: "CALL_CANCELLED" });
  });
});
