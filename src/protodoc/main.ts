import { compile, ProtoError } from "./compile.ts";
import { protocolDocument } from "./document.ts";

/**
 * With the path of a .proto file: prints its document on stdout; a broken file gives one line on stderr and
 * exit code 1. Without arguments: the protoc plugin, which reads its request from stdin.
 */
async function main(args: string[]): Promise<void> {
  const [file] = args;
  if (file === undefined && !process.stdin.isTTY) {
    // The plugin framework brings the TypeScript compiler along, which takes a while to load.
    const [{ runNodeJs }, { protodoc }] = await Promise.all([
      import("@bufbuild/protoplugin"),
      import("./plugin.ts"),
    ]);
    return runNodeJs(protodoc);
  }
  if (file === undefined || args.length > 1 || file.startsWith("-")) {
    process.stderr.write("usage: protodoc FILE.proto > FILE.md\n");
    process.exitCode = 2;
    return;
  }
  try {
    const compiled = await compile(file);
    process.stdout.write(protocolDocument([compiled.file], compiled.sources));
  } catch (error) {
    process.stderr.write(`${error instanceof ProtoError ? error.message : `protodoc: ${error}`}\n`);
    process.exitCode = 1;
  }
}

await main(process.argv.slice(2));
