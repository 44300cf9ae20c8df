import {
  type DescEnum,
  type DescField,
  type DescMessage,
  getOption,
  hasOption,
  toJson,
} from "@bufbuild/protobuf";
import {
  FieldRulesSchema,
  field as fieldOption,
  MessageRulesSchema,
  message as messageOption,
  oneof as oneofOption,
} from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";

/** Rules as ProtoJSON with proto names: int64 as text, enums by name, durations and times as text. */
type Rules = Record<string, unknown>;

const formats: Record<string, string> = {
  email: "an email address",
  hostname: "a host name",
  ip: "an IP address",
  ipv4: "an IPv4 address",
  ipv6: "an IPv6 address",
  uri: "an absolute URI",
  uri_ref: "a URI, absolute or relative",
  address: "a host name or an IP address",
  uuid: "a UUID",
  tuuid: "a UUID without hyphens",
  ulid: "a ULID",
  ip_with_prefixlen: "an IP address with its prefix length",
  ipv4_with_prefixlen: "an IPv4 address with its prefix length",
  ipv6_with_prefixlen: "an IPv6 address with its prefix length",
  ip_prefix: "an IP network",
  ipv4_prefix: "an IPv4 network",
  ipv6_prefix: "an IPv6 network",
  host_and_port: "a host and a port",
  protobuf_fqn: "a full protobuf name",
  protobuf_dot_fqn: "a full protobuf name with a leading dot",
};

/** A field's buf.validate rules in words, one remark each; none where none are set. */
export function fieldRemarks(field: DescField): string[] {
  if (!hasOption(field, fieldOption)) return [];
  const rules = toJson(FieldRulesSchema, getOption(field, fieldOption), { useProtoFieldName: true });
  return describe(rules as Rules, field.enum).map(inCell);
}

/** A message's own buf.validate rules in words. */
export function messageRemarks(message: DescMessage): string[] {
  if (!hasOption(message, messageOption)) return [];
  const rules = toJson(MessageRulesSchema, getOption(message, messageOption), {
    useProtoFieldName: true,
  }) as Rules;
  const oneofs = list<{ fields?: string[]; required?: boolean }>(rules.oneof).map(
    ({ fields = [], required }) => `${required ? "exactly" : "at most"} one of ${fields.join(", ")}`,
  );
  return [...oneofs, ...expressions(rules)];
}

/** Whether one member of the field's oneof has to be set. */
export function oneofRequired(field: DescField): boolean {
  return field.oneof !== undefined && getOption(field.oneof, oneofOption).required;
}

/** A bar or a line break would tear the table's row. */
function inCell(remark: string): string {
  return remark.replaceAll("|", "\\|").replace(/\s*\n\s*/g, " ");
}

function describe(rules: Rules, values: DescEnum | undefined): string[] {
  if (rules.ignore === "IGNORE_ALWAYS") return [];
  const remarks = Object.entries(rules).flatMap(([kind, rule]) => {
    switch (kind) {
      case "required":
        return rule ? ["required"] : [];
      case "string":
        return stringRemarks(rule as Rules);
      case "bytes":
        return bytesRemarks(rule as Rules);
      case "enum":
        return enumRemarks(rule as Rules, values);
      case "repeated":
        return repeatedRemarks(rule as Rules, values);
      case "map":
        return mapRemarks(rule as Rules, values);
      case "any":
        return choice(rule as Rules, String);
      case "duration":
      case "timestamp":
      case "field_mask":
        return [
          ...bounds(rule as Rules, String),
          ...timeRemarks(rule as Rules),
          ...choice(rule as Rules, String),
        ];
      case "bool":
      case "float":
      case "double":
        return numberRemarks(
          rule as Rules,
          kind === "float" ? (value) => `${Number(Number(value).toPrecision(7))}` : String,
        );
      default:
        return /32$|64$/.test(kind) ? numberRemarks(rule as Rules, String) : [];
    }
  });
  remarks.sort((a, b) => Number(b === "required") - Number(a === "required"));
  remarks.push(...expressions(rules));
  return rules.ignore === "IGNORE_IF_ZERO_VALUE" && remarks.length > 0
    ? [`if set: ${remarks.join(", ")}`]
    : remarks;
}

function numberRemarks(rules: Rules, write: (value: unknown) => string): string[] {
  return [...bounds(rules, write), ...(rules.finite ? ["finite"] : []), ...choice(rules, write)];
}

function stringRemarks(rules: Rules): string[] {
  const remarks = [
    ...size(rules.len ?? rules.min_len, rules.len ?? rules.max_len, "character"),
    ...size(rules.len_bytes ?? rules.min_bytes, rules.len_bytes ?? rules.max_bytes, "byte"),
    ...texts(rules, quote),
    ...Object.keys(formats).flatMap((name) => (rules[name] ? [formats[name] ?? ""] : [])),
    ...choice(rules, quote),
  ];
  if (rules.well_known_regex) {
    remarks.push(
      rules.well_known_regex === "KNOWN_REGEX_HTTP_HEADER_NAME"
        ? "an HTTP header name"
        : "an HTTP header value",
    );
  }
  return remarks;
}

function bytesRemarks(rules: Rules): string[] {
  const hex = (value: unknown) => `0x${Buffer.from(String(value), "base64").toString("hex")}`;
  return [
    ...size(rules.len ?? rules.min_len, rules.len ?? rules.max_len, "byte"),
    ...texts(rules, hex),
    ...["ip", "ipv4", "ipv6", "uuid"].flatMap((name) => (rules[name] ? [formats[name] ?? ""] : [])),
    ...choice(rules, hex),
  ];
}

function enumRemarks(rules: Rules, values: DescEnum | undefined): string[] {
  const name = (number: unknown) => values?.value[Number(number)]?.name ?? String(number);
  return [...(rules.defined_only ? ["one of the listed values"] : []), ...choice(rules, name)];
}

function repeatedRemarks(rules: Rules, values: DescEnum | undefined): string[] {
  return [
    ...size(rules.min_items, rules.max_items, "item"),
    ...(rules.unique ? ["no item twice"] : []),
    ...nested("each", rules.items, values),
  ];
}

function mapRemarks(rules: Rules, values: DescEnum | undefined): string[] {
  return [
    ...size(rules.min_pairs, rules.max_pairs, "pair"),
    ...nested("each key", rules.keys, undefined),
    ...nested("each value", rules.values, values),
  ];
}

function nested(whose: string, rules: unknown, values: DescEnum | undefined): string[] {
  const remarks = rules ? describe(rules as Rules, values) : [];
  return remarks.length > 0 ? [`${whose}: ${remarks.join(", ")}`] : [];
}

function timeRemarks(rules: Rules): string[] {
  return [
    ...(rules.lt_now ? ["in the past"] : []),
    ...(rules.gt_now ? ["in the future"] : []),
    ...(rules.within ? [`at most ${rules.within} from now`] : []),
  ];
}

/** Rules by CEL: their message, or the expression where they have none. */
function expressions(rules: Rules): string[] {
  const cel = list<{ message?: string; expression?: string }>(rules.cel);
  return [
    ...cel.map(({ message, expression = "" }) => message || expression),
    ...list<string>(rules.cel_expression),
  ];
}

/** `1–64 characters`; either bound may be missing. */
function size(min: unknown, max: unknown, unit: string): string[] {
  const units = (count: unknown) => `${count} ${unit}${Number(count) === 1 ? "" : "s"}`;
  if (min === undefined && max === undefined) return [];
  if (max === undefined) return [`at least ${units(min)}`];
  if (min === undefined || (Number(min) === 0 && Number(max) > 0)) return [`at most ${units(max)}`];
  return [min === max ? `exactly ${units(min)}` : `${min}–${units(max)}`];
}

/** Bounds on a value. A lower bound above the upper one means outside of the range between them. */
function bounds({ gt, gte, lt, lte }: Rules, write: (value: unknown) => string): string[] {
  const lower = gte ?? gt;
  const upper = lte ?? lt;
  const low = lower === undefined ? [] : [`${gte === undefined ? "more than" : "at least"} ${write(lower)}`];
  const high = upper === undefined ? [] : [`${lte === undefined ? "less than" : "at most"} ${write(upper)}`];
  if (low.length === 0 || high.length === 0) return [...low, ...high];
  if (Number(lower) > Number(upper)) return [`${low[0]} or ${high[0]}`];
  return gte === undefined || lte === undefined ? [...low, ...high] : [`from ${write(gte)} to ${write(lte)}`];
}

function texts(rules: Rules, write: (value: unknown) => string): string[] {
  return [
    ...(rules.pattern === undefined ? [] : [`matches \`${rules.pattern}\``]),
    ...(rules.prefix === undefined ? [] : [`begins with ${write(rules.prefix)}`]),
    ...(rules.suffix === undefined ? [] : [`ends with ${write(rules.suffix)}`]),
    ...(rules.contains === undefined ? [] : [`contains ${write(rules.contains)}`]),
    ...(rules.not_contains === undefined ? [] : [`does not contain ${write(rules.not_contains)}`]),
  ];
}

/** The rules const, in and not_in. */
function choice(rules: Rules, write: (value: unknown) => string): string[] {
  const some = (values: unknown) => list<unknown>(values).map(write).join(", ");
  return [
    ...(rules.const === undefined ? [] : [`always ${write(rules.const)}`]),
    ...(some(rules.in) ? [`one of ${some(rules.in)}`] : []),
    ...(some(rules.not_in) ? [`none of ${some(rules.not_in)}`] : []),
  ];
}

function quote(value: unknown): string {
  return JSON.stringify(value);
}

function list<T>(values: unknown): T[] {
  return Array.isArray(values) ? values : [];
}
