import { createFileRegistry, type DescFile } from "@bufbuild/protobuf";
import type { FileDescriptorProto } from "@bufbuild/protobuf/wkt";

/** Type and name as descriptor.proto numbers them; the type's name where it has one; which oneof it is of. */
export type ShortField = [
  name: string,
  number: number,
  type: number,
  typeName?: string,
  repeated?: 0 | 1,
  oneof?: number,
  optional?: 1,
];
export type ShortEnum = [name: string, ...values: (string | number)[]];
export type ShortMessage = [
  name: string,
  fields: ShortField[],
  nested?: ShortMessage[],
  enums?: ShortEnum[],
  oneofs?: string[],
  mapEntry?: 1,
];
export type ShortMethod = [
  name: string,
  input: string,
  output: string,
  options: [no: number, wireType: number, ...bytes: number[]][],
  serverStreaming?: 1,
];
/** A proto3 file, as much of it as a client needs. */
export type ShortFile = [
  name: string,
  packageName: string,
  messages: ShortMessage[],
  enums?: ShortEnum[],
  services?: [name: string, methods: ShortMethod[]][],
];

/**
 * Takes the place of protobuf-es' fileDesc in the bundles: made from a literal instead of a file's
 * descriptor in base64, so that the bundle needs no description of descriptors, and shrinks better.
 */
export function fileDesc(file: ShortFile, imports: readonly DescFile[] = []): DescFile {
  const proto = expandFile(file, imports);
  const registry = createFileRegistry(proto, (name) =>
    imports.find((dependency) => dependency.proto.name === name),
  );
  return registry.getFile(proto.name) as DescFile;
}

const REPEATED = 3;
const SINGLE = 1;

/** The file as a descriptor: a plain object with those fields that protobuf-es looks at. */
export function expandFile(
  [name, packageName, messages, enums = [], services = []]: ShortFile,
  imports: readonly DescFile[],
): FileDescriptorProto {
  return {
    $typeName: "google.protobuf.FileDescriptorProto",
    name,
    package: packageName,
    syntax: "proto3",
    dependency: imports.map(({ proto }) => proto.name),
    messageType: messages.map(expandMessage),
    enumType: enums.map(expandEnum),
    extension: [],
    service: services.map(([service, methods]) => ({
      name: service,
      method: methods.map(([method, inputType, outputType, options, serverStreaming]) => ({
        name: method,
        inputType,
        outputType,
        serverStreaming: !!serverStreaming,
        options: {
          $unknown: options.map(([no, wireType, ...bytes]) => ({
            no,
            wireType,
            data: new Uint8Array(bytes),
          })),
        },
      })),
    })),
  } as unknown as FileDescriptorProto;
}

function expandMessage([name, fields, nested = [], enums = [], oneofs = [], mapEntry]: ShortMessage): object {
  return {
    name,
    field: fields.map(expandField),
    nestedType: nested.map(expandMessage),
    enumType: enums.map(expandEnum),
    oneofDecl: oneofs.map((oneof) => ({ name: oneof })),
    extension: [],
    ...(mapEntry && { options: { mapEntry: true } }),
  };
}

function expandField([
  name,
  number,
  type,
  typeName = "",
  repeated,
  oneof = -1,
  optional,
]: ShortField): object {
  return {
    name,
    number,
    type,
    typeName,
    label: repeated ? REPEATED : SINGLE,
    jsonName: name.replace(/_+(.?)/g, (_, next: string) => next.toUpperCase()),
    ...(oneof >= 0 && { oneofIndex: oneof }),
    proto3Optional: !!optional,
  };
}

function expandEnum([name, ...values]: ShortEnum): object {
  const value: { name: string; number: number }[] = [];
  for (let i = 0; i < values.length; i += 2) {
    value.push({ name: values[i] as string, number: values[i + 1] as number });
  }
  return { name, value };
}
