import type { DescFile, DescMethod } from "@bufbuild/protobuf";
import { codeToString } from "@connectrpc/connect/protocol-connect";
import { errorTable, httpStatus, type Reason } from "../errors.ts";
import { asPhrase, type EnumValue, enumValues, findOption, limitsInWords } from "../options.ts";

/** What the options of proto/liveuser/options.proto say about one method. */
export interface MethodFacts {
  /** Who may call it, in words; undefined where the option is not set. */
  access: string | undefined;
  /** How often it may be called, in words; undefined where there is no limit. */
  limits: string | undefined;
  errors: ErrorFacts[];
}

/** One reason with which a method fails. */
export interface ErrorFacts {
  reason: string;
  /** The Connect code and the HTTP status of an answer with that reason; empty for an unknown reason. */
  code: string;
  description: string;
}

/** Whether a file sees liveuser's own options. */
export function usesContract(file: DescFile): boolean {
  return findOption([file], "liveuser.access") !== undefined;
}

/** What a method's options say; nothing where its file does not know them. */
export function methodFacts(method: DescMethod, commentOf: (value: EnumValue) => string): MethodFacts {
  const option = (name: string) => findOption([method.parent.file], `liveuser.${name}`);
  const access = enumValues(method, option("access")).map((value) => inWords(value, commentOf(value)));
  const limits = limitsInWords(method, option("limit"));
  return {
    access: access.length > 0 ? access.join(", or ") : undefined,
    limits: limits.length > 0 ? limits.join(", and ") : undefined,
    errors: enumValues(method, option("errors")).map((value) => ({
      reason: value.name,
      code: codeOf(value.name),
      description: commentOf(value),
    })),
  };
}

/** A value by its comment, or by its name where it has none. */
function inWords(value: EnumValue, comment: string): string {
  return asPhrase(comment) || value.name.toLowerCase().replaceAll("_", " ");
}

function codeOf(reason: string): string {
  if (!Object.hasOwn(errorTable, reason)) return "";
  const [code] = errorTable[reason as Reason];
  return `${codeToString(code)}, HTTP ${httpStatus(reason as Reason)}`;
}
