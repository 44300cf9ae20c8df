import { type DescField, type DescMessage, fromJson, type JsonValue, ScalarType } from "@bufbuild/protobuf";
import type { Violation } from "../errors.ts";
import { jsonOptions } from "./json-options.ts";

/** Texts longer than this are not searched for the place of a syntax error. */
const longestSearch = 64 * 1024;
/** Messages inside messages further down than this are not searched. */
const deepestSearch = 20;

/**
 * Says what is wrong with a body that could not be read as the message: the field's path as the
 * caller wrote it, or the place of the syntax error. Values are not repeated, they may be secret.
 */
export function explainJson(desc: DescMessage, text: string, error: unknown): Violation {
  let json: JsonValue;
  try {
    json = JSON.parse(text);
  } catch {
    const offset = text.length <= longestSearch ? syntaxFault(text) : undefined;
    const place =
      offset === undefined
        ? ""
        : offset === text.length
          ? ": it ends too early"
          : ` at character ${offset + 1}`;
    return { field: "", description: `not valid JSON${place}` };
  }
  const twice = error instanceof Error ? /duplicate object key "(.*)"$/s.exec(error.message)?.[1] : undefined;
  if (twice !== undefined)
    return { field: "", description: `the key "${twice.slice(0, 64)}" is there twice` };
  return findFault(desc, json, "", 0) ?? { field: "", description: `not a ${desc.typeName}` };
}

/** The first field of a JSON object that the message does not take. */
function findFault(desc: DescMessage, json: JsonValue, path: string, depth: number): Violation | undefined {
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    return { field: path, description: `expected an object, got ${kindOf(json)}` };
  }
  const seen = new Set<DescField>();
  for (const [key, value] of Object.entries(json)) {
    const field = desc.fields.find((candidate) => candidate.name === key || candidate.jsonName === key);
    if (!field) continue;
    const place = path ? `${path}.${key}` : key;
    if (seen.has(field)) return { field: place, description: "set twice, by both of its names" };
    seen.add(field);
    if (!accepts(desc, key, value)) return faultOfField(desc, { field, key, value, place, depth });
  }
  return undefined;
}

interface Suspect {
  field: DescField;
  /** The field's name as the caller wrote it. */
  key: string;
  value: JsonValue;
  place: string;
  depth: number;
}

function faultOfField(desc: DescMessage, suspect: Suspect): Violation {
  const { field, key, value, place } = suspect;
  if (field.fieldKind === "list") {
    if (!Array.isArray(value))
      return { field: place, description: `expected an array, got ${kindOf(value)}` };
    const index = value.findIndex((item) => !accepts(desc, key, [item]));
    return faultOfValue({ ...suspect, value: value[index] as JsonValue, place: `${place}[${index}]` });
  }
  if (field.fieldKind === "map" && typeof value === "object" && value !== null && !Array.isArray(value)) {
    const entry = Object.entries(value).find(([name, item]) => !accepts(desc, key, { [name]: item }));
    if (entry) {
      const name = JSON.stringify(entry[0].slice(0, 64));
      return faultOfValue({ ...suspect, value: entry[1] as JsonValue, place: `${place}[${name}]` });
    }
  }
  return faultOfValue(suspect);
}

function faultOfValue({ field, value, place, depth }: Suspect): Violation {
  if (field.message && !field.message.typeName.startsWith("google.protobuf.")) {
    if (depth >= deepestSearch) return { field: place, description: "not valid, or nested too deeply" };
    const inner = findFault(field.message, value, place, depth + 1);
    if (inner) return inner;
  }
  return { field: place, description: `expected ${expectationOf(field)}, got ${kindOf(value, field)}` };
}

function accepts(desc: DescMessage, key: string, value: JsonValue): boolean {
  try {
    fromJson(desc, { [key]: value }, jsonOptions);
    return true;
  } catch {
    return false;
  }
}

function expectationOf(field: DescField): string {
  if (field.scalar !== undefined) return ScalarType[field.scalar].toLowerCase();
  if (field.enum) return `a name of ${field.enum.typeName}`;
  return field.message?.typeName ?? "an object";
}

/** What kind of JSON value it is; a number is shown where a number is expected. */
function kindOf(value: JsonValue, field?: DescField): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  const numeric =
    field?.enum ??
    (field?.scalar && ![ScalarType.STRING, ScalarType.BYTES, ScalarType.BOOL].includes(field.scalar));
  if (typeof value === "number" && numeric) return String(value);
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

const space = /[ \t\n\r]*/y;
const string = String.raw`"[^"\\\u0000-\u001f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\u0000-\u001f]*)*"`;
const atom = String.raw`(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.+-])`;
const token = new RegExp(`[{}[\\],:]|${string}|${atom}`, "y");

/** Where a text stops being JSON (RFC 8259): the offset of the first token that cannot stand there. */
function syntaxFault(text: string): number {
  const open: string[] = [];
  let expected: "value" | "first value" | "key" | "first key" | "colon" | "comma" = "value";
  for (let offset = 0; ; offset = token.lastIndex) {
    space.lastIndex = offset;
    space.test(text);
    offset = token.lastIndex = space.lastIndex;
    const found = token.exec(text)?.[0];
    if (found === undefined) return offset;
    if (found === "}" || found === "]") {
      const first = found === "}" ? "first key" : "first value";
      if (expected !== "comma" && expected !== first) return offset;
      if (open.pop() !== (found === "}" ? "{" : "[")) return offset;
      expected = "comma";
    } else if (found === ",") {
      if (expected !== "comma" || open.length === 0) return offset;
      expected = open.at(-1) === "{" ? "key" : "value";
    } else if (found === ":") {
      if (expected !== "colon") return offset;
      expected = "value";
    } else if (expected === "key" || expected === "first key") {
      if (!found.startsWith('"')) return offset;
      expected = "colon";
    } else if (expected === "value" || expected === "first value") {
      if (found === "{" || found === "[") open.push(found);
      expected = found === "{" ? "first key" : found === "[" ? "first value" : "comma";
    } else return offset;
  }
}
