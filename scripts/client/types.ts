import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";

const root = resolve(import.meta.dirname, "../..");
const tsc = join(root, "node_modules/typescript/bin/tsc");

/** `from "x"` or `import("x")` of a declaration. */
const specifier = /(from "|import\(")([^"]+)(")/g;
/** Types that Connect takes from the DOM, which a mini-program's compiler has no library for. */
const webTypes = ["Headers", "HeadersInit", "AbortSignal"];

/**
 * Writes index.d.ts into the folder, and under types/ every declaration that it needs, those of Connect
 * and Protobuf too: whoever has the folder has the types, with no package installed and no DOM.
 */
export function writeTypes(folder: string): void {
  const emitted = mkdtempSync(join(tmpdir(), "client-types-"));
  try {
    execFileSync(
      process.execPath,
      [
        tsc,
        ...["--project", join(root, "src/client"), "--rootDir", root, "--outDir", emitted],
        ...["--noEmit", "false", "--declaration", "--emitDeclarationOnly"],
      ],
      { stdio: "inherit" },
    );
    const types = join(folder, "types");
    const entry = join(emitted, "src/client/index.d.ts");
    for (const file of withAllTheyImport(entry)) copy(file);
    writeFileSync(join(types, "web.d.ts"), webDeclarations());
    const index = relative(folder, placeOf(entry))
      .split(sep)
      .join("/")
      .replace(/\.d\.ts$/, ".js");
    writeFileSync(join(folder, "index.d.ts"), `export * from "./${index}";\n`);

    function placeOf(file: string): string {
      const from = file.startsWith(emitted)
        ? relative(emitted, file).replace(/^src\//, "")
        : relative(join(root, "node_modules"), file).replace("/dist/esm/", "/");
      return join(types, from);
    }

    function copy(file: string): void {
      const to = placeOf(file);
      const pathTo = (target: string) => {
        const path = relative(dirname(to), target)
          .split(sep)
          .join("/")
          .replace(/\.d\.ts$/, ".js");
        return path.startsWith(".") ? path : `./${path}`;
      };
      const text = readFileSync(file, "utf8");
      const linked = text.replace(
        specifier,
        (_, before: string, name: string, after: string) =>
          `${before}${pathTo(placeOf(target(file, name)))}${after}`,
      );
      const used = webTypes.filter((name) =>
        new RegExp(`\\b${name}\\b`).test(text.replace(/\/\*[\s\S]*?\*\//g, "")),
      );
      const from = `import type { ${used.join(", ")} } from "${pathTo(join(types, "web.d.ts"))}";\n`;
      mkdirSync(dirname(to), { recursive: true });
      writeFileSync(to, used.length > 0 && !file.startsWith(emitted) ? from + linked : linked);
    }
  } finally {
    rmSync(emitted, { recursive: true });
  }
}

function withAllTheyImport(entry: string): Set<string> {
  const found = new Set<string>();
  const wanted = [entry];
  for (let file = wanted.pop(); file !== undefined; file = wanted.pop()) {
    if (found.has(file)) continue;
    found.add(file);
    for (const [, , name = ""] of readFileSync(file, "utf8").matchAll(specifier)) {
      wanted.push(target(file, name));
    }
  }
  return found;
}

/** The declarations behind the name that a file imports. */
function target(file: string, name: string): string {
  const module = name.startsWith(".")
    ? resolve(dirname(file), name)
    : fileURLToPath(import.meta.resolve(name));
  const declarations = module.replace(/\.[jt]s$/, ".d.ts");
  if (!existsSync(declarations)) throw new Error(`${file} imports ${name}, which has no declarations`);
  return declarations;
}

/** The client's own stand-ins for the DOM's types, as a module. */
function webDeclarations(): string {
  const text = readFileSync(join(root, "src/client/connect.d.ts"), "utf8");
  return text.replace(/^(interface|type) /gm, "export $1 ");
}
