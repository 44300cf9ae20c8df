import { type DescEnum, type DescField, type DescMessage, getOption, toJson } from "@bufbuild/protobuf";
import {
  FieldRulesSchema,
  field as fieldOption,
  MessageRulesSchema,
  message as messageOption,
  oneof as oneofOption,
} from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import type { Json } from "./json.ts";

/** The buf.validate rules of one value, as ProtoJSON with proto names: 64-bit integers are texts. */
export type Rules = Record<string, unknown>;

/** Rules of one value as keywords of JSON Schema, and in words what those can't say. */
export interface Constraint {
  keywords: Json;
  remarks: string[];
}

/** The smallest and the largest value of a type; undefined where there is no need to say it. */
export type Range = [least?: number, most?: number];

/** What a rule is in JSON Schema; undefined where it can't say it. */
type Keywords = Record<string, (value: unknown) => Json | undefined>;

const choiceKeywords: Keywords = {
  const: (value) => ({ const: value }),
  in: (values) => ({ enum: values }),
  not_in: (values) => ({ not: { enum: values } }),
};

/** Lengths count code points, here and there. */
const stringKeywords: Keywords = {
  ...choiceKeywords,
  len: (value) => ({ minLength: Number(value), maxLength: Number(value) }),
  min_len: (value) => ({ minLength: Number(value) }),
  max_len: (value) => ({ maxLength: Number(value) }),
  pattern: (value) => (isPattern(value) ? { pattern: value } : undefined),
  email: () => ({ format: "email" }),
  hostname: () => ({ format: "hostname" }),
  ipv4: () => ({ format: "ipv4" }),
  ipv6: () => ({ format: "ipv6" }),
  uri: () => ({ format: "uri" }),
  uri_ref: () => ({ format: "uri-reference" }),
  uuid: () => ({ format: "uuid" }),
};

const sizeKeywords: Keywords = {
  min_items: (value) => ({ minItems: Number(value) }),
  max_items: (value) => ({ maxItems: Number(value) }),
  unique: (value) => ({ uniqueItems: value }),
  min_pairs: (value) => ({ minProperties: Number(value) }),
  max_pairs: (value) => ({ maxProperties: Number(value) }),
};

/** How rules are called in words; others by their name. */
const words: Record<string, string> = {
  gt: "more than",
  gte: "at least",
  lt: "less than",
  lte: "at most",
  const: "always",
  in: "one of",
  not_in: "none of",
};

/** A field's rules; empty where it has none or they are switched off. */
export function rulesOf(field: DescField): Rules {
  return switchedOn(
    toJson(FieldRulesSchema, getOption(field, fieldOption), { useProtoFieldName: true }) as Rules,
  );
}

/** The rules of a list's items, of a map's keys or values. */
export function innerRules(rules: Rules, part: "items" | "keys" | "values"): Rules {
  return switchedOn((typeRules(rules)[part] ?? {}) as Rules);
}

export function constrainString(rules: Rules): Constraint {
  return translate(rules, stringKeywords);
}

/** The keywords give the type's own bounds where no rule gives narrower ones. */
export function constrainNumber(rules: Rules, [least, most]: Range): Constraint {
  const outside = meansOutside(rules);
  const bound = (keyword: string) => (value: unknown) => (outside ? undefined : { [keyword]: Number(value) });
  const { keywords, remarks } = translate(rules, {
    ...choiceKeywords,
    gt: bound("exclusiveMinimum"),
    gte: bound("minimum"),
    lt: bound("exclusiveMaximum"),
    lte: bound("maximum"),
    finite: () => ({}),
  });
  return {
    keywords: {
      minimum: "exclusiveMinimum" in keywords ? undefined : least,
      maximum: "exclusiveMaximum" in keywords ? undefined : most,
      ...keywords,
    },
    remarks,
  };
}

/** As constrainNumber, and all in words too: keywords for numbers do not bind those who write texts. */
export function constrainLong(rules: Rules, range: Range): Constraint {
  const { minimum, exclusiveMinimum, maximum, exclusiveMaximum } = constrainNumber(rules, range).keywords;
  const { remarks } = constrainInWords(rules);
  return { keywords: { minimum, exclusiveMinimum, maximum, exclusiveMaximum }, remarks };
}

/** Which of `"NaN"`, `"Infinity"`, `"-Infinity"` a floating number may be: NaN keeps no bound. */
export function specialNumbers(rules: Rules): string[] {
  const { gt, gte, lt, lte, finite, const: only, in: some } = typeRules(rules);
  if (finite || only !== undefined || some) return [];
  const low = gt ?? gte;
  const high = lt ?? lte;
  return [
    ...(low === undefined && high === undefined ? ["NaN"] : []),
    ...(high === undefined ? ["Infinity"] : []),
    ...(low === undefined ? ["-Infinity"] : []),
  ];
}

/** Enum rules have numbers, JSON has names. */
export function constrainEnum(rules: Rules, desc: DescEnum): Constraint {
  const named = (isAllowed: (number: number) => boolean) => ({
    enum: desc.values.filter(({ number }) => isAllowed(number)).map(({ name }) => name),
  });
  return translate(rules, {
    defined_only: () => ({}),
    const: (value) => named((number) => number === value),
    in: (values) => named((number) => (values as number[]).includes(number)),
    not_in: (values) => named((number) => !(values as number[]).includes(number)),
  });
}

/** How many items or pairs there may be. The rules of the items themselves are left to the caller. */
export function constrainSize(rules: Rules): Constraint {
  const leftOut = () => ({});
  return translate(rules, { ...sizeKeywords, items: leftOut, keys: leftOut, values: leftOut });
}

/** For what JSON Schema has no keywords for: bytes, messages with a form of their own. */
export function constrainInWords(rules: Rules): Constraint {
  return translate(rules, {});
}

/** A message's own rules in words. */
export function messageRemarks(desc: DescMessage): string[] {
  const rules = toJson(MessageRulesSchema, getOption(desc, messageOption), {
    useProtoFieldName: true,
  }) as Rules;
  const groups = (rules.oneof ?? []) as { fields?: string[]; required?: boolean }[];
  return [
    ...groups.map(({ fields = [], required = false }) => oneOf(fields, required)),
    ...expressions(rules),
  ];
}

/** What a message's oneofs mean, in words. */
export function oneofRemarks(desc: DescMessage): string[] {
  return desc.oneofs.map((oneof) => {
    const names = oneof.fields.map(({ name }) => name);
    return oneOf(names, getOption(oneof, oneofOption).required);
  });
}

function oneOf(names: string[], required: boolean): string {
  return `${required ? "exactly" : "at most"} one of ${names.join(", ")}`;
}

function switchedOn(rules: Rules): Rules {
  return rules.ignore === "IGNORE_ALWAYS" ? {} : rules;
}

const generalRules = new Set(["required", "ignore", "cel", "cel_expression"]);

/** The rules of the value's type, which stand under the type's name: `{string: {min_len: 1}}`. */
function typeRules(rules: Rules): Rules {
  const [, typed = {}] = Object.entries(rules).find(([name]) => !generalRules.has(name)) ?? [];
  return typed as Rules;
}

/** Each rule as keywords where the table has some, else in words. */
function translate(rules: Rules, table: Keywords): Constraint {
  const { gt, gte, lt, lte, ...others } = typeRules(rules);
  const entries = Object.entries({ gt, gte, lt, lte, ...others }).filter(([, value]) => value !== undefined);
  // Keywords would bind zero too.
  const unlessZero = rules.ignore === "IGNORE_IF_ZERO_VALUE";
  const keywords: Json = {};
  const remarks: string[] = [];
  for (const [name, value] of entries) {
    const inKeywords = unlessZero ? undefined : table[name]?.(value);
    if (inKeywords) Object.assign(keywords, inKeywords);
    else remarks.push(inWords(name, value));
  }
  if (meansOutside(rules)) remarks.splice(0, 2, remarks.slice(0, 2).join(" or "));
  remarks.push(...expressions(rules));
  return { keywords, remarks: unlessZero ? remarks.map((remark) => `if set: ${remark}`) : remarks };
}

/** A lower bound above the upper one means outside of the range between them. */
function meansOutside(rules: Rules): boolean {
  const { gt, gte, lt, lte } = typeRules(rules);
  return Number(gt ?? gte) > Number(lt ?? lte);
}

/** Whether RE2's pattern is one of ECMAScript too, as JSON Schema has them. */
function isPattern(pattern: unknown): boolean {
  try {
    return new RegExp(String(pattern), "u") instanceof RegExp;
  } catch {
    return false;
  }
}

function inWords(name: string, value: unknown): string {
  const phrase = words[name] ?? name.replaceAll("_", " ");
  if (value === true) return phrase;
  if (Array.isArray(value)) return `${phrase} ${value.join(", ")}`;
  return `${phrase} ${typeof value === "object" ? JSON.stringify(value) : value}`;
}

/** Rules by CEL: their message, or the expression where they have none. */
function expressions(rules: Rules): string[] {
  const cel = (rules.cel ?? []) as { message?: string; expression?: string }[];
  return [
    ...cel.map(({ message, expression = "" }) => message || expression),
    ...((rules.cel_expression ?? []) as string[]),
  ];
}
