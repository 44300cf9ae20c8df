import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { create, fromBinary, toJsonString } from "@bufbuild/protobuf";
import { base64Decode } from "@bufbuild/protobuf/wire";
import {
  type DescriptorProto,
  type EnumDescriptorProto,
  FieldDescriptorProto_Label,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  type MethodDescriptorProto,
} from "@bufbuild/protobuf/wkt";
import type { Plugin } from "esbuild";
import {
  expandFile,
  type ShortEnum,
  type ShortField,
  type ShortFile,
  type ShortMessage,
  type ShortMethod,
} from "../../src/client/shims/descriptors.ts";

const runtime = resolve(import.meta.dirname, "../../src/client/shims/descriptors.ts");
/** Files of options: nothing in the others needs them to be read. */
const unneeded = ["file_liveuser_options", "file_google_protobuf_descriptor"];

/** Puts short literals in the place of the base64 descriptors of generated files. */
export const shortDescriptors: Plugin = {
  name: "short-descriptors",
  setup(build) {
    build.onLoad({ filter: /_pb\.(ts|js)$/ }, async ({ path }) => {
      const text = await readFile(path, "utf8");
      const shortened = text.replace(
        /\bfileDesc\("([^"]+)"(?:, \[([^\]]*)\])?\)/,
        (whole, base64: string, names = "") => {
          const imports = names.split(", ").filter((name: string) => name && !unneeded.includes(name));
          const short = shorten(base64);
          return short ? `shortFileDesc(${JSON.stringify(short)}, [${imports.join(", ")}])` : whole;
        },
      );
      if (shortened === text) return undefined;
      const contents = `import { fileDesc as shortFileDesc } from ${JSON.stringify(runtime)};\n${shortened}`;
      return { contents, loader: path.endsWith(".ts") ? "ts" : "js" };
    });
  },
};

/**
 * The short form; undefined for a file of which it has not everything: another syntax than proto3,
 * extensions, options. Such a file stays as it is, and with it comes the description of descriptors, so
 * that the bundle's size tells.
 */
export function shorten(base64: string): ShortFile | undefined {
  const file = fromBinary(FileDescriptorProtoSchema, base64Decode(base64));
  if (file.extension.length > 0) return undefined;
  const short: ShortFile = [
    file.name,
    file.package,
    file.messageType.map(shortMessage),
    file.enumType.map(shortEnum),
    file.service.map(({ name, method }) => [name, method.map(shortMethod)]),
  ];
  const { $typeName: _, ...init } = expandFile(short, []);
  const expanded = create(FileDescriptorProtoSchema, init);
  return isDeepStrictEqual(essence(expanded), essence(file)) ? short : undefined;
}

/** What no reader of messages looks at, or finds by itself. */
const unread = ["dependency", "publicDependency", "jsonName", "reservedRange", "reservedName"];
const byDefault: Record<string, unknown> = { proto3Optional: false, serverStreaming: false, typeName: "" };

function essence(file: FileDescriptorProto): unknown {
  const json = toJsonString(FileDescriptorProtoSchema, { ...file, options: undefined });
  return JSON.parse(json, (name, value) => {
    const left = unread.includes(name) || (name in byDefault && value === byDefault[name]);
    return left || (name === "options" && Object.keys(value).length === 0) ? undefined : value;
  });
}

function shortMessage(message: DescriptorProto): ShortMessage {
  return trimmed([
    message.name,
    message.field.map((field) =>
      trimmed([
        field.name,
        field.number,
        field.type,
        field.typeName,
        field.label === FieldDescriptorProto_Label.REPEATED ? 1 : 0,
        Object.hasOwn(field, "oneofIndex") ? field.oneofIndex : -1,
        field.proto3Optional ? 1 : 0,
      ] as ShortField),
    ),
    message.nestedType.map(shortMessage),
    message.enumType.map(shortEnum),
    message.oneofDecl.map(({ name }) => name),
    message.options?.mapEntry ? 1 : 0,
  ] as ShortMessage);
}

function shortEnum({ name, value }: EnumDescriptorProto): ShortEnum {
  return [name, ...value.flatMap((entry) => [entry.name, entry.number])];
}

function shortMethod({ name, inputType, outputType, options, serverStreaming }: MethodDescriptorProto) {
  const unknown = options?.$unknown ?? [];
  return trimmed([
    name,
    inputType,
    outputType,
    unknown.map(({ no, wireType, data }) => [no, wireType, ...data]),
    serverStreaming ? 1 : 0,
  ] as ShortMethod);
}

/** Without what is the same when it is left out. */
function trimmed<T extends unknown[]>(list: T): T {
  const last = list.at(-1);
  const empty = Array.isArray(last) ? last.length === 0 : last === 0 || last === -1 || last === "";
  if (list.length <= 3 || !empty) return list;
  return trimmed(list.slice(0, -1) as T);
}
