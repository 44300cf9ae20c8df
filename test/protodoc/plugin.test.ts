import { execFile } from "node:child_process";
import { cp, readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { create } from "@bufbuild/protobuf";
import { CodeGeneratorRequestSchema } from "@bufbuild/protobuf/wkt";
import { expect, test } from "vitest";
import { compile } from "../../src/protodoc/compile.ts";
import { protodoc } from "../../src/protodoc/plugin.ts";
import { folderOf, withImports } from "./kit.ts";

const root = path.resolve(import.meta.dirname, "../..");

/** Runs the plugin on all files that a file needs, itself included; the files it writes, by name. */
async function run(file: string, parameter: string): Promise<Map<string, string>> {
  const files = withImports((await compile(file)).file).map((desc) => desc.proto);
  const own = files.filter(({ package: name }) => !name.startsWith("google.") && !name.startsWith("buf."));
  const request = create(CodeGeneratorRequestSchema, {
    fileToGenerate: own.map(({ name }) => name),
    protoFile: files,
    parameter,
  });
  return new Map(protodoc.run(request).file.map(({ name, content }) => [name, content]));
}

test("each file gives a document of its own, whatever the targets", async () => {
  const file = path.join(import.meta.dirname, "fixtures/chinese");
  const expected = new Map([["f0.md", await readFile(`${file}.expected`, "utf8")]]);
  expect(await run(`${file}.proto`, "")).toEqual(expected);
  expect(await run(`${file}.proto`, "target=ts")).toEqual(expected);
  expect(await run(`${file}.proto`, "target=js+ts+dts")).toEqual(expected);
});

test("several files give one document, with links between them", async () => {
  const cart = path.join(import.meta.dirname, "contract/shop/cart.proto");
  const expected = await readFile(path.join(import.meta.dirname, "contract/cart.expected"), "utf8");
  expect(await run(cart, "out=API.md,package=shop")).toEqual(new Map([["API.md", expected]]));
});

test("files come by their path, after those that are named first", async () => {
  await using folder = await folderOf({
    "x.proto": `syntax = "proto3"; package p; import "a.proto"; import "b.proto"; service X {}`,
    "a.proto": `syntax = "proto3"; package p; service A {}`,
    "b.proto": `syntax = "proto3"; package p; service B {}`,
  });
  const services = async (parameter: string) => {
    const [document = ""] = (await run(path.join(folder.path, "x.proto"), parameter)).values();
    return [...document.matchAll(/^## Service (.*)$/gm)].map(([, name]) => name);
  };
  // The compiler names x.proto f0.proto, and its imports f1.proto and f2.proto.
  expect(await services("out=API.md")).toEqual(["X", "A", "B"]);
  expect(await services("out=API.md,first=f2.proto,first=f1.proto")).toEqual(["B", "A", "X"]);
});

test("no file of the package, no document; an unknown option is an error", async () => {
  const file = path.join(import.meta.dirname, "fixtures/chinese.proto");
  expect(await run(file, "out=API.md,package=other")).toEqual(new Map());
  await expect(run(file, "nonsense=1")).rejects.toThrow("nonsense");
});

test("buf generate calls it", async () => {
  await using folder = await folderOf({});
  await cp(path.join(import.meta.dirname, "contract"), folder.path, { recursive: true });
  await cp(path.join(root, "third_party/buf"), path.join(folder.path, "buf"), { recursive: true });
  const local = [process.execPath, path.join(root, "src/protodoc/main.ts")];
  const opt = ["out=API.md", "package=shop"];
  const template = JSON.stringify({ version: "v2", plugins: [{ local, opt, out: "out", strategy: "all" }] });
  const buf = path.join(root, "node_modules/@bufbuild/buf/bin/buf");
  const options = { cwd: folder.path };
  await promisify(execFile)(process.execPath, [buf, "generate", "--template", template], options);
  expect(await readdir(path.join(folder.path, "out"))).toEqual(["API.md"]);
  const expected = await readFile(path.join(import.meta.dirname, "contract/cart.expected"), "utf8");
  expect(await readFile(path.join(folder.path, "out/API.md"), "utf8")).toBe(expected);
});
