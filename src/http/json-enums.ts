import type { DescEnum, DescMessage, JsonValue } from "@bufbuild/protobuf";
import type { Violation } from "../errors.ts";

const withEnums = new WeakMap<DescMessage, boolean>();

/**
 * The first enum name in a JSON object that the contract does not have. The parser that ignores unknown
 * fields drops such a value without a word, and a filter that was misspelt would let everything through.
 */
export function unknownEnumName(desc: DescMessage, text: string): Violation | undefined {
  return hasEnums(desc) ? searchMessage(desc, JSON.parse(text), "") : undefined;
}

/** Whether a message has an enum in it, however deep: most requests have none and are not searched. */
function hasEnums(desc: DescMessage, path: readonly DescMessage[] = []): boolean {
  if (path.includes(desc)) return false;
  const known = withEnums.get(desc);
  if (known !== undefined) return known;
  const found = desc.fields.some(
    (field) => field.enum !== undefined || (field.message && hasEnums(field.message, [...path, desc])),
  );
  if (path.length === 0) withEnums.set(desc, found);
  return found;
}

function searchMessage(desc: DescMessage, json: JsonValue, path: string): Violation | undefined {
  if (typeof json !== "object" || json === null || Array.isArray(json)) return undefined;
  for (const field of desc.fields) {
    if (!field.enum && !field.message) continue;
    const key = [field.name, field.jsonName].find((name) => Object.hasOwn(json, name));
    if (key === undefined) continue;
    const place = path ? `${path}.${key}` : key;
    for (const [item, itemPlace] of itemsOf(json[key] as JsonValue, place)) {
      const found = field.enum
        ? searchEnum(field.enum, item, itemPlace)
        : searchMessage(field.message as DescMessage, item, itemPlace);
      if (found) return found;
    }
  }
  return undefined;
}

/** The values of a list with their paths; any other value alone. Values of maps are not looked at. */
function itemsOf(value: JsonValue, place: string): [JsonValue, string][] {
  if (!Array.isArray(value)) return [[value, place]];
  return value.map((item, i) => [item, `${place}[${i}]`]);
}

function searchEnum(desc: DescEnum, json: JsonValue, place: string): Violation | undefined {
  if (typeof json !== "string" || desc.values.some(({ name }) => name === json)) return undefined;
  return { field: place, description: `expected one of ${desc.values.map(({ name }) => name).join(", ")}` };
}
