import {
  type DescExtension,
  type DescFile,
  type DescMessage,
  type DescService,
  toBinary,
} from "@bufbuild/protobuf";
import { nestedTypes } from "@bufbuild/protobuf/reflect";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";

/** What proto files declare, to be asked for by name. */
export interface Descriptors {
  /** Full names of the services, in the order they were given. */
  readonly services: readonly string[];
  fileNamed(name: string): DescFile | undefined;
  /** The file that declares a service, method, message, field, oneof, enum, enum value or extension, by its full name. */
  fileOf(symbol: string): DescFile | undefined;
  /** The extensions of a message by their numbers; nothing if there is no such message. */
  extensionsOf(message: string): ReadonlyMap<number, DescExtension> | undefined;
  /** A file as google.protobuf.FileDescriptorProto. */
  bytesOf(file: DescFile): Uint8Array;
}

/** The declarations of some services' files and of all that these import, besides `more` of the kind. */
export function describeFiles(services: readonly DescService[], more: readonly DescFile[] = []): Descriptors {
  const files = new Map<string, DescFile>();
  const symbols = new Map<string, DescFile>();
  const extensions = new Map<string, Map<number, DescExtension>>();
  const serialized = new Map<DescFile, Uint8Array>();

  for (const file of withImports([...services.map((service) => service.file), ...more])) {
    files.set(file.proto.name, file);
    for (const symbol of symbolsOf(file)) symbols.set(symbol, file);
    for (const type of nestedTypes(file))
      if (type.kind === "message") extensions.set(type.typeName, new Map());
  }
  for (const file of files.values()) {
    for (const type of nestedTypes(file)) {
      if (type.kind === "extension") extensions.get(type.extendee.typeName)?.set(type.number, type);
    }
  }

  return {
    services: services.map((service) => service.typeName),
    fileNamed: (name) => files.get(name),
    fileOf: (symbol) => symbols.get(symbol),
    extensionsOf: (message) => extensions.get(message),
    bytesOf(file) {
      const known = serialized.get(file);
      if (known) return known;
      const bytes = toBinary(FileDescriptorProtoSchema, file.proto);
      serialized.set(file, bytes);
      return bytes;
    },
  };
}

/** The files and all that they import, directly or not: each once, and before what it imports. */
export function withImports(files: readonly DescFile[]): Set<DescFile> {
  const found = new Set(files);
  // A set is walked in the order of adding, and to what is added meanwhile too.
  for (const file of found) for (const imported of file.dependencies) found.add(imported);
  return found;
}

function symbolsOf(file: DescFile): string[] {
  return [...nestedTypes(file)].flatMap((type) => {
    switch (type.kind) {
      case "service":
        return [type.typeName, ...type.methods.map((method) => `${type.typeName}.${method.name}`)];
      case "message":
        return [type.typeName, ...membersOf(type)];
      case "enum": {
        // Values stand beside their enum, not in it.
        const scope = type.typeName.slice(0, -type.name.length);
        return [type.typeName, ...type.values.map((value) => scope + value.name)];
      }
      default:
        return [type.typeName];
    }
  });
}

function membersOf(message: DescMessage): string[] {
  return [...message.fields, ...message.oneofs].map((member) => `${message.typeName}.${member.name}`);
}
