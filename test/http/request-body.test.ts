import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { post, type Server, startHttp } from "./start.ts";

let server: Server;
beforeAll(async () => {
  server = await startHttp();
});
afterAll(() => server.close());

const path = "/liveuser/probe/Probe/Echo";

interface ErrorBody {
  code: string;
  message: string;
  details: { debug: { reason?: string; field_violations?: { field?: string; description?: string }[] } }[];
}

/** The violation that the plain door answers a body with. */
async function violationOf(body: string | Uint8Array, headers: Record<string, string> = {}) {
  const response = await post(server, path, body, headers);
  const error = (await response.json()) as ErrorBody;
  expect([response.status, error.code, error.details[0]?.debug.reason]).toEqual([
    400,
    "invalid_argument",
    "INVALID_REQUEST",
  ]);
  return { field: "", ...error.details[1]?.debug.field_violations?.[0] };
}

/** The same through gRPC-Web with JSON inside; it answers in the trailers. */
async function messageOverGrpcWeb(json: string): Promise<string> {
  const body = Buffer.concat([Buffer.alloc(5), Buffer.from(json)]);
  body.writeUInt32BE(body.length - 5, 1);
  const response = await post(server, "/liveuser.probe.Probe/Echo", body, {
    "content-type": "application/grpc-web+json",
  });
  const [, message] = /grpc-message: ?(.*)/i.exec(await response.text()) ?? [];
  return decodeURIComponent(message?.trim() ?? response.headers.get("grpc-message") ?? "");
}

/** Bodies in JSON: what is wrong with them. */
const broken: [body: string, field: string, description: string][] = [
  ['{"count":"x"}', "count", "expected int32, got a string"],
  ['{"count":4.5}', "count", "expected int32, got 4.5"],
  ['{"count":2147483648}', "count", "expected int32, got 2147483648"],
  ['{"text":123456}', "text", "expected string, got a number"],
  ['{"text":["secret"]}', "text", "expected string, got an array"],
  ['{"text":"\\ud800"}', "text", "expected string, got a string"],
  ['{"big":-1}', "big", "expected uint64, got -1"],
  ['{"big":"99999999999999999999999"}', "big", "expected uint64, got a string"],
  ['{"ratio":1e999}', "ratio", "expected double, got Infinity"],
  ['{"flag":"yes"}', "flag", "expected bool, got a string"],
  ['{"raw":"*"}', "raw", "expected bytes, got a string"],
  ['{"parts":{}}', "parts", "expected an array, got an object"],
  ['{"parts":[{},5]}', "parts[1]", "expected an object, got a number"],
  ['{"parts":[null]}', "parts[0]", "expected an object, got null"],
  [
    '{"parts":[{},{"parts":[{"someNumbers":[1,"two"]}]}]}',
    "parts[1].parts[0].someNumbers[1]",
    "expected sint32, got a string",
  ],
  ['{"some_numbers":[1,true]}', "some_numbers[1]", "expected sint32, got a boolean"],
  ['{"levels":{"a":1,"b c":"x"}}', 'levels["b c"]', "expected int32, got a string"],
  ['{"levels":[]}', "levels", "expected int32, got an array"],
  ['{"some_numbers":[1],"someNumbers":[2]}', "someNumbers", "set twice, by both of its names"],
  ['{"text":"a","text":"b"}', "", 'the key "text" is there twice'],
  ["[]", "", "expected an object, got an array"],
  ['"text"', "", "expected an object, got a string"],
  ["null", "", "expected an object, got null"],
  ['{"text":hunter2}', "", "not valid JSON at character 9"],
  ['{"text" "a"}', "", "not valid JSON at character 9"],
  ['{"text":"a",}', "", "not valid JSON at character 13"],
  ["[1,]", "", "not valid JSON at character 4"],
  ["[1}", "", "not valid JSON at character 3"],
  ["01", "", "not valid JSON at character 1"],
  ['{"text":"a"} x', "", "not valid JSON at character 14"],
  ['{"text":"a\nb"}', "", "not valid JSON at character 9"],
  ['{"text":', "", "not valid JSON: it ends too early"],
  ["[[", "", "not valid JSON: it ends too early"],
  ["  ", "", "not valid JSON: it ends too early"],
];

describe("JSON that is no request is refused, with the place of the mistake and without its value", () => {
  test.each(broken)("%s", async (body, field, description) => {
    expect(await violationOf(body)).toEqual({ field, description });
    expect(await messageOverGrpcWeb(body)).toBe(
      `the request is not valid: ${field ? `${field}: ` : ""}${description}`,
    );
  });
});

test("bytes that are not UTF-8 are refused", async () => {
  const body = Buffer.concat([Buffer.from('{"text":"'), Buffer.from([0xc3, 0x28]), Buffer.from('"}')]);
  expect(await violationOf(body)).toEqual({ field: "", description: "not valid UTF-8" });
});

test("bytes that are no protobuf message are refused", async () => {
  const violation = await violationOf(Uint8Array.from([10, 200, 1]), { "content-type": "application/proto" });
  expect(violation.description).toMatch(/^not a valid message: /);
});

const accepted: [body: string, text: string, bigCount: string][] = [
  ['{"text":"a","big":7}', "a", "7"],
  ['{"text":"a","big":"9007199254740993"}', "a", "9007199254740993"],
  ['{"text":"a","unknown":{"deep":[1]},"__proto__":{"text":"b"},"constructor":1}', "a", "0"],
  ['{"text":"\\u0000<script>"}', "\u0000<script>", "0"],
  ['{"text":"a","count":null,"parts":null,"someNumbers":[1],"levels":{"__proto__":1}}', "a", "0"],
  ["{}", "127.0.0.1", "0"],
  ["", "127.0.0.1", "0"],
];
test.each(accepted)("read: %s", async (body, text, bigCount) => {
  const response = await post(server, path, body);
  expect([response.status, await response.json()]).toEqual([200, { text, big_count: bigCount }]);
});

test("a POST without a body and without a content type is an empty request", async () => {
  const response = await fetch(server.url + path, {
    method: "POST",
    headers: { authorization: "Bearer alice" },
  });
  expect([response.status, await response.json()]).toEqual([200, { text: "127.0.0.1", big_count: "0" }]);
});

test.each([
  "application/json; charset=utf-8",
  "application/json;charset=UTF-8",
  'Application/JSON ; charset="utf-8"',
])("content type %s", async (contentType) => {
  expect((await post(server, path, "{}", { "content-type": contentType })).status).toBe(200);
});

test.each([
  "text/plain",
  "application/json; charset=gbk",
  "application/xml",
  "multipart/form-data",
  "application/connect+json",
])("content type %s is refused with 415", async (contentType) => {
  const response = await post(server, path, "{}", { "content-type": contentType });
  expect([response.status, response.headers.get("accept-post")]).toEqual([
    415,
    "application/json, application/proto",
  ]);
  expect(((await response.json()) as ErrorBody).code).toBe("invalid_argument");
});

test("a stream is asked for by Connect's streaming types", async () => {
  const response = await post(server, "/liveuser.probe.Probe/Count", "{}");
  expect([response.status, response.headers.get("accept-post")]).toEqual([
    415,
    "application/connect+json, application/connect+proto",
  ]);
});

test("a body in chunks is limited too, and its sender gets the answer", async () => {
  const chunk = new Uint8Array(16 * 1024);
  let left = 20;
  const body = new ReadableStream({
    pull(controller) {
      left -= 1;
      if (left < 0) controller.close();
      else controller.enqueue(chunk);
    },
  });
  const response = await fetch(server.url + path, {
    method: "POST",
    headers: { authorization: "Bearer alice", "content-type": "application/json" },
    body,
    duplex: "half",
  } as RequestInit);
  const error = (await response.json()) as ErrorBody;
  expect([response.status, error.code, error.details[0]?.debug.reason]).toEqual([
    413,
    "resource_exhausted",
    "BODY_TOO_LARGE",
  ]);
  expect((await post(server, path, "{}")).status).toBe(200);
});

test.each(["1e3", "-1", "12345678901", "", "1.5"])("Connect-Timeout-Ms: %s is refused", async (value) => {
  expect((await violationOf("{}", { "connect-timeout-ms": value })).field).toBe("connect-timeout-ms");
});

test("Connect-Protocol-Version has to be 1 if it is sent", async () => {
  expect((await violationOf("{}", { "connect-protocol-version": "2" })).field).toBe(
    "connect-protocol-version",
  );
  expect((await post(server, path, "{}", { "connect-protocol-version": "1" })).status).toBe(200);
});

test("an unknown compression is refused as Connect wants it, with those that are known", async () => {
  const response = await post(server, path, "{}", { "content-encoding": "zstd" });
  expect([response.status, response.headers.get("accept-encoding")]).toEqual([501, "gzip,br"]);
});

test("what claims to be gzip and is not is refused", async () => {
  expect(await violationOf("{}", { "content-encoding": "gzip" })).toEqual({
    field: "",
    description: "not gzip",
  });
});

test("a call that fails before it reaches its service is in the log and in the metrics", async () => {
  await post(server, path, "{", { "x-request-id": "early" });
  expect(server.seen.log.at(-1)).toMatchObject({
    method: "Probe.Echo",
    result: "INVALID_REQUEST",
    door: "json",
    requestId: "early",
  });
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  expect(metrics).toMatch(
    /liveuser_calls_total\{method="Probe.Echo",code="INVALID_REQUEST",door="json"\} \d+/,
  );
});
