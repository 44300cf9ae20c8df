import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { ErrorReason } from "../gen/liveuser/errors_pb.ts";
import type { App } from "../src/app.ts";
import { errorTable } from "../src/errors.ts";
import { contract, type Parts, services } from "../src/services/index.ts";

const run = promisify(execFile);
const root = resolve(import.meta.dirname, "..");

async function buf(...args: string[]): Promise<string> {
  const { stdout } = await run("buf", args, { cwd: root });
  return stdout;
}

/** The newest tag, else the main branch, else nothing: where there is no history there is nothing to break. */
async function released(): Promise<string | undefined> {
  const git = (...args: string[]) => run("git", args, { cwd: root }).then(({ stdout }) => stdout.trim());
  const tag = await git("describe", "--tags", "--abbrev=0").catch(() => "");
  if (tag) return `.git#tag=${tag}`;
  const main = await git("rev-parse", "--verify", "origin/main").catch(() => "");
  return main ? `.git#ref=${main}` : undefined;
}

test("the proto files keep buf's rules and format", async () => {
  await buf("lint");
  expect(await buf("format", "proto", "--diff")).toBe("");
});

test("the contract takes nothing back", async ({ skip }) => {
  const against = await released();
  if (!against) return skip("no tag and no main branch to compare with");
  await buf("breaking", "--against", against);
});

test("generating again changes nothing", async () => {
  const copy = await mkdtemp(join(tmpdir(), "liveuser-gen-"));
  try {
    // The output folder follows from the template's paths: generate into a folder of the same shape.
    await buf("generate", "--output", copy);
    await buf("generate", "--template", "buf.gen.client.yaml", "--output", copy);
    const files = (folder: string) =>
      readdir(folder, { recursive: true, withFileTypes: true }).then((entries) =>
        entries
          .filter((entry) => entry.isFile())
          .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
          .sort(),
      );
    // Made from tables, not by buf; test/http/dialects/document.test.ts looks at it.
    const names = (await files(join(root, "gen"))).filter((name) => name !== "DIALECTS.md");
    expect(await files(join(copy, "gen"))).toEqual(names);
    for (const name of names) {
      const [before, after] = await Promise.all([
        readFile(join(root, "gen", name), "utf8"),
        readFile(join(copy, "gen", name), "utf8"),
      ]);
      expect(after === before, `gen/${name} is not what the proto files give: npm run generate`).toBe(true);
    }
  } finally {
    await rm(copy, { recursive: true });
  }
}, 60_000);

test("every reason has a code and a text", () => {
  const reasons = Object.keys(ErrorReason).filter((name) => name !== "ERROR_REASON_UNSPECIFIED");
  expect(Object.keys(errorTable).sort()).toEqual(reasons.sort());
});

test("every service of the contract works", () => {
  const working = services({} as App, {} as Parts);
  expect(working.map(({ desc }) => desc.typeName).sort()).toEqual(
    contract.map(({ typeName }) => typeName).sort(),
  );
});
