import type { DescEnum, DescField, DescFile, DescMessage, DescMethod, DescService } from "@bufbuild/protobuf";
import {
  DescriptorProtoSchema,
  EnumDescriptorProtoSchema,
  FieldDescriptorProto_Type,
  FileDescriptorProtoSchema,
  ServiceDescriptorProtoSchema,
  type SourceCodeInfo_Location,
} from "@bufbuild/protobuf/wkt";
import { memo } from "./memo.ts";

/** A declaration that can carry comments in the document. */
export type Declared =
  | DescService
  | DescMethod
  | DescMessage
  | DescEnum
  | DescField
  | DescEnum["values"][number];

/** What one document lists, in the order in which it is printed. */
export interface Listing {
  services: DescService[];
  enums: DescEnum[];
  objects: DescMessage[];
}

/** Finds the place of a declaration in its file's source info, or of a part of it by its field number. */
export type Locate = (desc: Declared, part?: number) => SourceCodeInfo_Location | undefined;

/** The file in which a declaration stands. */
export function fileOf(desc: Declared): DescFile {
  return "file" in desc ? desc.file : desc.parent.file;
}

/** The dotted path of a type from its outermost message, without the package. */
export function localName(desc: DescMessage | DescEnum): string {
  return desc.parent ? `${localName(desc.parent)}.${desc.name}` : desc.name;
}

/** The key of a declaration in what readDeclarations returns. */
export function sourceKey(desc: Declared): string {
  switch (desc.kind) {
    case "service":
    case "message":
    case "enum":
      return `${desc.kind} ${desc.kind === "service" ? desc.name : localName(desc)}`;
    case "rpc":
      return `method ${desc.parent.name}.${desc.name}`;
    case "field":
      return `field ${localName(desc.parent)}.${desc.name}`;
    case "enum_value":
      return `value ${localName(desc.parent)}.${desc.name}`;
  }
}

/** Reads each file's source info once, on the first question about it. */
export function locator(): Locate {
  const placesIn = memo((file: DescFile) => {
    const locations = file.proto.sourceCodeInfo?.location ?? [];
    return new Map(locations.map((location) => [location.path.join(), location]));
  });
  return (desc, part) => {
    const path = pathOf(desc);
    return placesIn(fileOf(desc)).get((part === undefined ? path : [...path, part]).join());
  };
}

/**
 * What the document of these files lists. Messages that a method names as its request or response stand in
 * that method only and are left out, with all that is nested in them. Enums and objects come in the order
 * of the source text, file by file; descriptors keep them apart, so the places decide.
 */
export function listing(files: readonly DescFile[], locate: Locate): Listing {
  const services = files.flatMap((file) => file.services);
  const leftOut = new Set<DescMessage>();
  for (const method of services.flatMap((service) => service.methods))
    leftOut.add(method.input).add(method.output);
  const enums: DescEnum[] = [];
  const objects: DescMessage[] = [];

  function walk(types: (DescMessage | DescEnum)[]): void {
    const placed = types.map((desc) => ({ desc, span: locate(desc)?.span ?? [] }));
    placed.sort((a, b) => (a.span[0] ?? 0) - (b.span[0] ?? 0) || (a.span[1] ?? 0) - (b.span[1] ?? 0));
    for (const { desc } of placed) {
      if (desc.kind === "enum") {
        enums.push(desc);
      } else if (!leftOut.has(desc) && !isGroup(desc)) {
        objects.push(desc);
        walk([...desc.nestedMessages, ...desc.nestedEnums]);
      }
    }
  }

  for (const file of files) walk([...file.messages, ...file.enums]);
  return { services, enums, objects };
}

/** Whether the message was declared together with a field, as `optional group G = 1 { … }` of proto2. */
function isGroup(desc: DescMessage): boolean {
  const declared = desc.parent
    ? [...desc.parent.proto.field, ...desc.parent.proto.extension]
    : desc.file.proto.extension;
  return declared.some(
    ({ type, typeName }) => type === FieldDescriptorProto_Type.GROUP && typeName === `.${desc.typeName}`,
  );
}

/** The path of a declaration as source info counts it (google/protobuf/descriptor.proto, Location.path). */
function pathOf(desc: Declared): number[] {
  const file = FileDescriptorProtoSchema.field;
  const message = DescriptorProtoSchema.field;
  switch (desc.kind) {
    case "service":
      return [file.service.number, desc.file.proto.service.indexOf(desc.proto)];
    case "rpc":
      return [
        ...pathOf(desc.parent),
        ServiceDescriptorProtoSchema.field.method.number,
        desc.parent.proto.method.indexOf(desc.proto),
      ];
    case "message":
      return desc.parent
        ? [
            ...pathOf(desc.parent),
            message.nestedType.number,
            desc.parent.proto.nestedType.indexOf(desc.proto),
          ]
        : [file.messageType.number, desc.file.proto.messageType.indexOf(desc.proto)];
    case "enum":
      return desc.parent
        ? [...pathOf(desc.parent), message.enumType.number, desc.parent.proto.enumType.indexOf(desc.proto)]
        : [file.enumType.number, desc.file.proto.enumType.indexOf(desc.proto)];
    case "field":
      return [...pathOf(desc.parent), message.field.number, desc.parent.proto.field.indexOf(desc.proto)];
    case "enum_value":
      return [
        ...pathOf(desc.parent),
        EnumDescriptorProtoSchema.field.value.number,
        desc.parent.proto.value.indexOf(desc.proto),
      ];
  }
}
