import { execFile } from "node:child_process";
import { resolve } from "node:path";
import { promisify } from "node:util";
import { createFileRegistry, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { openapiDocument } from "../../src/openapi/document.ts";
import type { Json } from "../../src/openapi/json.ts";

export const root = resolve(import.meta.dirname, "../..");

export interface Operation extends Json {
  operationId: string;
  security: unknown[];
  responses: Record<string, Json>;
}

export interface Document extends Json {
  paths: Record<string, { post: Operation }>;
  components: { schemas: Record<string, Json>; responses: Record<string, Json> };
}

/** The document of the contract, as the plugin writes it. */
export async function contractDocument(): Promise<Document> {
  const { stdout } = await promisify(execFile)("buf", ["build", "proto", "--output", "-#format=binpb"], {
    cwd: root,
    encoding: "buffer",
    maxBuffer: 2 ** 26,
  });
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, stdout));
  const files = [...registry.files].filter((file) => file.proto.package === "liveuser");
  return JSON.parse(JSON.stringify(openapiDocument(files, { title: "liveuser", version: "1.2.3" })));
}

/** Compiles the document's schemas by their names. */
export function schemaValidator(document: Document): (name: string) => ValidateFunction {
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  addFormats.default(ajv);
  // Of OpenAPI's registry, but not of ajv's; the documents' keywords say the same.
  ajv.addFormat("uint32", true);
  ajv.addFormat("uint64", true);
  ajv.addSchema(document, "openapi");
  return (name) => ajv.compile({ $ref: `openapi#/components/schemas/${name}` });
}
