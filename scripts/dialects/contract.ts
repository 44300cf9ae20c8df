import { execFileSync } from "node:child_process";
import {
  createFileRegistry,
  type DescField,
  type DescMethod,
  type FileRegistry,
  fromBinary,
} from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { commentOf } from "../../src/openapi/comments.ts";
import { type Contract as Options, readContract } from "../../src/openapi/contract.ts";

/** The contract with its comments, which the generated descriptors do not have. */
export interface CommentedContract {
  /** What the contract says of a field; its paragraphs in one line. */
  field(field: DescField): string;
  method(method: DescMethod): string;
  options: Options;
  /** The same method with its options readable by name. */
  methodOf(method: DescMethod): DescMethod;
}

/** Compiles the .proto files with buf. */
export function commentedContract(): CommentedContract {
  const bytes = execFileSync("buf", ["build", "proto", "-o", "-#format=binpb"], {
    maxBuffer: 64 * 1024 * 1024,
  });
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, bytes));
  const files = [...registry.files].filter(({ proto }) => proto.package === "liveuser");
  const inOneLine = (text: string) => text.replaceAll("\n\n", " ");
  return {
    field: (field) => inOneLine(commentOf(fieldIn(registry, field))),
    method: (method) => inOneLine(commentOf(methodIn(registry, method))),
    options: readContract(files),
    methodOf: (method) => methodIn(registry, method),
  };
}

function fieldIn(registry: FileRegistry, { parent, number }: DescField): DescField {
  const found = registry.getMessage(parent.typeName)?.fields.find((field) => field.number === number);
  if (!found) throw new Error(`proto/ has no ${parent.typeName} with a field ${number}`);
  return found;
}

function methodIn(registry: FileRegistry, { parent, name }: DescMethod): DescMethod {
  const found = registry.getService(parent.typeName)?.methods.find((method) => method.name === name);
  if (!found) throw new Error(`proto/ has no ${parent.typeName}.${name}`);
  return found;
}
