import { readdirSync, statSync } from "node:fs";
import { join, resolve } from "node:path";

const here = import.meta.dirname;
const root = resolve(here, "../..");
const folder = join(root, "dist/h5");
/** What the page is made of. */
const sources = [here, join(root, "src/client"), join(root, "gen/client")];

let building: Promise<string | undefined> | undefined;

/**
 * Gives the folder with the built page, and builds it before if a source is newer. Undefined where it
 * is not built and Vite, a tool of development, is not installed.
 */
export function builtPage(): Promise<string | undefined> {
  building ??= build().finally(() => {
    building = undefined;
  });
  return building;
}

async function build(): Promise<string | undefined> {
  const built = changedAt(join(folder, "index.html"));
  if (built > Math.max(...sources.map(newestIn))) return folder;
  const vite = await import("vite").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ERR_MODULE_NOT_FOUND") return undefined;
    throw error;
  });
  if (!vite) return built > 0 ? folder : undefined;
  await vite.build({ configFile: join(here, "vite.config.ts"), logLevel: "warn" });
  return folder;
}

function newestIn(directory: string): number {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true });
  return Math.max(...files.map((file) => changedAt(join(file.parentPath, file.name))));
}

/** Unix ms; 0 for what is not there. */
function changedAt(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

if (import.meta.main) console.log(await builtPage());
