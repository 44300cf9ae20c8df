import type { DescEnum, DescExtension, DescFile, DescMethod } from "@bufbuild/protobuf";
import { errorTable, httpStatus, type Reason } from "../errors.ts";
import { asPhrase, type EnumValue, enumValues, findOption, limitsInWords } from "../options.ts";
import { commentOf } from "./comments.ts";

/** One reason of ErrorReason. */
export interface ReasonFacts {
  name: string;
  /** HTTP status of an answer with it. */
  status: number;
  description: string;
}

/** What the options of options.proto say about one method. */
export interface MethodFacts {
  /** Who may call it: `user`, `service`; `anyone` stands alone. */
  access: string[];
  /** The same in words. */
  callers: string;
  /** How often it may be called, in words. */
  limits: string[];
  /** The reasons of its own with which it fails. */
  errors: ReasonFacts[];
}

export interface Contract {
  facts(method: DescMethod): MethodFacts;
  reason(name: Reason): ReasonFacts;
}

/**
 * Finds liveuser's options by their names in what the files import.
 * @throws Error if the files do not import them
 */
export function readContract(files: readonly DescFile[]): Contract {
  const access = findEnumOption(files, "access");
  const errors = findEnumOption(files, "errors");
  const limit = findOption(files, "liveuser.limit");

  return {
    facts(method) {
      // Unset means a signed-in person, as the comment of the option says.
      const entries = enumValues(method, access);
      const callers = entries.length > 0 ? entries : [valueNamed(access.enum, "ACCESS_USER")];
      return {
        access: callers.map((value) => value.name.replace(/^ACCESS_/, "").toLowerCase()),
        callers: callers.map((value) => asPhrase(commentOf(value))).join(", or "),
        limits: limitsInWords(method, limit),
        errors: enumValues(method, errors).map(reasonFacts),
      };
    },
    reason: (name) => reasonFacts(valueNamed(errors.enum, name)),
  };
}

function reasonFacts(value: EnumValue): ReasonFacts {
  const { name } = value;
  if (!Object.hasOwn(errorTable, name)) throw new Error(`${name} has no row in errors.ts`);
  return { name, status: httpStatus(name as Reason), description: commentOf(value) };
}

type EnumOption = DescExtension & { fieldKind: "list"; listKind: "enum" };

function findEnumOption(files: readonly DescFile[], name: string): EnumOption {
  const option = findOption(files, `liveuser.${name}`);
  if (!option) throw new Error(`no file imports the option liveuser.${name}`);
  if (option.fieldKind === "list" && option.listKind === "enum") return option;
  throw new Error(`the option liveuser.${name} is no list of enum values`);
}

function valueNamed(desc: DescEnum, name: string): EnumValue {
  const value = desc.values.find((each) => each.name === name);
  if (!value) throw new Error(`${desc.typeName} has no value ${name}`);
  return value;
}
