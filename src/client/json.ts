import {
  create,
  type DescEnum,
  type DescField,
  type DescMessage,
  isFieldSet,
  type MessageShape,
  protoInt64,
  ScalarType,
} from "@bufbuild/protobuf";
import { base64Decode, base64Encode } from "@bufbuild/protobuf/wire";

// ProtoJSON (https://protobuf.dev/programming-guides/json/) for what the contract uses, which is no
// type of google.protobuf. The library's own does those too, and would be a quarter of the bundle.

type Json = null | boolean | number | string | Json[] | JsonObject;
type JsonObject = { [name: string]: Json };
// biome-ignore lint/suspicious/noExplicitAny: a message, whose shape only its descriptor knows
type AnyMessage = any;

/** The message as JSON, without what is not set. */
export function writeJson<T extends DescMessage>(schema: T, message: MessageShape<T>): string {
  return JSON.stringify(writeMessage(schema, message));
}

function writeMessage(schema: DescMessage, message: AnyMessage): JsonObject {
  const json: JsonObject = {};
  for (const field of schema.fields) {
    if (!isFieldSet(message, field)) continue;
    const value = field.oneof ? message[field.oneof.localName].value : message[field.localName];
    json[field.jsonName] = writeField(field, value);
  }
  return json;
}

function writeField(field: DescField, value: AnyMessage): Json {
  if (field.fieldKind === "list") return value.map((item: unknown) => writeOne(field, item));
  if (field.fieldKind !== "map") return writeOne(field, value);
  const json: JsonObject = {};
  for (const key of Object.keys(value)) json[key] = writeOne(field, value[key]);
  return json;
}

function writeOne({ message, enum: names, scalar }: DescField, value: AnyMessage): Json {
  if (message) return writeMessage(message, value);
  if (names) return names.value[value]?.name ?? value;
  if (scalar === ScalarType.BYTES) return base64Encode(value);
  if (typeof value === "bigint") return String(value);
  return typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
}

/**
 * The message in a JSON text. Names of the proto file and their camelCase are both read; fields and enum
 * values that a newer server may know are passed over.
 * @throws Error what is wrong with the text
 */
export function readJson<T extends DescMessage>(schema: T, text: string): MessageShape<T> {
  return readMessage(schema, JSON.parse(text)) as MessageShape<T>;
}

function readMessage(schema: DescMessage, json: Json): AnyMessage {
  const message: AnyMessage = create(schema);
  const values = objectOf(json, schema.name);
  for (const field of schema.fields) {
    const given = values[field.name] ?? values[field.jsonName];
    const value = given === undefined || given === null ? undefined : readField(field, given);
    if (value === undefined) continue;
    if (field.oneof) message[field.oneof.localName] = { case: field.localName, value };
    else message[field.localName] = value;
  }
  return message;
}

function readField(field: DescField, json: Json): unknown {
  if (field.fieldKind === "list") {
    if (!Array.isArray(json)) throw new Error(`${field.name}: not a list`);
    return json.map((item) => readOne(field, item)).filter((item) => item !== undefined);
  }
  if (field.fieldKind !== "map") return readOne(field, json);
  const map: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(objectOf(json, field.name))) {
    const value = readOne(field, item);
    if (value !== undefined) map[key] = value;
  }
  return map;
}

/** undefined for an enum value that nobody here knows. */
function readOne(field: DescField, json: Json): unknown {
  if (field.message) return readMessage(field.message, json);
  if (field.enum) return readEnum(field.enum, json);
  const value = readScalar(field.scalar as ScalarType, json);
  if (value === undefined) throw new Error(`${field.name}: not ${JSON.stringify(json)}`);
  return value;
}

function readEnum({ values }: DescEnum, json: Json): number | undefined {
  return typeof json === "number" ? json : values.find(({ name }) => name === json)?.number;
}

/** undefined for a value of another type. */
function readScalar(type: ScalarType, json: Json): unknown {
  const isText = typeof json === "string";
  switch (type) {
    case ScalarType.STRING:
      return isText ? json : undefined;
    case ScalarType.BOOL:
      return typeof json === "boolean" ? json : undefined;
    case ScalarType.BYTES:
      return isText ? base64Decode(json) : undefined;
    case ScalarType.INT64:
    case ScalarType.SINT64:
    case ScalarType.SFIXED64:
      return isText || typeof json === "number" ? protoInt64.parse(json) : undefined;
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return isText || typeof json === "number" ? protoInt64.uParse(json) : undefined;
    default:
      return isText || typeof json === "number" ? readNumber(json) : undefined;
  }
}

/** Numbers may come as text; Infinity and NaN, which JSON has no numbers for, always do. */
function readNumber(json: number | string): number | undefined {
  const value = json === "" ? Number.NaN : Number(json);
  return Number.isNaN(value) && json !== "NaN" ? undefined : value;
}

function objectOf(json: Json, name: string): JsonObject {
  if (typeof json === "object" && json && !Array.isArray(json)) return json;
  throw new Error(`${name}: not an object`);
}
