import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { DescFile } from "@bufbuild/protobuf";
import { compile } from "../../src/protodoc/compile.ts";
import { protocolDocument } from "../../src/protodoc/document.ts";

/** A folder with files in it that goes away when it is disposed. */
export async function folderOf(files: Record<string, string>): Promise<{ path: string } & AsyncDisposable> {
  const folder = await mkdtemp(path.join(tmpdir(), "protodoc-test-"));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
    await writeFile(path.join(folder, name), text);
  }
  return { path: folder, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
}

interface Documents {
  /** As the command prints it, from the source text. */
  source: string;
  /** As a plugin writes it, from the descriptors alone. */
  descriptors: string;
}

/** The document of a file, both ways. */
export async function documentsOfFile(path: string): Promise<Documents> {
  const { file, sources } = await compile(path);
  return { source: protocolDocument([file], sources), descriptors: protocolDocument([file], new Map()) };
}

/** The document of a text, both ways. */
export async function documentsOf(proto: string): Promise<Documents> {
  await using folder = await folderOf({ "x.proto": proto });
  return await documentsOfFile(path.join(folder.path, "x.proto"));
}

/** The rows of the document's tables as [name, type, description], in order. */
export function rowsOf(document: string): string[][] {
  const rows = document.matchAll(/^\| (?!Name|---)(\S+) +\| (.*?) \| (?:(.*) )?\|$/gm);
  return [...rows].map(([, ...cells]) => cells.map((cell) => cell ?? ""));
}

/** A file and all that it imports, each after what it needs. */
export function withImports(file: DescFile): DescFile[] {
  return [...new Set([...file.dependencies.flatMap(withImports), file])];
}
