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

/** A comment as a part of a sentence: "A signed-in person." → "a signed-in person". */
export function asPhrase(comment: string): string {
  return comment.charAt(0).toLowerCase() + comment.slice(1).replace(/\.$/, "");
}
