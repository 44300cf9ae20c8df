import { execFileSync } from "node:child_process";
import { hash } from "node:crypto";
import { globSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";

const folder = resolve(import.meta.dirname, "../../examples/miniprogram");
const program = join(folder, "miniprogram");
const json = (file: string) => JSON.parse(readFileSync(file, "utf8"));
const files = new Set(
  globSync("**/*", { cwd: program }).filter((file) => statSync(join(program, file)).isFile()),
);

/** WeChat's limit for a package (bytes): https://developers.weixin.qq.com/miniprogram/dev/framework/subpackages.html */
const mostBytes = 2 * 1024 * 1024;

test("the developer tools can open the folder: TypeScript compiled, any server allowed, no appid needed", () => {
  const { miniprogramRoot, appid, compileType, setting } = json(join(folder, "project.config.json"));
  expect(resolve(folder, miniprogramRoot)).toBe(program);
  expect({ appid, compileType }).toEqual({ appid: "touristappid", compileType: "miniprogram" });
  expect(setting).toMatchObject({ useCompilerPlugins: ["typescript"], urlCheck: false, es6: true });
});

test("the npm packages in it are those of today: else npm run build:miniprogram", () => {
  const fresh = mkdtempSync(join(tmpdir(), "liveuser-miniprogram-npm-"));
  try {
    execFileSync(process.execPath, [resolve(import.meta.dirname, "../../scripts/miniprogram.ts"), fresh]);
    expect(contents(join(program, "miniprogram_npm"))).toEqual(contents(fresh));
  } finally {
    rmSync(fresh, { recursive: true });
  }
});

/** A folder's files, as short texts that tell whether they are the same. */
function contents(folder: string): Record<string, string> {
  const names = globSync("**/*", { cwd: folder }).filter((name) => statSync(join(folder, name)).isFile());
  return Object.fromEntries(
    names.sort().map((name) => [name, hash("sha256", readFileSync(join(folder, name)))]),
  );
}

test("every page and component is there, in four files, and uses only what is there", () => {
  const { pages, tabBar, themeLocation, sitemapLocation } = json(join(program, "app.json"));
  expect([...files]).toEqual(expect.arrayContaining(["app.ts", "app.wxss", themeLocation, sitemapLocation]));
  expect(pages).toEqual(
    expect.arrayContaining(tabBar.list.map(({ pagePath }: { pagePath: string }) => pagePath)),
  );
  const components = globSync("components/*/*.json", { cwd: program }).map((file) =>
    file.replace(".json", ""),
  );
  for (const path of [...pages, ...components]) {
    const parts = ["json", "ts", "wxml", "wxss"].map((end) => `${path}.${end}`);
    expect([...files]).toEqual(expect.arrayContaining(parts));
    const tags = readFileSync(join(program, `${path}.wxml`), "utf8").matchAll(/<((?:t|page)-[\w-]+)/g);
    const names = [...new Set([...tags].map(([, tag]) => tag))].sort();
    expect(Object.keys(json(join(program, `${path}.json`)).usingComponents).sort(), path).toEqual(names);
    for (const used of Object.values<string>(json(join(program, `${path}.json`)).usingComponents)) {
      expect(files, `${path} uses ${used}`).toContain(
        used.startsWith("/") ? `${used.slice(1)}.json` : `miniprogram_npm/${used}.json`,
      );
    }
  }
});

test("colours of app.json that follow the phone's theme have a value in both", () => {
  const { light, dark } = json(join(program, "theme.json"));
  const named = readFileSync(join(program, "app.json"), "utf8").matchAll(/"@(\w+)"/g);
  const names = [...named].map(([, name]) => name).sort();
  expect(Object.keys(light).sort()).toEqual(names);
  expect(Object.keys(dark).sort()).toEqual(names);
});

test("what is loaded onto a phone stays far below WeChat's limit", () => {
  const size = [...files].reduce((sum, file) => sum + statSync(join(program, file)).size, 0);
  expect(size).toBeLessThan(mostBytes / 3);
});
