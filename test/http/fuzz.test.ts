import { create, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { OrderCreateRequestSchema } from "../../gen/liveuser/order_pb.ts";
import { UserSetRequestSchema } from "../../gen/liveuser/user_pb.ts";
import { post, type Server, startHttp } from "./start.ts";

let server: Server;
beforeAll(async () => {
  server = await startHttp({ bodyLimit: 4 * 1024 * 1024 });
});
afterAll(() => server.close());

const paths = [
  "/liveuser/User/Set",
  "/liveuser.Order/Create",
  "/liveuser/Order/Get",
  "/liveuser/probe/Probe/Echo",
] as const;
const path = fc.constantFrom(...paths);
const types = fc.constantFrom(
  "application/json",
  "application/proto",
  "application/grpc-web+proto",
  "application/grpc-web+json",
);

/** The answer is one that blames the caller, or none; and the server lives. */
async function expectNoFault(path: string, body: string | Uint8Array, type: string): Promise<void> {
  const response = await post(server, path, body, { "content-type": type });
  const text = await response.text();
  const grpcStatus = response.headers.get("grpc-status") ?? /grpc-status: ?(\d+)/i.exec(text)?.[1];
  const context = {
    body: Buffer.from(body).subarray(0, 200).toString("base64"),
    type,
    text: text.slice(0, 200),
  };
  expect(response.status, JSON.stringify(context)).toBeLessThan(500);
  expect(["0", "3", "5", "8", undefined], JSON.stringify(context)).toContain(grpcStatus);
}

/** An envelope around bytes, now and then with a false length or flag. */
const envelope = (inner: fc.Arbitrary<Uint8Array>) =>
  fc
    .tuple(inner, fc.constantFrom(0, 0, 0, 1, 2, 128), fc.constantFrom(0, 0, 0, -1, 1, 2 ** 31))
    .map(([bytes, flag, error]) => {
      const head = Buffer.alloc(5);
      head.writeUInt8(flag);
      head.writeUInt32BE(Math.max(0, bytes.length + error) >>> 0, 1);
      return Buffer.concat([head, bytes]);
    });

const names = fc.constantFrom(
  ...[
    "user",
    "uid",
    "name",
    "agent",
    "avatar",
    "update_at",
    "updateAt",
    "products",
    "product_id",
    "productId",
    "count",
  ],
  ...["price", "id", "text", "big", "parts", "levels", "raw", "ratio", "flag", "some_numbers", "someNumbers"],
  ...[
    "__proto__",
    "constructor",
    "prototype",
    "toString",
    "$typeName",
    "$unknown",
    "hasOwnProperty",
    "@type",
    "",
  ],
);
const { value: json } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    fc.constantFrom<unknown>(
      null,
      true,
      0,
      -0,
      -1,
      1e308,
      2 ** 53,
      -(2 ** 63),
      "NaN",
      "Infinity",
      "1e3",
      " 1",
      "0x10",
    ),
    fc.string({ unit: "binary", maxLength: 20 }),
    fc.constantFrom("\ud800", "\udfff\ud800", "\u0000", "a".repeat(5000), "9".repeat(400)),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.array(fc.tuple(names, tie("value")), { maxLength: 6 }).map((entries) => ({ entries })),
  ),
}));

/** Writes JSON by hand, so that keys may come twice and be called __proto__. */
function write(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(write).join(",")}]`;
  if (typeof value === "object" && value !== null) {
    const { entries } = value as { entries: [string, unknown][] };
    return `{${entries.map(([name, item]) => `${JSON.stringify(name)}:${write(item)}`).join(",")}}`;
  }
  return JSON.stringify(value);
}

/** Cuts out or overwrites a piece. */
function mutate(bytes: Uint8Array, [at, length, patch]: [number, number, Uint8Array]): Uint8Array {
  const start = Math.floor(at * bytes.length);
  return Buffer.concat([bytes.subarray(0, start), patch, bytes.subarray(start + length)]);
}
const mutation = fc.tuple(
  fc.double({ min: 0, max: 1, noNaN: true }),
  fc.integer({ min: 0, max: 5 }),
  fc.uint8Array({ maxLength: 4 }),
);

const valid = [
  toBinary(
    UserSetRequestSchema,
    create(UserSetRequestSchema, { user: { name: "小明", agent: "x", avatar: "y" } }),
  ),
  toBinary(
    OrderCreateRequestSchema,
    create(OrderCreateRequestSchema, { products: [{ productId: "tea", count: 2 }] }),
  ),
];

const runs = { numRuns: 150 };

test("any bytes", async () => {
  await fc.assert(fc.asyncProperty(path, fc.uint8Array({ maxLength: 300 }), types, expectNoFault), runs);
});

test("any JSON", async () => {
  await fc.assert(
    fc.asyncProperty(path, json.map(write), (path, body) => expectNoFault(path, body, "application/json")),
    { numRuns: 400 },
  );
});

test("JSON that was damaged", async () => {
  const damaged = fc
    .tuple(json, mutation)
    .map(([value, change]) => mutate(Buffer.from(write(value)), change));
  await fc.assert(
    fc.asyncProperty(path, damaged, (path, body) => expectNoFault(path, body, "application/json")),
    runs,
  );
});

test("protobuf that was damaged", async () => {
  const damaged = fc
    .tuple(fc.constantFrom(...valid), fc.array(mutation, { maxLength: 3 }))
    .map(([bytes, changes]) => changes.reduce(mutate, bytes));
  await fc.assert(
    fc.asyncProperty(path, damaged, (path, body) => expectNoFault(path, body, "application/proto")),
    runs,
  );
});

test("envelopes that are broken, around anything", async () => {
  const inner = fc.oneof(
    fc.uint8Array({ maxLength: 50 }),
    fc.constantFrom(...valid),
    json.map((value) => Buffer.from(write(value))),
  );
  const bodies = fc.array(envelope(inner), { maxLength: 2 }).map((parts) => Buffer.concat(parts));
  const kinds = fc.constantFrom("application/grpc-web+proto", "application/grpc-web+json");
  await fc.assert(fc.asyncProperty(path, bodies, kinds, expectNoFault), runs);
});

const huge = 2 * 1024 * 1024;
const deep: [string, string | Uint8Array, string][] = [
  ["open brackets", "[".repeat(huge), "application/json"],
  ["brackets", "[".repeat(huge / 2) + "]".repeat(huge / 2), "application/json"],
  ["brackets in a field", `{"text":${"[".repeat(huge / 2)}${"]".repeat(huge / 2)}}`, "application/json"],
  [
    "brackets in an unknown field",
    `{"x":${"[".repeat(huge / 2)}${"]".repeat(huge / 2)}}`,
    "application/json",
  ],
  ["objects in an unknown field", `${'{"x":'.repeat(huge / 8)}1${"}".repeat(huge / 8)}`, "application/json"],
  ["messages", `${'{"parts":[{'.repeat(50_000)}${"}]}".repeat(50_000)}`, "application/json"],
  ["nested messages", `${'{"parts":['.repeat(50_000)}${"]}".repeat(50_000)}`, "application/json"],
  ["a number of a million digits", `{"big":${"9".repeat(1_000_000)}}`, "application/json"],
  ["a text with a million digits", `{"big":"${"9".repeat(1_000_000)}"}`, "application/json"],
  ["many keys", `{${Array.from({ length: 100_000 }, (_, i) => `"k${i}":0`).join(",")}}`, "application/json"],
  ["a bad escape after a long text", `{"text":"${"a".repeat(huge)}\\x"}`, "application/json"],
  ["groups in protobuf", Buffer.alloc(huge, 0x5b), "application/proto"],
  ["messages in protobuf", Buffer.alloc(huge, Uint8Array.from([0x22, 0x7f])), "application/proto"],
];
test.each(deep)(
  "%s",
  async (_, body, type) => {
    await expectNoFault("/liveuser/probe/Probe/Echo", body, type);
  },
  10_000,
);

test("nothing above was taken for a fault of the server's own", () => {
  expect(server.seen.log.filter(({ level }) => level === "error")).toEqual([]);
});
