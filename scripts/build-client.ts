/**
 * Builds the client library into dist/client, a package of its own without dependencies: index.js for
 * mini-programs, index.mjs for pages and Node, their types; and renews the table of sizes in
 * docs/client.md. Into another folder, without the table: `node scripts/build-client.ts folder`.
 */
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { bundleForDevices, bundleForWeb } from "./client/bundle.ts";
import { writeSizes } from "./client/sizes.ts";
import { writeTypes } from "./client/types.ts";

const root = resolve(import.meta.dirname, "..");
const { version, license } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

const manifest = {
  name: "liveuser-client",
  version,
  description: "The client of liveuser for WeChat mini-programs, pages and Node.",
  license: `${license} AND Apache-2.0`,
  main: "index.js",
  module: "index.mjs",
  types: "index.d.ts",
  // Where WeChat's developer tools find what they build into miniprogram_npm.
  miniprogram: ".",
  sideEffects: false,
  exports: {
    ".": {
      import: { types: "./index.d.mts", default: "./index.mjs" },
      default: { types: "./index.d.ts", default: "./index.js" },
    },
    "./package.json": "./package.json",
  },
};

async function build(folder: string): Promise<void> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const entry = 'export * from "./index.ts";';
  writeFileSync(join(folder, "index.js"), await bundleForDevices(entry));
  writeFileSync(join(folder, "index.mjs"), await bundleForWeb(entry));
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  writeFileSync(join(folder, "index.d.mts"), 'export * from "./index.js";\n');
  writeTypes(folder);
  copyFileSync(join(root, "LICENSE"), join(folder, "LICENSE"));
  copyFileSync(join(root, "third_party/LICENSE"), join(folder, "LICENSE-Apache-2.0"));
  copyFileSync(join(root, "src/client/README.md"), join(folder, "README.md"));
}

const [folder] = process.argv.slice(2);
await build(resolve(folder ?? join(root, "dist/client")));
if (folder === undefined) await writeSizes(join(root, "docs/client.md"));
