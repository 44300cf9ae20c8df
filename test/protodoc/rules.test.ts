import { expect, test } from "vitest";
import { documentsOf, rowsOf } from "./kit.ts";

const rules: [field: string, rule: string, words: string][] = [
  ["string", "required = true", "required"],
  ["string", "string = {min_len: 1, max_len: 64}", "1–64 characters"],
  ["string", "string.min_len = 1", "at least 1 character"],
  ["string", "string = {min_len: 6, max_len: 6}", "exactly 6 characters"],
  ["string", "string.len = 2", "exactly 2 characters"],
  ["string", "string.max_bytes = 9", "at most 9 bytes"],
  ["string", 'string.pattern = "^a|b$"', "matches `^a\\|b$`"],
  ["string", 'string = {prefix: "a", suffix: "z"}', 'begins with "a"; ends with "z"'],
  ["string", 'string = {contains: "a", not_contains: "b"}', 'contains "a"; does not contain "b"'],
  ["string", 'string = {in: ["a", ""]}', 'one of "a", ""'],
  ["string", 'string = {not_in: "a"}', 'none of "a"'],
  ["string", 'string.const = "a"', 'always "a"'],
  ["string", "string.uri = true", "an absolute URI"],
  ["string", "string.ip = true", "an IP address"],
  ["string", "string.email = false", ""],
  ["string", "string.well_known_regex = KNOWN_REGEX_HTTP_HEADER_NAME", "an HTTP header name"],
  ["string", "ignore = IGNORE_IF_ZERO_VALUE, (buf.validate.field).string.uuid = true", "if set: a UUID"],
  ["string", "ignore = IGNORE_ALWAYS, (buf.validate.field).required = true", ""],
  ["string", 'cel = {id: "x", message: "is odd", expression: "true"}', "is odd"],
  ["string", "cel_expression = \"this != 'x'\"", "this != 'x'"],
  ["int32", "int32.gt = 0", "more than 0"],
  ["int32", "int32 = {gte: -1, lt: 5}", "at least -1; less than 5"],
  ["int32", "int32 = {gte: 1, lte: 5}", "from 1 to 5"],
  ["int32", "int32 = {gt: 5, lt: 1}", "more than 5 or less than 1"],
  ["uint64", "uint64 = {gte: 0, lte: 18446744073709551615}", "from 0 to 18446744073709551615"],
  ["sint64", "sint64 = {in: [1, 2]}", "one of 1, 2"],
  ["float", "float = {lte: 0.1, finite: true}", "at most 0.1; finite"],
  ["double", "double.const = 0", "always 0"],
  ["bool", "bool.const = true", "always true"],
  ["bytes", 'bytes = {min_len: 1, prefix: "\\x01\\xff"}', "at least 1 byte; begins with 0x01ff"],
  ["Kind", "enum.defined_only = true", "one of the listed values"],
  ["Kind", "enum = {in: [1, 2]}", "one of ONE, TWO"],
  ["Kind", "enum = {not_in: [0, 9]}", "none of NONE, 9"],
  ["repeated string", "repeated = {min_items: 0, max_items: 1}", "at most 1 item"],
  [
    "repeated string",
    "repeated = {unique: true, items: {string: {max_len: 9}}}",
    "no item twice; each: at most 9 characters",
  ],
  ["repeated Kind", "repeated.items.enum.not_in = 0", "each: none of NONE"],
  ["google.protobuf.Any", 'any.in = "t/x"', "one of t/x"],
  ["google.protobuf.Duration", "duration = {gt: {}, lte: {seconds: 90}}", "more than 0s; at most 90s"],
  [
    "google.protobuf.Timestamp",
    "timestamp = {gt_now: true, within: {seconds: 60}}",
    "in the future; at most 60s from now",
  ],
  ["google.protobuf.FieldMask", 'field_mask.in = "name"', "one of name"],
];

test("the rules of fields in words", async () => {
  const fields = rules.map(
    ([type, rule], index) => `${type} f${index} = ${index + 1} [(buf.validate.field).${rule}];`,
  );
  const { source, descriptors } = await documentsOf(`syntax = "proto3";
import "buf/validate/validate.proto";
import "google/protobuf/any.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/field_mask.proto";
import "google/protobuf/timestamp.proto";
enum Kind { NONE = 0; ONE = 1; TWO = 2; }
message A {
${fields.join("\n")}
}
`);
  const rows = rowsOf(source.slice(source.indexOf("### object A")));
  expect(rows.map(([, , words]) => words)).toEqual(rules.map(([, , words]) => (words ? `(${words})` : "")));
  expect(descriptors).toBe(source);
});

test("the rules of a message stand below its table", async () => {
  const { source } = await documentsOf(`syntax = "proto3";
import "buf/validate/validate.proto";
message A {
  option (buf.validate.message) = {
    oneof: {fields: ["a", "b"], required: true}
    oneof: {fields: ["b", "c"]}
    cel_expression: "this.a > 0"
  };
  int32 a = 1;
  int32 b = 2 [(buf.validate.field).required = true]; // Of b.
  int32 c = 3;
}
`);
  expect(source).toMatch(
    /\| b \| int32 \| Of b\. \(required\) \|\n\| c \| int32 \| {2}\|\n\nRules: exactly one of a, b; at most one of b, c; this\.a > 0\n\n$/,
  );
});
