import type { DescFile } from "@bufbuild/protobuf";
import { createEcmaScriptPlugin, type Schema, type Target } from "@bufbuild/protoplugin";
import { protocolDocument } from "./document.ts";

interface Options {
  /** One document of all files under this name; without it each x.proto gives its own x.md. */
  out?: string;
  /** Only the files of this package. */
  package?: string;
  /** Files that come before the others, which follow by path. */
  first: string[];
}

/**
 * The protoc plugin: .proto files → Markdown. Options: `out=NAME.md` writes one document of all files;
 * `package=NAME` leaves the files of other packages out; `first=FILE.proto` puts a file at the beginning
 * and may be repeated.
 */
export const protodoc = createEcmaScriptPlugin<Options>({
  name: "protoc-gen-protodoc",
  version: "1",
  parseOptions,
  generateTs: generate,
  generateJs: generate,
  generateDts: generate,
});

function parseOptions(raw: { key: string; value: string }[]): Options {
  const options: Options = { first: [] };
  for (const { key, value } of raw) {
    if (key === "first") options.first.push(value);
    else if (key === "out" || key === "package") options[key] = value;
    else throw new Error(`unknown option "${key}"`);
  }
  return options;
}

/** Called once for each target of ECMAScript plugins (js and dts unless told otherwise); one is enough. */
function generate(schema: Schema<Options>, target: Target): void {
  if (target !== schema.targets[0]) return;
  const { out, package: only, first } = schema.options;
  const rank = ({ proto }: DescFile) =>
    first.includes(proto.name) ? first.indexOf(proto.name) : first.length;
  const files = schema.files
    .filter((file) => only === undefined || file.proto.package === only)
    .toSorted((a, b) => rank(a) - rank(b) || (a.proto.name < b.proto.name ? -1 : 1));
  // buf calls the plugin for each of its inputs; one without such files must not overwrite the document.
  if (files.length === 0) return;
  const documents = out
    ? [{ name: out, files }]
    : files.map((file) => ({ name: `${file.name}.md`, files: [file] }));
  for (const document of documents) {
    // print ends the line itself.
    schema.generateFile(document.name).print(protocolDocument(document.files, new Map()).slice(0, -1));
  }
}
