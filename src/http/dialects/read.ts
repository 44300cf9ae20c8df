import {
  type DescField,
  type DescMessage,
  type JsonObject,
  type JsonValue,
  type Message,
  ScalarType,
} from "@bufbuild/protobuf";
import { AppError, invalid, type Violation } from "../../errors.ts";
import { readJson } from "../codec.ts";
import { parseJson, valuesAt } from "./incoming.ts";
import { type Incoming, namesOf, type Reading, type Route, type Source } from "./table.ts";

/** A request table without its types. */
export type AnyRequestTable = Readonly<Record<string, Source | { readonly fields: AnyRequestTable }>>;

/**
 * Makes the RPC's request of what came.
 * @throws AppError INVALID_REQUEST; fields have the contract's names (see `inOldNames`)
 */
export function readRequest({ rpc, request = {} }: Route, incoming: Incoming): Message {
  const violations: Violation[] = [];
  const json = readTable(rpc.input, request, { incoming, violations, path: "" });
  if (violations.length > 0) throw new AppError("INVALID_REQUEST", {}, { violations });
  return readJson(rpc.input, Buffer.from(jsonText(json)));
}

/** @throws AppError INVALID_REQUEST for lists in lists without end */
function jsonText(json: JsonValue): string {
  try {
    return JSON.stringify(json);
  } catch (error) {
    throw invalid({ field: "", description: "nested too deeply" }, error);
  }
}

interface Progress {
  incoming: Incoming;
  violations: Violation[];
  /** Of the message, with a dot behind it. */
  path: string;
}

/** ProtoJSON with the names of the proto file. */
function readTable(desc: DescMessage, table: AnyRequestTable, progress: Progress): JsonObject {
  const json: JsonObject = {};
  for (const [localName, source] of Object.entries(table)) {
    const field = desc.field[localName] as DescField;
    const path = progress.path + field.name;
    if ("fields" in source) {
      json[field.name] = readTable(field.message as DescMessage, source.fields, {
        ...progress,
        path: `${path}.`,
      });
      continue;
    }
    const read = readSource(source, field, progress.incoming);
    if (read instanceof Fault) progress.violations.push({ field: path, description: read.description });
    else if (read !== undefined) json[field.name] = read;
  }
  return json;
}

/** What is wrong with a parameter. */
class Fault {
  readonly description: string;

  constructor(description: string) {
    this.description = description;
  }
}

function readSource(source: Source, field: DescField, incoming: Incoming): JsonValue | undefined | Fault {
  if ("value" in source) return source.value;
  if ("given" in source) return source.given(incoming);
  const given = spellings(source, incoming).flatMap(({ values }) => values);
  const [first] = given;
  if (first === undefined) return source.required ? new Fault("missing") : source.default;
  if (field.fieldKind === "list") return readList(source, field, given);
  if (given.some((value) => !same(value, first))) return new Fault("given twice");
  const value = source.as ? convert(source.as, first) : first;
  return value instanceof Fault ? value : coerce(field, value);
}

/** A number and its text are the same; objects are only the same as themselves. */
function same(a: JsonValue, b: JsonValue): boolean {
  return a === b || (typeof a !== "object" && typeof b !== "object" && String(a) === String(b));
}

/** A list may come in several parameters, in one with commas, or as JSON. */
function readList(source: { readonly as?: Reading }, field: DescField, given: readonly JsonValue[]) {
  const items: JsonValue[] = [];
  for (const value of given) {
    const some = typeof source.as === "function" ? convert(source.as, value) : value;
    const list = some instanceof Fault ? some : listOf(field, some);
    if (list instanceof Fault) return list;
    items.push(...list);
  }
  if (typeof source.as !== "object") return items;
  const words = items.map((item) => convert(source.as as Reading, item));
  return words.find((word) => word instanceof Fault) ?? (words as JsonValue[]);
}

/** The spellings of a parameter that the caller used, with the values they have. */
function spellings(source: Source, incoming: Incoming): { name: string; values: readonly JsonValue[] }[] {
  const found = namesOf(source);
  if (!found) return [];
  return found.names
    .map((name) => ({ name, values: valuesAt(incoming, found.place, name) }))
    .filter(({ values }) => values.length > 0);
}

function convert(as: Reading, value: JsonValue): JsonValue | Fault {
  if (typeof as === "function") {
    const converted = as(value);
    return converted === undefined || Number.isNaN(converted) ? new Fault("malformed") : converted;
  }
  const word = typeof value === "object" ? "" : String(value);
  if (Object.hasOwn(as, word)) return as[word] as JsonValue;
  return new Fault(`expected one of ${Object.keys(as).join(", ")}`);
}

/** What ProtoJSON takes for the field, of what old clients send for it: mostly texts. */
function coerce(field: DescField, value: JsonValue): JsonValue | Fault {
  if (field.fieldKind === "message" || field.fieldKind === "map") return jsonOf(value);
  if (field.scalar === ScalarType.BOOL) return booleanOf(value);
  if (field.scalar === ScalarType.STRING && typeof value === "number") return String(value);
  return value;
}

/** The items of a list: a JSON array or its text, one item alone, or texts with commas between them. */
function listOf(field: DescField, value: JsonValue): JsonValue[] | Fault {
  if (Array.isArray(value)) return value;
  if (typeof value !== "string") return [value];
  if (/^\s*\[/.test(value) || field.message) {
    const parsed = jsonOf(value);
    return parsed instanceof Fault || Array.isArray(parsed) ? parsed : [parsed];
  }
  return value
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");
}

function jsonOf(value: JsonValue): JsonValue | Fault {
  if (typeof value !== "string") return value;
  return parseJson(value) ?? new Fault("not valid JSON");
}

function booleanOf(value: JsonValue): JsonValue {
  if (value === "true" || value === "1" || value === 1) return true;
  return value === "false" || value === "0" || value === 0 ? false : value;
}

/**
 * The error with the old names of the parameters in place of the contract's: as the caller spelled
 * them, or else as the document does.
 */
export function inOldNames(error: AppError, { rpc, request = {} }: Route, incoming: Incoming): AppError {
  if (error.violations.length === 0) return error;
  const violations = error.violations.map(({ field, description }) => ({
    field: oldName(rpc.input, request, field, incoming),
    description,
  }));
  const { reason, metadata, retryAfterMs, cause } = error;
  return new AppError(reason, metadata, { violations, cause, ...(retryAfterMs ? { retryAfterMs } : {}) });
}

/** `contact.identity_number` → `indentity`, `status[1]` → `status[1]`. What came from no parameter stays. */
function oldName(desc: DescMessage, table: AnyRequestTable, path: string, incoming: Incoming): string {
  const [, name = "", rest = ""] = /^(\w+)(.*)$/s.exec(path) ?? [];
  const field = desc.fields.find((each) => each.name === name);
  const source = field && table[field.localName];
  if (!source) return path;
  if ("fields" in source) {
    return rest ? oldName(field.message as DescMessage, source.fields, rest.slice(1), incoming) : path;
  }
  const old = spellings(source, incoming)[0]?.name ?? namesOf(source)?.names[0];
  return old === undefined ? path : old + rest;
}
