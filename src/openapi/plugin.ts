import { createEcmaScriptPlugin, type Schema } from "@bufbuild/protoplugin";
import { type Info, openapiDocument } from "./document.ts";

interface Options {
  /** Only the files of this package. */
  package?: string;
}

/**
 * The protoc plugin: .proto files → `openapi.json`, one document of all services (`strategy: all`). Files
 * without a service give none. Option: `package=NAME` leaves the files of other packages out.
 */
export function openapiPlugin(info: Info) {
  function generate(schema: Schema<Options>): void {
    const { package: only } = schema.options;
    const files = schema.files.filter((file) => only === undefined || file.proto.package === only);
    if (files.every((file) => file.services.length === 0)) return;
    const document = openapiDocument(files, info);
    // print ends the line itself.
    schema.generateFile("openapi.json").print(JSON.stringify(document, null, 2));
  }

  return createEcmaScriptPlugin<Options>({
    name: "protoc-gen-openapi",
    version: info.version,
    parseOptions,
    generateTs: generate,
    // The framework asks for js and dts unless told otherwise; one document is enough.
    generateJs: generate,
    generateDts: () => {},
  });
}

function parseOptions(raw: { key: string; value: string }[]): Options {
  const options: Options = {};
  for (const { key, value } of raw) {
    if (key !== "package") throw new Error(`unknown option "${key}"`);
    options.package = value;
  }
  return options;
}
