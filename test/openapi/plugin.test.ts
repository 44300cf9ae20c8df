import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { root } from "./kit.ts";

const fixtures = "test/openapi/fixtures";

/** Runs the plugin as `buf generate` does, on the files of a path. Answers what it wrote, by name. */
async function generate(path: string): Promise<Record<string, string>> {
  const out = await mkdtemp(join(tmpdir(), "openapi-test-"));
  try {
    const template = {
      version: "v2",
      plugins: [{ local: ["node", "src/openapi/main.ts"], out, strategy: "all" }],
    };
    const modules = ["proto", "third_party", fixtures].map((module) => ({ path: module }));
    const config = { version: "v2", modules };
    const flags = [
      "--template",
      JSON.stringify(template),
      "--config",
      JSON.stringify(config),
      "--path",
      path,
    ];
    await promisify(execFile)("buf", ["generate", ".", ...flags], { cwd: root });
    const names = await readdir(out);
    const texts = await Promise.all(names.map((name) => readFile(join(out, name), "utf8")));
    return Object.fromEntries(names.map((name, i) => [name, texts[i] as string]));
  } finally {
    await rm(out, { recursive: true });
  }
}

test("the document of a small file is the one beside it", async () => {
  const { "openapi.json": document = "", ...others } = await generate(`${fixtures}/shop.proto`);
  expect(others).toEqual({});
  const { version } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
  const { info } = JSON.parse(document);
  expect(info).toMatchObject({ title: "liveuser", version });
  await expect(document.replace(`"version": "${version}"`, '"version": "VERSION"')).toMatchFileSnapshot(
    "fixtures/shop.openapi.txt",
  );
}, 30_000);

test("files without a service give no document", async () => {
  expect(await generate("third_party/google/rpc")).toEqual({});
}, 30_000);
