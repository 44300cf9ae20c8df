import { create, type DescMethodUnary, type DescService, type JsonValue, toJson } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient, type Interceptor, type Transport } from "@connectrpc/connect";
import {
  compressionGzip,
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { Order } from "../../gen/liveuser/order_pb.ts";
import { User } from "../../gen/liveuser/user_pb.ts";
import { AppError } from "../../src/errors.ts";
import { jsonOptions } from "../../src/http/json-options.ts";
import { Probe } from "./probe.ts";
import { post, type Server, startHttp } from "./start.ts";

let server: Server;
beforeAll(async () => {
  server = await startHttp();
});
afterAll(() => server.close());

type Headers = Record<string, string>;
/** One way to call a method; resolves to the answer in JSON, rejects with a ConnectError. */
type Door = (
  method: DescMethodUnary,
  request: Record<string, unknown>,
  headers: Headers,
) => Promise<JsonValue>;

function through(makeTransport: (interceptors: Interceptor[]) => Transport): Door {
  return async (method, request, headers) => {
    const setHeaders: Interceptor = (next) => (call) => {
      for (const [name, value] of Object.entries(headers)) call.header.set(name, value);
      return next(call);
    };
    const client = createClient<DescService>(method.parent, makeTransport([setHeaders])) as unknown as Record<
      string,
      (request: object) => Promise<never>
    >;
    const answer = await client[method.localName]?.(request);
    return toJson(method.output, answer as never, jsonOptions);
  };
}

const at = () => ({ baseUrl: server.url });
const plain: Door = async (method, request, headers) => {
  const body = toJson(method.input, create(method.input, request), jsonOptions);
  const response = await post(
    server,
    `/${method.parent.typeName.replaceAll(".", "/")}/${method.name}`,
    body,
    {
      authorization: "",
      ...headers,
    },
  );
  const answer = (await response.json()) as {
    message: string;
    code: string;
    details: { type: string; value: string; debug: unknown }[];
  };
  if (response.ok) return answer as unknown as JsonValue;
  const code =
    Code[answer.code.replace(/(^|_)(.)/g, (_, __, letter) => letter.toUpperCase()) as keyof typeof Code];
  const error = new ConnectError(answer.message, code);
  error.details = answer.details.map(({ type, value }) => ({ type, value: Buffer.from(value, "base64") }));
  return Promise.reject(error);
};

const doors: Record<string, Door> = {
  "POST /liveuser/Service/Method": plain,
  "Connect, JSON, HTTP/1.1": through((interceptors) =>
    createConnectTransport({ ...at(), interceptors, httpVersion: "1.1", useBinaryFormat: false }),
  ),
  "Connect, protobuf, HTTP/1.1": through((interceptors) =>
    createConnectTransport({ ...at(), interceptors, httpVersion: "1.1", useBinaryFormat: true }),
  ),
  "Connect, JSON, HTTP/2": through((interceptors) =>
    createConnectTransport({ ...at(), interceptors, httpVersion: "2", useBinaryFormat: false }),
  ),
  "Connect, protobuf, HTTP/2, gzip": through((interceptors) =>
    createConnectTransport({
      ...at(),
      interceptors,
      httpVersion: "2",
      useBinaryFormat: true,
      sendCompression: compressionGzip,
      compressMinBytes: 0,
    }),
  ),
  gRPC: through((interceptors) => createGrpcTransport({ ...at(), interceptors })),
  "gRPC, JSON, gzip": through((interceptors) =>
    createGrpcTransport({
      ...at(),
      interceptors,
      useBinaryFormat: false,
      sendCompression: compressionGzip,
      compressMinBytes: 0,
    }),
  ),
  "gRPC-Web, HTTP/1.1": through((interceptors) =>
    createGrpcWebTransport({ ...at(), interceptors, httpVersion: "1.1" }),
  ),
  "gRPC-Web, JSON, HTTP/2": through((interceptors) =>
    createGrpcWebTransport({ ...at(), interceptors, httpVersion: "2", useBinaryFormat: false }),
  ),
};

interface Case {
  method: DescMethodUnary;
  request?: Record<string, unknown>;
  headers?: Headers;
  answer?: JsonValue;
  error?: {
    code: Code;
    message: string;
    reason: string;
    metadata?: Record<string, string>;
    fields?: string[];
  };
  retryAfter?: number;
}

const alice = { authorization: "Bearer alice" };
const probe = (name: string) => Probe.method[name] as DescMethodUnary;
const cases: Record<string, Case> = {
  "an answer with zero values and 64-bit numbers as text": {
    method: User.method.get,
    headers: { authorization: "bearer  alice" },
    answer: { user: { uid: "7", name: "", agent: "", update_at: "0", avatar: "" } },
  },
  "nested messages both ways": {
    method: Order.method.create,
    request: { products: [{ productId: "tea", count: 2 }] },
    headers: alice,
    answer: {
      order: {
        id: "12345678901",
        uid: "",
        state: "CREATED",
        amount: 0,
        discount: 0,
        pay: 0,
        pay_at: "0",
        products: [
          {
            order_id: "0",
            product_id: "tea",
            name: "",
            price: 0,
            count: 2,
            product_snapshot: "0",
            detail: "",
          },
        ],
        created_at: "0",
        updated_at: "0",
        deleted_at: "0",
        expires_at: "0",
      },
    },
  },
  "a long answer": {
    method: probe("echo"),
    request: { text: "大".repeat(3000), big: 2n ** 53n - 1n },
    headers: alice,
    answer: { text: "大".repeat(3000), big_count: "9007199254740991" },
  },
  "no token": {
    method: User.method.get,
    error: {
      code: Code.Unauthenticated,
      message: "this method needs an access token",
      reason: "TOKEN_MISSING",
    },
  },
  "an unknown token": {
    method: User.method.get,
    headers: { authorization: "Bearer nobody" },
    error: { code: Code.Unauthenticated, message: "the access token is not valid", reason: "TOKEN_INVALID" },
  },
  "a caller who may not": {
    method: User.method.get,
    headers: { authorization: "Bearer partner" },
    error: {
      code: Code.PermissionDenied,
      message: "the caller may not call this method",
      reason: "ACCESS_DENIED",
    },
  },
  "a broken rule": {
    method: Order.method.create,
    request: { products: [{ productId: "tea", count: 0 }] },
    headers: alice,
    error: {
      code: Code.InvalidArgument,
      message:
        "the request is not valid: products[0].count: must be greater than or equal to 1 and less than or equal to 100000",
      reason: "INVALID_REQUEST",
      fields: ["products[0].count"],
    },
  },
  "an error with metadata": {
    method: Order.method.get,
    request: { id: 5n },
    headers: alice,
    error: {
      code: Code.NotFound,
      message: "no such order",
      reason: "ORDER_NOT_FOUND",
      metadata: { id: "5" },
    },
  },
  "an error that says when to come again": {
    method: probe("limited"),
    headers: alice,
    error: {
      code: Code.ResourceExhausted,
      message: "too many calls, come again later",
      reason: "RATE_LIMITED",
    },
    retryAfter: 1500,
  },
  "an error of a library": {
    method: probe("crash"),
    headers: alice,
    error: { code: Code.Internal, message: "internal error", reason: "INTERNAL" },
  },
  "a body that is too large": {
    method: probe("echo"),
    // Random, so that compression does not help.
    request: {
      text: Array.from({ length: 300 * 1024 }, () => String.fromCharCode(33 + Math.random() * 90)).join(""),
    },
    headers: alice,
    error: { code: Code.ResourceExhausted, message: "the body is too large", reason: "BODY_TOO_LARGE" },
  },
  "a body that is too large once it is unpacked": {
    method: probe("echo"),
    request: { text: "a".repeat(300 * 1024) },
    headers: alice,
    error: { code: Code.ResourceExhausted, message: "the body is too large", reason: "BODY_TOO_LARGE" },
  },
};

for (const [doorName, call] of Object.entries(doors)) {
  describe(doorName, () => {
    for (const [
      caseName,
      { method, request = {}, headers = {}, answer, error, retryAfter },
    ] of Object.entries(cases)) {
      test(caseName, async () => {
        const before = server.seen.outcomes.length;
        if (answer !== undefined) {
          expect(await call(method, request, headers)).toEqual(answer);
          expect(server.seen.outcomes.length).toBe(before + 1);
          return;
        }
        const thrown = (await call(method, request, headers).then(
          () => expect.fail("it was answered"),
          (reason) => reason,
        )) as ConnectError;
        expect(thrown).toBeInstanceOf(ConnectError);
        const [info] = thrown.findDetails(ErrorInfoSchema);
        expect({ code: Code[thrown.code], message: thrown.rawMessage, reason: info?.reason }).toEqual({
          code: Code[error?.code as Code],
          message: error?.message,
          reason: error?.reason,
        });
        expect(info).toMatchObject({ domain: "liveuser", metadata: error?.metadata ?? {} });
        const fields = thrown.findDetails(BadRequestSchema).flatMap((detail) => detail.fieldViolations);
        expect(fields.map(({ field }) => field)).toEqual(error?.fields ?? []);
        const delay = thrown.findDetails(RetryInfoSchema)[0]?.retryDelay;
        expect(delay && Number(delay.seconds) * 1000 + delay.nanos / 1e6).toBe(retryAfter);
      });
    }

    test("the request id of the caller comes back and is in the log", async () => {
      const requestId = `r.${doorName.length}-x_9`;
      await call(User.method.get, {}, { ...alice, "x-request-id": requestId });
      expect(server.seen.log.at(-1)).toMatchObject({ msg: "call", method: "User.Get", requestId, uid: 7 });
      expect(JSON.stringify(server.seen.log.at(-1))).not.toContain("alice");
    });

    test("a deadline ends the call, and its handler learns of it", async () => {
      const [name, value] = doorName.startsWith("gRPC")
        ? ["grpc-timeout", "150m"]
        : ["connect-timeout-ms", "150"];
      const late = call(probe("wait"), {}, { ...alice, [name as string]: value as string });
      await expect.poll(() => server.seen.waiting.length).toBe(1);
      const signal = server.seen.waiting[0]?.signal as AbortSignal;
      await expect(late).rejects.toMatchObject({ code: Code.DeadlineExceeded });
      expect(signal.reason).toBeInstanceOf(AppError);
      expect(signal.reason.reason).toBe("DEADLINE_PASSED");
    });
  });
}
