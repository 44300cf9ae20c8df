import {
  create,
  type DescEnum,
  type DescField,
  type DescMessage,
  type DescMethod,
  ScalarType,
} from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence } from "@bufbuild/protobuf/wkt";
import { createValidator, type Validator } from "@bufbuild/protovalidate";
import { commentOf, describe } from "./comments.ts";
import type { Json } from "./json.ts";
import {
  type Constraint,
  constrainEnum,
  constrainInWords,
  constrainSize,
  innerRules,
  messageRemarks,
  oneofRemarks,
  type Rules,
  rulesOf,
} from "./rules.ts";
import { scalarSchema } from "./scalars.ts";
import { wellKnownForm } from "./wellknown.ts";

type TypeDesc = DescMessage | DescEnum;

type Refer = (desc: TypeDesc) => Json;

export interface Schemas {
  /** One schema for each message and enum that requests and answers consist of, by name. */
  components: Json;
  /** A reference to one of them. */
  refer: Refer;
}

/** On what a schema depends besides the declaration itself. */
interface Context {
  refer: Refer;
  /** Whether requests hold the message too, so that its rules bind. */
  received: boolean;
}

/** What a list, a map or a single field holds. */
type Held = Pick<DescField, "message" | "enum" | "scalar">;

interface Schema {
  schema: Json;
  remarks: string[];
}

/**
 * The schemas of the methods' messages in ProtoJSON. A message has one schema, whether it comes or goes:
 * - one that is only answered has no rules, and all fields that are always written are required;
 * - one that is (also) received has its buf.validate rules, and those fields are required that an empty
 *   message breaks a rule with.
 * @throws Error for a rule that does not compile
 */
export function schemasOf(methods: readonly DescMethod[]): Schemas {
  const received = reachable(methods.map((method) => method.input));
  const sent = reachable(methods.map((method) => method.output));
  const types = [...new Set([...received, ...sent])].toSorted((a, b) => (a.typeName < b.typeName ? -1 : 1));
  // A type goes by its name without the package, one of another package by its full name.
  const home = `${methods[0]?.parent.file.proto.package}.`;
  const nameOf = ({ typeName }: TypeDesc) =>
    typeName.startsWith(home) ? typeName.slice(home.length) : typeName;
  const refer: Refer = (desc) => ({ $ref: `#/components/schemas/${nameOf(desc)}` });
  const validator = createValidator();

  function schemaOf(desc: TypeDesc): Json {
    if (desc.kind === "enum") return enumSchema(desc);
    if (!received.has(desc)) {
      const written = desc.fields.filter(isAlwaysWritten).map(({ name }) => name);
      return messageSchema(desc, written, { refer, received: false });
    }
    return messageSchema(desc, missing(desc, validator), { refer, received: true });
  }

  return { components: Object.fromEntries(types.map((desc) => [nameOf(desc), schemaOf(desc)])), refer };
}

/** The messages and enums that some messages consist of, themselves included. */
function reachable(messages: readonly DescMessage[]): Set<TypeDesc> {
  const found = new Set<TypeDesc>();
  const waiting: TypeDesc[] = [...messages];
  for (let desc = waiting.pop(); desc; desc = waiting.pop()) {
    if (found.has(desc) || wellKnownForm(desc.typeName)) continue;
    found.add(desc);
    if (desc.kind === "message")
      waiting.push(...desc.fields.flatMap((field) => field.message ?? field.enum ?? []));
  }
  return found;
}

function enumSchema(desc: DescEnum): Json {
  const values = desc.values.map((value) => `- \`${value.name}\` (${value.number}): ${commentOf(value)}`);
  return {
    type: "string",
    description: describe(commentOf(desc), values.map((line) => line.replace(/: $/, "")).join("\n")),
    enum: desc.values.map(({ name }) => name),
  };
}

function messageSchema(desc: DescMessage, required: string[], context: Context): Json {
  const remarks = [...oneofRemarks(desc), ...(context.received ? messageRemarks(desc) : [])];
  return {
    type: "object",
    description: describe(commentOf(desc), inOneLine(remarks)),
    properties: Object.fromEntries(desc.fields.map((field) => [field.name, fieldSchema(field, context)])),
    required: required.length > 0 ? required : undefined,
  };
}

/** The fields that a request can't leave out: an empty message breaks a rule of theirs. */
function missing(desc: DescMessage, validator: Validator): string[] {
  const result = validator.validate(desc, create(desc));
  if (result.kind === "error") throw result.error;
  const broken = (result.violations ?? []).flatMap(({ field: [first] }) =>
    first?.kind === "field" ? first.name : [],
  );
  return desc.fields.map(({ name }) => name).filter((name) => broken.includes(name));
}

function isAlwaysWritten(field: DescField): boolean {
  return !isOptional(field) && field.fieldKind !== "message";
}

/** Whether a scalar or an enum can be absent, which then is not the same as zero. */
function isOptional(field: DescField): boolean {
  return (
    (field.fieldKind === "scalar" || field.fieldKind === "enum") &&
    field.presence === FeatureSet_FieldPresence.EXPLICIT
  );
}

function fieldSchema(field: DescField, context: Context): Json {
  const rules = context.received ? rulesOf(field) : {};
  const { schema, remarks } = shapeOf(field, rules, context);
  const optional = isOptional(field);
  if (rules.required && !optional && !field.message) remarks.unshift("not empty or zero");
  return {
    ...schema,
    description: describe(commentOf(field), optional ? "Optional." : "", inOneLine(remarks)),
  };
}

function shapeOf(field: DescField, rules: Rules, context: Context): Schema {
  switch (field.fieldKind) {
    case "list": {
      const items = valueSchema(field, innerRules(rules, "items"), context);
      const size = constrainSize(rules);
      return {
        schema: { type: "array", items: items.schema, ...size.keywords },
        remarks: [...size.remarks, ...items.remarks.map((remark) => `each item: ${remark}`)],
      };
    }
    case "map": {
      const keys = scalarSchema(field.mapKey, innerRules(rules, "keys"), false);
      const values = valueSchema(field, innerRules(rules, "values"), context);
      const size = constrainSize(rules);
      return {
        schema: {
          type: "object",
          propertyNames: field.mapKey === ScalarType.STRING ? keys.keywords : undefined,
          additionalProperties: values.schema,
          ...size.keywords,
        },
        remarks: [
          ...size.remarks,
          ...keys.remarks.map((remark) => `each key: ${remark}`),
          ...values.remarks.map((remark) => `each value: ${remark}`),
        ],
      };
    }
    default:
      return valueSchema(field, rules, context);
  }
}

function valueSchema(held: Held, rules: Rules, { refer, received }: Context): Schema {
  if (held.message) {
    return withRules(wellKnownForm(held.message.typeName) ?? refer(held.message), constrainInWords(rules));
  }
  if (held.enum) return withRules(refer(held.enum), constrainEnum(rules, held.enum));
  const { keywords, remarks } = scalarSchema(held.scalar ?? ScalarType.STRING, rules, received);
  return { schema: keywords, remarks };
}

function withRules(schema: Json, { keywords, remarks }: Constraint): Schema {
  return { schema: { ...schema, ...keywords }, remarks };
}

function inOneLine(remarks: string[]): string {
  return remarks.length > 0 ? `Rules: ${remarks.join("; ")}.` : "";
}
