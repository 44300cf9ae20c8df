import { ScalarType } from "@bufbuild/protobuf";
import {
  type Constraint,
  constrainInWords,
  constrainLong,
  constrainNumber,
  constrainString,
  type Rules,
  specialNumbers,
} from "./rules.ts";

/** Many readers of JSON round larger numbers: those have to be texts. */
const exact = Number.MAX_SAFE_INTEGER;

/**
 * A scalar value in ProtoJSON (https://protobuf.dev/programming-guides/json/) with its rules. 64-bit integers
 * are written as text; where they are received, numbers are read too.
 */
export function scalarSchema(scalar: ScalarType, rules: Rules, received: boolean): Constraint {
  switch (scalar) {
    case ScalarType.STRING:
      return typed({ type: "string" }, constrainString(rules));
    case ScalarType.BOOL:
      return typed({ type: "boolean" }, constrainInWords(rules));
    case ScalarType.BYTES:
      return typed({ type: "string", contentEncoding: "base64" }, constrainInWords(rules));
    case ScalarType.FLOAT:
    case ScalarType.DOUBLE:
      return floating(scalar === ScalarType.FLOAT ? "float" : "double", rules);
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return integer("uint32", constrainNumber(rules, received ? [0, 2 ** 32 - 1] : []));
    case ScalarType.INT32:
    case ScalarType.SINT32:
    case ScalarType.SFIXED32:
      return integer("int32", constrainNumber(rules, received ? [-(2 ** 31), 2 ** 31 - 1] : []));
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return long("uint64", "^[0-9]{1,20}$", received, constrainLong(rules, received ? [0, exact] : []));
    default:
      return long(
        "int64",
        "^-?[0-9]{1,19}$",
        received,
        constrainLong(rules, received ? [-exact, exact] : []),
      );
  }
}

function typed(schema: Constraint["keywords"], { keywords, remarks }: Constraint): Constraint {
  return { keywords: { ...schema, ...keywords }, remarks };
}

function integer(format: string, constraint: Constraint): Constraint {
  return typed({ type: "integer", format }, constraint);
}

function long(format: string, pattern: string, received: boolean, constraint: Constraint): Constraint {
  return typed({ type: received ? ["integer", "string"] : "string", format, pattern }, constraint);
}

function floating(format: string, rules: Rules): Constraint {
  const number = typed({ type: "number", format }, constrainNumber(rules, []));
  const special = specialNumbers(rules);
  if (special.length === 0) return number;
  return { ...number, keywords: { anyOf: [number.keywords, { type: "string", enum: special }] } };
}
