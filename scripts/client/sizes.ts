import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { bundleForDevices, bundleForWeb } from "./bundle.ts";

const client = resolve(import.meta.dirname, "../../src/client/index.ts");

/** What a program imports that uses no service, one, or all of them. */
const imports = {
  "all services": "*",
  "one service": "{ createSession, miniProgram, web, reasonOf, Order }",
} as const;

export interface Size {
  what: string;
  /** Bytes, minified. */
  plain: number;
  gzipped: number;
}

/** How large the client is, in a mini-program and on a page. */
export async function sizes(): Promise<Size[]> {
  const rows: Size[] = [];
  for (const [what, names] of Object.entries(imports)) {
    const entry = `export ${names} from ${JSON.stringify(client)};`;
    rows.push(sized(`mini-program, ${what}`, await bundleForDevices(entry)));
    rows.push(sized(`page, ${what}`, await bundleForWeb(entry, { minify: true })));
  }
  return rows;
}

function sized(what: string, text: string): Size {
  return { what, plain: Buffer.byteLength(text), gzipped: gzipSync(text).length };
}

/** Puts the table between `<!-- sizes -->` and `<!-- /sizes -->`. */
export async function writeSizes(file: string): Promise<void> {
  const kb = (bytes: number) => `${(bytes / 1024).toFixed(1)} KB`;
  const rows = (await sizes()).map(
    ({ what, plain, gzipped }) => `| ${what} | ${kb(plain)} | ${kb(gzipped)} |`,
  );
  const table = ["| | minified | gzipped |", "|---|---|---|", ...rows].join("\n");
  const before = readFileSync(file, "utf8");
  writeFileSync(file, before.replace(/(<!-- sizes -->\n)[\s\S]*?(<!-- \/sizes -->)/, `$1${table}\n$2`));
}
