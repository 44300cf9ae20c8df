import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, test } from "vitest";

const read = (file: string) => JSON.parse(readFileSync(resolve(import.meta.dirname, "..", file), "utf8"));

/** npm 10 asks the lock file, not the package, whether to compile; `npm install` may drop the answer. */
test("npm ci compiles nothing: better-sqlite3 comes built", () => {
  const { packages } = read("package-lock.json");
  expect(packages["node_modules/better-sqlite3"].gypfile, 'add "gypfile": false to its entry').toBe(false);
  const { allowScripts } = read("package.json");
  expect(allowScripts).toMatchObject({ node: true, "better-sqlite3": false });
});

test("the lock file names no registry", () => {
  expect(readFileSync(resolve(import.meta.dirname, "../package-lock.json"), "utf8")).not.toContain(
    '"resolved"',
  );
});
