import {
  type DescEnum,
  type DescExtension,
  type DescFile,
  type DescMethod,
  getOption,
} from "@bufbuild/protobuf";

/** One value of an enum. */
export type EnumValue = DescEnum["values"][number];

/**
 * The extension of a full name, found in what the files import. Generators read liveuser's options this
 * way: the generated code is being written while they run, and other people's files know nothing of it.
 */
export function findOption(files: readonly DescFile[], typeName: string): DescExtension | undefined {
  const seen = new Set<DescFile>();
  const waiting = [...files];
  for (let file = waiting.pop(); file; file = waiting.pop()) {
    if (seen.has(file)) continue;
    seen.add(file);
    const found = file.extensions.find((extension) => extension.typeName === typeName);
    if (found) return found;
    waiting.push(...file.dependencies);
  }
  return undefined;
}

/** What a method says of an option that is a list of enum values; nothing where it is not set. */
export function enumValues(method: DescMethod, option: DescExtension | undefined): EnumValue[] {
  if (option?.fieldKind !== "list" || option.listKind !== "enum") return [];
  const numbers = getOption(method, option) as number[];
  return numbers.flatMap((number) => option.enum.value[number] ?? []);
}

const times: Readonly<Record<number, string>> = {
  1: "a second",
  60: "a minute",
  3600: "an hour",
  86400: "a day",
};

/** A method's limits in words: `600 calls a minute per address`. The option is a list of messages like Limit. */
export function limitsInWords(method: DescMethod, option: DescExtension | undefined): string[] {
  if (option?.fieldKind !== "list" || option.listKind !== "message") return [];
  const { per } = option.message.field;
  const limits = getOption(method, option) as { per: number; count: number; seconds: number }[];
  return limits.map((limit) => {
    const whose = per?.enum?.value[limit.per]?.name.toLowerCase();
    return `${limit.count} calls ${times[limit.seconds] ?? `in ${limit.seconds} s`} per ${whose}`;
  });
}

/** A comment as a part of a sentence: "A signed-in person." → "a signed-in person". */
export function asPhrase(comment: string): string {
  return comment.charAt(0).toLowerCase() + comment.slice(1).replace(/\.$/, "");
}
