import {
  create,
  type DescField,
  type DescMessage,
  fromJsonString,
  type Message,
  ScalarType,
  toJsonString,
} from "@bufbuild/protobuf";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  Cart,
  Catalog,
  Hall,
  Measurement,
  MeasurementRecordSchema,
  Order,
  PayParamsSchema,
  Rail,
  Ticket,
  TicketRecordSchema,
  User,
  Wx,
} from "../../src/client/index.ts";
import { readJson, writeJson } from "../../src/client/json.ts";

const schemas = [Cart, Catalog, Hall, Measurement, Order, Rail, Ticket, User, Wx].flatMap(
  ({ file }) => file.messages,
);

/** Any value of a field, and none. */
function anyValue(field: DescField, depth: number): fc.Arbitrary<unknown> {
  const one = () => anyOne(field, depth);
  if (field.fieldKind === "list") return fc.array(one(), { maxLength: 3 });
  if (field.fieldKind === "map")
    return fc.dictionary(fc.string(), one(), { maxKeys: 3, noNullPrototype: true });
  return fc.option(one(), { nil: undefined });
}

function anyOne(field: DescField, depth: number): fc.Arbitrary<unknown> {
  if (field.message) return anyMessage(field.message, depth + 1);
  if (field.enum) return fc.constantFrom(...field.enum.values.map(({ number }) => number), 99);
  switch (field.scalar) {
    case ScalarType.STRING:
      return fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("NaN", "Infinity", ""));
    case ScalarType.BOOL:
      return fc.boolean();
    case ScalarType.BYTES:
      return fc.uint8Array();
    case ScalarType.DOUBLE:
      return fc.double();
    case ScalarType.INT64:
      return fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
    case ScalarType.UINT64:
      return fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
    case ScalarType.UINT32:
      return fc.nat(0xffffffff);
    case ScalarType.INT32:
    case ScalarType.SINT32:
      return fc.integer();
    default:
      throw new Error(`${field}: teach this test and src/client/json.ts the type`);
  }
}

function anyMessage(schema: DescMessage, depth = 0): fc.Arbitrary<Message> {
  if (depth > 3) return fc.constant(create(schema));
  const values = Object.fromEntries(schema.fields.map((field) => [field.localName, anyValue(field, depth)]));
  return fc.record(values).map((init) => create(schema, init));
}

test("the contract has nothing that this JSON does not know", () => {
  expect(schemas.length).toBeGreaterThan(100);
  for (const { fields } of schemas) {
    for (const field of fields) {
      expect(field.message?.typeName ?? "", `${field}`).not.toMatch(/^google\./);
      expect(field.oneof, `${field}`).toBeUndefined();
    }
  }
});

test("JSON is what the library writes, and reads what it writes, for every message of the contract", () => {
  for (const schema of schemas) {
    fc.assert(
      fc.property(anyMessage(schema), (message) => {
        expect(JSON.parse(writeJson(schema, message))).toEqual(JSON.parse(toJsonString(schema, message)));
        const asServer = toJsonString(schema, message, { useProtoFieldName: true, alwaysEmitImplicit: true });
        for (const text of [asServer, toJsonString(schema, message)]) {
          expect(readJson(schema, text)).toEqual(fromJsonString(schema, text));
        }
      }),
      { numRuns: 4 },
    );
  }
});

test("of JSON's freedoms the same are taken", () => {
  expect(readJson(PayParamsSchema, '{"timeStamp":null,"toString":1,"__proto__":{"nonceStr":"x"}}')).toEqual(
    create(PayParamsSchema),
  );
  expect(readJson(TicketRecordSchema, '{"ticket_id":12,"status":1}')).toMatchObject({
    ticketId: 12n,
    status: 1,
  });
  expect(readJson(TicketRecordSchema, '{"ticketId":"12","status":"NEWER"}').ticketId).toBe(12n);
  expect(readJson(MeasurementRecordSchema, '{"sampleRate":"NaN"}').sampleRate).toBeNaN();
  const wrong: [DescMessage, string][] = [
    [PayParamsSchema, '{"package":1}'],
    [PayParamsSchema, '{"package":"x"'],
    [PayParamsSchema, "7"],
    [TicketRecordSchema, '{"ticketId":1.5}'],
    [TicketRecordSchema, '{"ticketId":-1}'],
    [TicketRecordSchema, '{"ticketId":true}'],
    [MeasurementRecordSchema, '{"sampleRate":""}'],
    [MeasurementRecordSchema, '{"sampleRate":"fast"}'],
  ];
  for (const [schema, text] of wrong) expect(() => readJson(schema, text), text).toThrow();
});
