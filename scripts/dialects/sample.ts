import { create, type DescField, type DescMessage, type Message, ScalarType } from "@bufbuild/protobuf";

/** Messages inside messages further down than this stay empty. */
const deepest = 3;

/** A message with something in every field, to show what an answer looks like. */
export function sampleOf(desc: DescMessage, known: object = {}, depth = 0): Message {
  const fields = depth > deepest ? [] : desc.fields.filter(({ oneof }) => oneof === undefined);
  const values = fields.map((field) => [field.localName, sampleField(field, depth)]);
  return create(desc, { ...Object.fromEntries(values), ...known });
}

function sampleField(field: DescField, depth: number): unknown {
  if (field.fieldKind === "map") return { key: "…" };
  const one = sampleValue(field, depth);
  return field.fieldKind === "list" ? [one] : one;
}

function sampleValue(field: DescField, depth: number): unknown {
  if (field.message) return sampleOf(field.message, {}, depth + 1);
  if (field.enum) return (field.enum.values.find(({ number }) => number > 0) ?? field.enum.values[0])?.number;
  switch (field.scalar) {
    case ScalarType.BOOL:
      return true;
    case ScalarType.STRING:
      return "…";
    case ScalarType.BYTES:
      return new Uint8Array(1);
    case ScalarType.INT64:
    case ScalarType.UINT64:
    case ScalarType.SINT64:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return 1n;
    default:
      return 1;
  }
}
