import type { DescField } from "@bufbuild/protobuf";

/** How the JSON of well-known types looks (https://protobuf.dev/programming-guides/json/). */
const jsonForms: Record<string, string> = {
  "google.protobuf.Any": 'in JSON an object with "@type"',
  "google.protobuf.BoolValue": "in JSON true, false or null",
  "google.protobuf.BytesValue": "in JSON base64 text or null",
  "google.protobuf.DoubleValue": "in JSON a number or null",
  "google.protobuf.Duration": 'in JSON seconds as text: "1.5s"',
  "google.protobuf.Empty": "in JSON {}",
  "google.protobuf.FieldMask": 'in JSON names with commas between: "name,agent"',
  "google.protobuf.FloatValue": "in JSON a number or null",
  "google.protobuf.Int32Value": "in JSON a number or null",
  "google.protobuf.Int64Value": "in JSON digits as text, or null",
  "google.protobuf.ListValue": "in JSON any array",
  "google.protobuf.NullValue": "in JSON null",
  "google.protobuf.StringValue": "in JSON text or null",
  "google.protobuf.Struct": "in JSON any object",
  "google.protobuf.Timestamp": 'in JSON a time as text: "2024-01-31T08:00:00Z"',
  "google.protobuf.UInt32Value": "in JSON a number or null",
  "google.protobuf.UInt64Value": "in JSON digits as text, or null",
  "google.protobuf.Value": "in JSON any value",
};

/** The JSON form of a field of a well-known type, in words; undefined for all other fields. */
export function jsonForm(field: DescField): string | undefined {
  const name = (field.message ?? field.enum)?.typeName ?? "";
  return Object.hasOwn(jsonForms, name) ? jsonForms[name] : undefined;
}
