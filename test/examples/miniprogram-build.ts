import { cpSync, existsSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { build } from "esbuild";

const program = resolve(import.meta.dirname, "../../examples/miniprogram/miniprogram");
const npmPackages = "miniprogram_npm";
const { wxmlToJs } = createRequire(import.meta.url)("miniprogram-compiler") as {
  wxmlToJs(root: string, options: { maxBuffer: number }): string;
};

export interface BuiltProgram {
  /** By path from the program's root with a slash in front: JSON, WXSS, and JavaScript as CommonJS. */
  files: Record<string, string>;
  /** A script that leaves WeChat's own compilation of all WXML behind: path → what renders it. */
  wxml: string;
}

let built: Promise<BuiltProgram> | undefined;

/** Whether WeChat's WXML compiler, a program of theirs, runs here: they make it for these platforms alone. */
export const compilerRuns =
  process.platform === "linux"
    ? process.arch === "x64" && existsSync("/lib64/ld-linux-x86-64.so.2")
    : ["darwin", "win32"].includes(process.platform);

/** The example's mini-program, compiled as the developer tools would; once a test run. */
export function builtProgram(): Promise<BuiltProgram> {
  built ??= compile();
  return built;
}

async function compile(): Promise<BuiltProgram> {
  const root = mkdtempSync(join(tmpdir(), "liveuser-miniprogram-"));
  try {
    cpSync(program, root, { recursive: true });
    // WeChat looks a package up beside a file and above it; the compiler and the simulator want its path.
    for (const file of globSync("**/*.json", { cwd: root })) rewriteComponents(root, file);
    const sources = globSync("**/*.{json,wxss}", { cwd: root }).map((file) => [
      `/${file}`,
      readFileSync(join(root, file), "utf8"),
    ]);
    const wxml = wxmlToJs(root, { maxBuffer: 64 * 1024 * 1024 });
    return { files: { ...Object.fromEntries(sources), ...(await modules(root)) }, wxml };
  } finally {
    rmSync(root, { recursive: true });
  }
}

function rewriteComponents(root: string, file: string): void {
  const json = JSON.parse(readFileSync(join(root, file), "utf8"));
  if (!json.usingComponents) return;
  const from = dirname(join(root, file));
  const paths = Object.entries<string>(json.usingComponents).map(([tag, path]) => {
    if (path.startsWith(".")) return [tag, path];
    return [tag, relative(from, path.startsWith("/") ? join(root, path) : join(root, npmPackages, path))];
  });
  const rewritten = { ...json, usingComponents: Object.fromEntries(paths) };
  writeFileSync(join(root, file), JSON.stringify(rewritten));
}

async function modules(root: string): Promise<Record<string, string>> {
  const { outputFiles } = await build({
    entryPoints: globSync("**/*.{js,ts}", { cwd: root, exclude: ["**/*.d.ts"] }).map((file) =>
      join(root, file),
    ),
    outbase: root,
    outdir: root,
    format: "cjs",
    write: false,
    tsconfigRaw: {},
  });
  return Object.fromEntries(outputFiles.map(({ path, text }) => [path.slice(root.length), text]));
}
