import type { Json } from "./json.ts";

/** The JSON forms of google.protobuf's own types (https://protobuf.dev/programming-guides/json/). */
const forms: Record<string, Json> = {
  Any: { type: "object", properties: { "@type": { type: "string" } } },
  Duration: { type: "string", pattern: "^-?[0-9]+(\\.[0-9]{1,9})?s$" },
  FieldMask: { type: "string" },
  ListValue: { type: "array" },
  Struct: { type: "object" },
  Timestamp: { type: "string", format: "date-time" },
  Value: {},
  BoolValue: { type: "boolean" },
  BytesValue: { type: "string", contentEncoding: "base64" },
  DoubleValue: { type: ["number", "string"] },
  FloatValue: { type: ["number", "string"] },
  Int32Value: { type: "integer" },
  Int64Value: { type: ["integer", "string"] },
  StringValue: { type: "string" },
  UInt32Value: { type: "integer" },
  UInt64Value: { type: ["integer", "string"] },
};

/** The form of a message that ProtoJSON writes in a way of its own; undefined for all others. */
export function wellKnownForm(typeName: string): Json | undefined {
  const [, name] = /^google\.protobuf\.(\w+)$/.exec(typeName) ?? [];
  return name === undefined ? undefined : forms[name];
}
