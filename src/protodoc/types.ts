import {
  type DescEnum,
  type DescField,
  type DescFile,
  type DescMessage,
  ScalarType,
} from "@bufbuild/protobuf";
import { type Listing, localName } from "./listing.ts";
import { memo } from "./memo.ts";

/** What a field's type can be made of. */
type TypeDesc = DescMessage | DescEnum;

/** Writes the type of a field; `written` is the type as the source has it, where the source is at hand. */
export type TypeWriter = (field: DescField, written?: string) => string;

/** An anchor of the document: lower case, without dots. */
export function anchor(kind: "service" | "method" | "enum" | "object", name: string): string {
  return `#${kind}-${name.toLowerCase().replaceAll(".", "")}`;
}

/**
 * Types that the document lists are links; all others stand in round brackets, as written in the source or
 * else by the shortest name that reaches them from the field (by their full name from another package).
 */
export function typeWriter({ enums, objects }: Listing): TypeWriter {
  const listed = new Set<TypeDesc>([...enums, ...objects]);
  const namesOf = memo(visibleNames);

  function shortestName(target: TypeDesc, field: DescField): string {
    const { file } = field.parent;
    if (target.file.proto.package !== file.proto.package) return target.typeName;
    const names = namesOf(file);
    const parts = target.typeName.split(".");
    for (let from = parts.length - 1; from > 0; from--) {
      const name = parts.slice(from).join(".");
      if (resolve(name, field.parent.typeName, names) === target.typeName) return name;
    }
    return target.typeName;
  }

  function single(field: DescField, written: string | undefined): string {
    const desc = field.message ?? field.enum;
    if (!desc) return scalarName(field.scalar ?? ScalarType.STRING);
    if (!listed.has(desc)) return `(${written ?? shortestName(desc, field)})`;
    const kind = desc.kind === "enum" ? "enum" : "object";
    return `[${kind} ${localName(desc)}](${anchor(kind, localName(desc))})`;
  }

  return (field, written) => {
    if (field.fieldKind === "map") return `map of ${scalarName(field.mapKey)} to ${single(field, undefined)}`;
    return field.fieldKind === "list" ? `array of ${single(field, written)}` : single(field, written);
  };
}

/** A scalar type as its keyword in a .proto file. */
function scalarName(scalar: ScalarType): string {
  return ScalarType[scalar].toLowerCase();
}

interface Names {
  types: Set<string>;
  packages: Set<string>;
}

/** The full names that a file sees: its own and those of the files it imports. */
function visibleNames(file: DescFile): Names {
  const names: Names = { types: new Set(), packages: new Set() };
  const seen = new Set<DescFile>();

  function addTypes(types: readonly TypeDesc[]): void {
    for (const desc of types) {
      names.types.add(desc.typeName);
      if (desc.kind === "message") addTypes([...desc.nestedMessages, ...desc.nestedEnums]);
    }
  }

  function addFile(each: DescFile): void {
    if (seen.has(each)) return;
    seen.add(each);
    const parts = each.proto.package.split(".");
    for (let length = 1; length <= parts.length; length++)
      names.packages.add(parts.slice(0, length).join("."));
    addTypes([...each.messages, ...each.enums]);
    for (const imported of each.dependencies) addFile(imported);
  }

  addFile(file);
  return names;
}

/**
 * Resolves a name as protobuf does: its first part is looked for from the innermost scope outwards, and the
 * rest has to be found there (https://protobuf.dev/programming-guides/proto3/#name-resolution).
 */
function resolve(name: string, scope: string, { types, packages }: Names): string | undefined {
  const [first = ""] = name.split(".");
  for (let outer = scope; ; outer = outer.slice(0, Math.max(0, outer.lastIndexOf(".")))) {
    const prefix = outer ? `${outer}.` : "";
    const found = prefix + first;
    if (types.has(found) || (first !== name && packages.has(found))) {
      return types.has(prefix + name) ? prefix + name : undefined;
    }
    if (!outer) return undefined;
  }
}
