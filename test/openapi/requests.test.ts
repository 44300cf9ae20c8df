import type { DescEnum, DescField, DescMessage } from "@bufbuild/protobuf";
import { ScalarType } from "@bufbuild/protobuf";
import { createValidator } from "@bufbuild/protovalidate";
import type { ValidateFunction } from "ajv";
import { beforeAll, expect, test } from "vitest";
import { readJson } from "../../src/http/codec.ts";
import { contract } from "../../src/services/index.ts";
import { contractDocument, type Document, schemaValidator } from "./kit.ts";

const validator = createValidator();
let document: Document;
let schemaOf: (name: string) => ValidateFunction;

beforeAll(async () => {
  document = await contractDocument();
  schemaOf = schemaValidator(document);
});

const requests = new Map(
  contract.flatMap((service) => service.methods).map(({ input }) => [input.name, input] as const),
);

/** Whether the server takes a request. Rules of whole messages, which schemas only have in words, are left out. */
function serverTakes(desc: DescMessage, request: unknown): boolean {
  try {
    const message = readJson(desc, Buffer.from(JSON.stringify(request)));
    const { violations = [] } = validator.validate(desc, message);
    return violations.every(({ field }) => field.length === 0);
  } catch {
    return false;
  }
}

const cases: [request: string, body: unknown, taken: boolean][] = [
  ["WxLoginRequest", { code: "c" }, true],
  ["WxLoginRequest", {}, false],
  ["WxLoginRequest", { code: "" }, false],
  ["WxLoginRequest", { code: "c".repeat(129) }, false],
  ["WxLoginRequest", { code: "😀".repeat(128), role: "business" }, true],
  ["WxLoginRequest", { code: "c", role: "admin" }, false],
  ["WxLoginRequest", { code: "c", unheard_of: 1 }, true],
  ["UserSetRequest", {}, false],
  ["UserSetRequest", { user: {} }, true],
  ["UserSetRequest", { user: { name: "n".repeat(65) } }, false],
  ["UserSendPhoneCodeRequest", { phone: "13800138000" }, true],
  ["UserSendPhoneCodeRequest", { phone: "12800138000" }, false],
  ["UserUnbindRequest", { id: "7" }, true],
  ["UserUnbindRequest", { id: 7 }, true],
  ["UserUnbindRequest", { id: 0 }, false],
  ["UserUnbindRequest", { id: "seven" }, false],
  ["UserUnbindRequest", { id: 2 ** 53 }, false],
  ["CatalogSetRequest", { product: { product_id: "tea", kind: "PRODUCT", name: "Tea", price: 1 } }, true],
  ["CatalogSetRequest", { product: { product_id: "tea", kind: "PRODUCT", name: "Tea", price: -1 } }, false],
  ["CatalogSetRequest", { product: { product_id: "tea", name: "Tea" } }, false],
  ["CatalogSetRequest", { product: { product_id: "t a", kind: "MOVIE", name: "Tea" } }, false],
  ["OrderCreateRequest", { products: [{ product_id: "tea", count: 1 }] }, true],
  ["OrderCreateRequest", { products: [{ product_id: "tea" }] }, false],
  ["OrderCreateRequest", { products: [] }, false],
  ["OrderListRequest", { states: ["PAID", "CREATED"], limit: 100, cursor: "3" }, true],
  ["OrderListRequest", { states: ["PAID", "PAID"] }, false],
  ["OrderListRequest", { limit: 101 }, false],
  ["CartModifyRequest", { movie_id: "m", action: "MOVEUP" }, true],
  ["CartModifyRequest", { movie_id: "m", action: "CART_ACTION_UNSPECIFIED" }, false],
  ["TicketReportRequest", { vr_client_id: "v", progress_phase: "PLAYING" }, true],
  ["TicketReportRequest", { vr_client_id: "v", progress_phase: "DISTRIBUTED" }, false],
  ["WxAuthorizeUrlRequest", { url: "https://example.org/a?b=c" }, true],
  ["WxAuthorizeUrlRequest", { url: "example.org" }, false],
  ["WxSendMessageRequest", { open_id: "o", template_id: "t", data: { first: "hello" } }, true],
  ["WxSendMessageRequest", { open_id: "o", template_id: "t", data: { "": "hello" } }, false],
  ["WxSendMessageRequest", { open_id: "o", template_id: "t", data: { first: "h".repeat(513) } }, false],
  ["MeasurementRecordRequest", { samples: [1, -2], sample_rate: 62.5 }, true],
  ["MeasurementRecordRequest", { samples: [40_000], sample_rate: 62.5 }, false],
  ["MeasurementRecordRequest", { samples: [1], sample_rate: "NaN" }, false],
];

test.each(cases)("%s %j: %s", (name, body, taken) => {
  expect(serverTakes(requests.get(name) as DescMessage, body)).toBe(taken);
  expect(schemaOf(name)(body)).toBe(taken);
});

const texts = ["a", "", "a b", "ü😀", "7", "customer", "snsapi_base", "13800138000", "123456", "2026-02-03"];
const longTexts = [32, 33, 64, 65, 80, 81, 128, 129, 256, 257, 512, 513, 1024, 2049, 16385].map((length) =>
  "x".repeat(length),
);
const otherTexts = ["https://example.org/a", "/relative", "11010519491231002X", "no\nline", 5, true, {}];
const integers = [
  1,
  0,
  -1,
  20,
  100,
  101,
  100_001,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 32,
  1.5,
  true,
  "a",
];
// The server takes larger numbers too, where no rule forbids them; the schemas do not.
const longs = [1, 0, -1, 2 ** 53 - 1, 1.5, "5", "a", "", "1.5", true];
const floats = [20, 19.9, 2000, 2000.5, "NaN", "Infinity", "-Infinity", "nan", true];

function scalarProbes(scalar: ScalarType): unknown[] {
  if (scalar === ScalarType.STRING) return [...texts, ...longTexts, ...otherTexts];
  if (scalar === ScalarType.BOOL) return [true, false, 1, "true"];
  if (scalar === ScalarType.DOUBLE || scalar === ScalarType.FLOAT) return floats;
  return /64/.test(ScalarType[scalar]) ? longs : integers;
}

function enumProbes({ values }: DescEnum): unknown[] {
  return [...values.map(({ name }) => name), true];
}

/** Values of a field: some that its rules take, some not. */
function probes(field: DescField): unknown[] {
  const single = field.message
    ? variants(field.message)
    : field.enum
      ? enumProbes(field.enum)
      : scalarProbes(field.scalar ?? ScalarType.STRING);
  if (field.fieldKind === "list") {
    const counts = [0, 2, 4, 5, 7, 20, 21, 101].map((count) => Array(count).fill(single[0]));
    return [...single.map((value) => [value]), single.slice(0, 2), ...counts, {}];
  }
  if (field.fieldKind === "map") {
    const pairs = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, "v"]));
    const keys = scalarProbes(field.mapKey).map((key) => ({ [String(key)]: single[0] }));
    return [...single.map((value) => ({ key: value })), ...keys, pairs(32), pairs(33), []];
  }
  return field.message ? [...single, [], 1] : single;
}

/** Messages of which one field each is probed; the others are as the server takes them. */
function variants(desc: DescMessage): Record<string, unknown>[] {
  const base: Record<string, unknown> = {};
  for (const field of desc.fields) {
    // Violations of this field begin with it.
    const isFine = (value: unknown) =>
      violationsOf(desc, { [field.name]: value }).every((name) => name !== field.name);
    const value = probes(field).find(isFine);
    if (value !== undefined) base[field.name] = value;
  }
  return [
    base,
    ...desc.fields.map((field) => ({ ...base, [field.name]: undefined })),
    ...desc.fields.flatMap((field) => probes(field).map((value) => ({ ...base, [field.name]: value }))),
  ];
}

function violationsOf(desc: DescMessage, request: unknown): string[] {
  try {
    const message = readJson(desc, Buffer.from(JSON.stringify(request)));
    const { violations = [] } = validator.validate(desc, message);
    return violations.flatMap(({ field: [first] }) => (first?.kind === "field" ? first.name : []));
  } catch {
    return Object.keys(request as object);
  }
}

test("schema and server take and refuse the same requests, field by field", () => {
  const counts = { taken: 0, refused: 0 };
  for (const desc of requests.values()) {
    const takes = schemaOf(desc.name);
    const differing = variants(desc).flatMap((request) => {
      const json = JSON.parse(JSON.stringify(request));
      const taken = serverTakes(desc, json);
      counts[taken ? "taken" : "refused"]++;
      return takes(json) === taken ? [] : [{ request: JSON.stringify(json), taken }];
    });
    expect(differing, desc.name).toEqual([]);
  }
  expect(counts.taken).toBeGreaterThan(500);
  expect(counts.refused).toBeGreaterThan(500);
}, 60_000);
