import {
  type DescEnum,
  type DescExtension,
  type DescFile,
  type DescMethod,
  getOption,
  hasOption,
} from "@bufbuild/protobuf";
import { codeToHttpStatus, codeToString } from "@connectrpc/connect/protocol-connect";
import { errorTable, type Reason } from "../errors.ts";

/** What the options of proto/liveuser/options.proto say about one method. */
export interface MethodFacts {
  /** Who may call it, in words; undefined where the option is not set. */
  access: string | undefined;
  /** Whether it does not work yet. */
  planned: boolean;
  errors: ErrorFacts[];
}

/** One reason with which a method fails. */
export interface ErrorFacts {
  reason: string;
  /** The Connect code and the HTTP status of an answer with that reason; empty for an unknown reason. */
  code: string;
  description: string;
}

type EnumValue = DescEnum["values"][number];

/** Whether a file sees liveuser's own options. */
export function usesContract(file: DescFile): boolean {
  return findOption(file, "access") !== undefined;
}

/**
 * Reads liveuser's options by their names from what the file imports. The generated code is not asked: the
 * plugin runs while that is being written, and other people's files know nothing of it.
 */
export function methodFacts(method: DescMethod, commentOf: (value: EnumValue) => string): MethodFacts {
  const { file } = method.parent;
  const access = enumValues(method, findOption(file, "access")).map((value) =>
    inWords(value, commentOf(value)),
  );
  const planned = findOption(file, "planned");
  return {
    access: access.length > 0 ? access.join(", or ") : undefined,
    planned: planned !== undefined && getOption(method, planned) === true,
    errors: enumValues(method, findOption(file, "errors")).map((value) => ({
      reason: value.name,
      code: codeOf(value.name),
      description: commentOf(value),
    })),
  };
}

function findOption(file: DescFile, name: string, seen = new Set<DescFile>()): DescExtension | undefined {
  if (seen.has(file)) return undefined;
  seen.add(file);
  const own = file.extensions.find((extension) => extension.typeName === `liveuser.${name}`);
  if (own) return own;
  for (const imported of file.dependencies) {
    const found = findOption(imported, name, seen);
    if (found) return found;
  }
  return undefined;
}

function enumValues(method: DescMethod, option: DescExtension | undefined): EnumValue[] {
  if (option?.fieldKind !== "list" || option.listKind !== "enum" || !hasOption(method, option)) return [];
  const numbers = getOption(method, option) as number[];
  return numbers.flatMap((number) => option.enum.value[number] ?? []);
}

/** "A signed-in person." → "a signed-in person"; a value without a comment by its name. */
function inWords(value: EnumValue, comment: string): string {
  const text = comment.replace(/\.$/, "") || value.name.toLowerCase().replaceAll("_", " ");
  return text.charAt(0).toLowerCase() + text.slice(1);
}

function codeOf(reason: string): string {
  if (!Object.hasOwn(errorTable, reason)) return "";
  const [code] = errorTable[reason as Reason];
  return `${codeToString(code)}, HTTP ${codeToHttpStatus(code)}`;
}
