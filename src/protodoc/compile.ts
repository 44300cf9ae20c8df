import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { createFileRegistry, type DescFile, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { blank, type Edit, edit, imports, neutralize } from "./neutralize.ts";

/** A .proto file that does not compile: `file:line:col: what is wrong`. */
export class ProtoError extends Error {}

/** A compiled file, and the text of it and of what it imports by the names that descriptors have for them. */
export interface Compiled {
  file: DescFile;
  sources: Map<string, string>;
}

interface Input {
  /** Where the file lies, for messages. */
  path: string;
  /** Its bytes, one character each, so that the compiler's columns count them. */
  bytes: string;
}

interface Inputs {
  /** The file itself, then what it imports. */
  inputs: Input[];
  /** Which input stands for an import path; a path that is nowhere has none. */
  links: Map<string, number | undefined>;
}

interface Problem {
  input: number;
  line: number;
  column: number;
  message: string;
}

const thirdParty = path.resolve(import.meta.dirname, "../../third_party");
const builtIn =
  /^google\/protobuf\/(any|api|descriptor|duration|empty|field_mask|source_context|struct|timestamp|type|wrappers|compiler\/plugin|(cpp|java|go)_features)\.proto$/;
const stub = "missing.proto";
const stubText = 'syntax = "proto3"; package protodoc_missing; message Type {}';

/**
 * Compiles one .proto file with buf. Imports are looked for in the importing file's folder and its ancestors,
 * then among the vendored files (google/api, google/rpc, buf/validate); buf has google/protobuf itself. An
 * import that is nowhere does not stop it: options of it are dropped, types of it stand for an empty message.
 * Throws ProtoError for a file that is broken in itself or cannot be read.
 */
export async function compile(file: string): Promise<Compiled> {
  const collected = await collect(file);
  const { inputs } = collected;
  const complete = ![...collected.links.values()].includes(undefined);
  let texts = inputs.map(({ bytes }) => link(bytes, collected, complete));
  const folder = await mkdtemp(path.join(tmpdir(), "protodoc-"));
  try {
    // Each round takes out all names that one stage of the compiler does not find; it has a few stages.
    for (let round = 1; ; round++) {
      await writeFile(path.join(folder, stub), stubText);
      for (const [index, text] of texts.entries())
        await writeFile(path.join(folder, nameOf(index)), text, "latin1");
      const errors = await build(folder);
      if (errors === undefined) return await read(folder, inputs);
      const problems = parseProblems(errors);
      const unknown = problems.filter(({ message }) => /^(cannot find |mismatched types)/.test(message));
      const mended = texts.map((text, index) => {
        const offsets = unknown
          .filter(({ input }) => input === index)
          .map((problem) => offsetOf(text, problem));
        return neutralize(text, offsets, ".protodoc_missing.Type");
      });
      if (complete || round === 10 || mended.every((text, index) => text === texts[index])) {
        throw report(problems, inputs, errors);
      }
      texts = mended;
    }
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** The name under which the compiler sees an input: any path would do, but not every path is one for it. */
function nameOf(index: number): string {
  return `f${index}.proto`;
}

/** Reads the file and all that it imports, as far as it is found. */
async function collect(file: string): Promise<Inputs> {
  const files = [path.resolve(file)];
  const inputs: Input[] = [];
  const links: Inputs["links"] = new Map();
  for (const next of files) {
    const shown = inputs.length === 0 ? file : path.relative("", next);
    const bytes = await readFile(next, "latin1").catch((error: NodeJS.ErrnoException) => {
      throw new ProtoError(`${shown}:1:1: the file cannot be read (${error.code})`);
    });
    inputs.push({ path: shown, bytes });
    for (const { path: imported } of imports(bytes)) {
      if (links.has(imported) || builtIn.test(imported)) continue;
      const found = find(path.dirname(next), Buffer.from(imported, "latin1").toString());
      if (found && !files.includes(found)) files.push(found);
      links.set(imported, found === undefined ? undefined : files.indexOf(found));
    }
  }
  return { inputs, links };
}

/** The file that an import path means, seen from a folder. */
function find(folder: string, imported: string): string | undefined {
  const candidate = path.resolve(folder, imported);
  if (existsSync(candidate)) return candidate;
  const parent = path.dirname(folder);
  if (parent !== folder) return find(parent, imported);
  const vendored = path.join(thirdParty, imported);
  return existsSync(vendored) ? vendored : undefined;
}

/** Gives imports the names of the inputs they mean, and takes out those that are missing or double. */
function link(bytes: string, { links }: Inputs, complete: boolean): string {
  const seen = new Set<string>();
  const edits = imports(bytes).flatMap(({ path: imported, start, end, pathStart, pathEnd }): Edit[] => {
    const index = links.get(imported);
    const name = index === undefined ? imported : nameOf(index);
    const known = index !== undefined || builtIn.test(imported);
    if (!known || seen.has(name)) return [blank(bytes, start, end)];
    seen.add(name);
    return [{ start: pathStart, end: pathEnd, text: name }];
  });
  return edit(bytes, edits) + (complete ? "" : `\nimport "${stub}";`);
}

/** Runs buf in the folder; its errors, or undefined if there are none. */
async function build(folder: string): Promise<string | undefined> {
  const buf = path.join(createRequire(import.meta.url).resolve("@bufbuild/buf/package.json"), "../bin/buf");
  // buf writes its image to the folder: a pipe could be too small for it.
  const args = [buf, "build", ".", "--path", nameOf(0), "-o", "image.binpb"];
  return new Promise((resolve, reject) => {
    execFile(process.execPath, args, { cwd: folder }, (error, _stdout, stderr) => {
      if (error && stderr === "") reject(error);
      else resolve(error ? stderr : undefined);
    });
  });
}

async function read(folder: string, inputs: Input[]): Promise<Compiled> {
  const image = await readFile(path.join(folder, "image.binpb"));
  const file = createFileRegistry(fromBinary(FileDescriptorSetSchema, image)).getFile(nameOf(0));
  if (!file) throw new Error(`buf built no ${nameOf(0)}`);
  const sources = inputs.map(({ bytes }, index): [string, string] => [
    nameOf(index),
    Buffer.from(bytes, "latin1").toString(),
  ]);
  return { file, sources: new Map(sources) };
}

function parseProblems(errors: string): Problem[] {
  return [...errors.matchAll(/^f(\d+)\.proto:(\d+):(\d+):(.*)$/gm)].map(
    ([, input, line, column, message = ""]) => ({
      input: Number(input),
      line: Number(line),
      column: Number(column),
      message,
    }),
  );
}

/** The first problem with the names of the files as the caller knows them. */
function report([first]: Problem[], inputs: Input[], errors: string): Error {
  const named = (text: string) =>
    text.replace(/\bf(\d+)\.proto\b/g, (name, index) => inputs[index]?.path ?? name);
  if (!first) return new Error(`buf: ${named(errors.trim())}`);
  const { input, line, column, message } = first;
  return new ProtoError(`${inputs[input]?.path}:${line}:${column}: ${named(message)}`);
}

function offsetOf(text: string, { line, column }: Problem): number {
  let start = 0;
  for (let before = 1; before < line; before++) start = text.indexOf("\n", start) + 1;
  return start + column - 1;
}
