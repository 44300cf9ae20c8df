import { createEcmaScriptPlugin, type Schema } from "@bufbuild/protoplugin";
import { type Info, openapiDocument } from "./document.ts";

/**
 * The protoc plugin: .proto files → `openapi.json`, one document of all services (`strategy: all`). Files
 * without a service give none.
 */
export function openapiPlugin(info: Info) {
  function generate(schema: Schema): void {
    if (schema.files.every((file) => file.services.length === 0)) return;
    const document = openapiDocument(schema.files, info);
    // print ends the line itself.
    schema.generateFile("openapi.json").print(JSON.stringify(document, null, 2));
  }

  return createEcmaScriptPlugin({
    name: "protoc-gen-openapi",
    version: info.version,
    generateTs: generate,
    // The framework asks for js and dts unless told otherwise; one document is enough.
    generateJs: generate,
    generateDts: () => {},
  });
}
