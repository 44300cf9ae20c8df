import type { DescEnum, DescField, DescMessage, JsonObject, JsonValue, Message } from "@bufbuild/protobuf";
import type { Incoming } from "./table.ts";

/** A writer without its types. */
export type AnyWriter = string | number | boolean | null | Constant | Converted | Given | Nesting;
interface Constant {
  readonly value: JsonValue;
}
interface Converted {
  readonly from: string;
  readonly as?: Readonly<Record<string, JsonValue>> | ((value: unknown) => JsonValue | undefined);
  readonly doc?: string;
}
interface Given {
  readonly given: (message: Message, incoming: Incoming) => JsonValue | undefined;
}
interface Nesting {
  readonly from?: string;
  readonly fields: AnyAnswerTable;
}
export type AnyAnswerTable = Readonly<Record<string, AnyWriter>>;

/** A reply, or a message in it, on its way out. */
export interface Writing {
  desc: DescMessage;
  message: Message;
  incoming: Incoming;
}

/** What a writer makes of a reply; undefined where the reply has nothing. */
export function writeValue(writer: AnyWriter, writing: Writing): JsonValue | undefined {
  const { desc, message } = writing;
  if (typeof writer === "string") return plain(...valueAt(desc, message, writer));
  if (typeof writer !== "object" || writer === null) return writer;
  if ("value" in writer) return writer.value;
  if ("given" in writer) return writer.given(message, writing.incoming);
  if ("fields" in writer) return writeNested(writer, writing);
  const [field, value] = valueAt(desc, message, writer.from);
  if (typeof writer.as === "function") return value === undefined ? undefined : writer.as(value);
  const written = plain(field, value);
  const words = writer.as ?? {};
  const word = String(written);
  return Object.hasOwn(words, word) ? words[word] : written;
}

function writeNested({ from, fields }: Nesting, writing: Writing): JsonValue | undefined {
  if (from === undefined) return writeObject(fields, writing);
  const [field, value] = valueAt(writing.desc, writing.message, from);
  if (value === undefined) return undefined;
  const inner = (message: Message): Writing => ({ ...writing, desc: field.message as DescMessage, message });
  if (Array.isArray(value)) return value.map((item: Message) => writeObject(fields, inner(item)));
  return writeObject(fields, inner(value as Message));
}

function writeObject(table: AnyAnswerTable, writing: Writing): JsonObject {
  const json: JsonObject = {};
  for (const [name, writer] of Object.entries(table)) {
    const value = writeValue(writer, writing);
    if (value !== undefined) json[name] = value;
  }
  return json;
}

/**
 * The field that a path like `ticket.ticketId` ends at.
 * @throws Error if there is none
 */
export function fieldAt(desc: DescMessage, path: string): DescField {
  const [first = "", ...rest] = path.split(".");
  const field = desc.field[first];
  if (!field) throw new Error(`${desc.typeName} has no field ${path}`);
  if (rest.length === 0) return field;
  if (field.fieldKind !== "message") throw new Error(`${desc.typeName}.${first} is no message`);
  return fieldAt(field.message, rest.join("."));
}

function valueAt(desc: DescMessage, message: Message, path: string): [DescField, unknown] {
  let value: unknown = message;
  for (const name of path.split(".")) value = (value as Record<string, unknown> | undefined)?.[name];
  return [fieldAt(desc, path), value];
}

/** Scalars and enums as JSON: 64-bit integers are numbers (ids stay below 2^53), enum values names. */
function plain(field: DescField, value: unknown): JsonValue | undefined {
  if (value === undefined) return undefined;
  if (Array.isArray(value)) return value.map((item) => single(item, field.enum));
  if (field.fieldKind === "map") {
    return Object.fromEntries(
      Object.entries(value as object).map(([key, item]) => [key, single(item, field.enum)]),
    );
  }
  return single(value, field.enum);
}

function single(value: unknown, desc: DescEnum | undefined): JsonValue {
  if (desc) return desc.value[value as number]?.name ?? (value as number);
  if (typeof value === "bigint") return Number(value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  return value as JsonValue;
}
