/**
 * Puts the npm packages of examples/miniprogram where WeChat's developer tools look for them, as their
 * command "Build npm" would, so that the example opens as it is: the client library, and of TDesign the
 * components that its pages use. Into another folder: `node scripts/miniprogram.ts folder`.
 */
import { cpSync, existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { bundleForDevices } from "./client/bundle.ts";

const root = resolve(import.meta.dirname, "..");
const program = join(root, "examples/miniprogram/miniprogram");
const tdesign = join(root, "node_modules/tdesign-miniprogram");

/** Writes what the pages use to `into`, instead of whatever is there. */
async function writePackages(into: string): Promise<void> {
  const client = await bundleForDevices('export * from "./index.ts";');
  rmSync(into, { recursive: true, force: true });
  writeClient(join(into, "liveuser-client"), client);
  const dist = join(tdesign, "miniprogram_dist");
  for (const file of withAllTheyNeed(dist, usedByPages())) {
    copy(join(dist, file), join(into, "tdesign-miniprogram", file));
  }
  copy(join(tdesign, "LICENSE"), join(into, "tdesign-miniprogram/LICENSE"));
}

function writeClient(folder: string, script: string): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "index.js"), script);
  copy(join(root, "LICENSE"), join(folder, "LICENSE"));
  copy(join(root, "third_party/LICENSE"), join(folder, "LICENSE-Apache-2.0"));
}

/** What the program's own files name of TDesign: components in JSON, its theme in app.wxss. */
function usedByPages(): string[] {
  const pages = globSync("{app,pages/**/*,components/**/*}.json", { cwd: program });
  const components = pages.flatMap((page): string[] => {
    const { usingComponents = {} } = JSON.parse(readFileSync(join(program, page), "utf8"));
    return Object.values(usingComponents);
  });
  const ours = components.flatMap((path) => /^tdesign-miniprogram\/(.*)/.exec(path)?.[1] ?? []);
  const styles = readFileSync(join(program, "app.wxss"), "utf8").matchAll(
    /tdesign-miniprogram\/(.*?\.wxss)/g,
  );
  return [...new Set(ours.map((path) => `${path}.json`)), ...[...styles].map(([, path = ""]) => path)];
}

/** These files and, file by file, what those name: other components, modules, templates, styles. */
function withAllTheyNeed(dist: string, files: readonly string[]): Set<string> {
  const wanted = [...files];
  const found = new Set<string>();
  for (let file = wanted.pop(); file !== undefined; file = wanted.pop()) {
    if (found.has(file)) continue;
    found.add(file);
    wanted.push(...named(dist, file));
  }
  return found;
}

function named(dist: string, file: string): string[] {
  const text = readFileSync(join(dist, file), "utf8");
  const beside = (path: string) => relative(dist, resolve(dist, dirname(file), path));
  const all = (pattern: RegExp) => [...text.matchAll(pattern)].map(([, path = ""]) => path);
  if (file.endsWith(".json")) {
    const { component, usingComponents = {} } = JSON.parse(text);
    const parts = component ? [".js", ".wxml", ".wxss"].map((end) => file.replace(/\.json$/, end)) : [];
    return [...parts, ...Object.values<string>(usingComponents).map((path) => `${beside(path)}.json`)];
  }
  if (file.endsWith(".js")) {
    return all(/(?:from|import) ?"([^"]+)"/g).map((path) =>
      path.startsWith(".") ? moduleAt(dist, beside(path)) : `miniprogram_npm/${path}/index.js`,
    );
  }
  if (file.endsWith(".wxml")) return all(/<(?:import|include|wxs)[^>]* src="([^"]+)"/g).map(beside);
  if (file.endsWith(".wxss")) return all(/@import ['"]([^'"]+)['"]/g).map(beside);
  return all(/require\(['"]([^'"]+)['"]\)/g).map(beside);
}

function moduleAt(dist: string, path: string): string {
  return existsSync(join(dist, `${path}.js`)) ? `${path}.js` : `${path}/index.js`;
}

function copy(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  cpSync(from, to);
}

await writePackages(resolve(process.argv[2] ?? join(program, "miniprogram_npm")));
