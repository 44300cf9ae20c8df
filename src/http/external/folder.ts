import { readFile, stat } from "node:fs/promises";
import { extname, join } from "node:path";
import { AppError } from "../../errors.ts";
import { sendError } from "../errors.ts";
import { type Exchange, send } from "../exchange.ts";

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
};

/** Names without a dot at their beginning: no hidden file, and no way out of the folder. */
const file = /^(?:[\w-][\w.-]*\/)*[\w-][\w.-]*$/;
/** Their names change with their content. */
const hashed = /^assets\//;

export interface FolderOptions {
  /** The path that the folder answers at, with a slash at its end. */
  at: string;
  /** Gives the folder; undefined where there is none. Asked for each page, not for what belongs to it. */
  folder(): Promise<string | undefined>;
  /** What is said at the path itself where there is none. */
  absent: string;
  /** Headers of every answer. */
  headers: Record<string, string>;
}

/** Serves the files of a folder at a path and below: `index.html` at the path itself, nothing above it. */
export function createFolder({ at, folder, absent, headers }: FolderOptions) {
  let last: string | undefined;

  async function find(name: string) {
    const type = types[extname(name)];
    if (!last || !hashed.test(name)) last = await folder();
    if (!last || !type || !file.test(name)) return undefined;
    const path = join(last, name);
    const about = await stat(path).catch(() => undefined);
    return about?.isFile()
      ? { type, path, etag: `"${about.size.toString(36)}-${about.mtimeMs}"` }
      : undefined;
  }

  async function answer(exchange: Exchange): Promise<void> {
    const name = exchange.path.slice(at.length) || "index.html";
    const found = await find(name);
    if (!found && exchange.path === at) {
      return send(exchange, 404, { "content-type": "text/plain; charset=utf-8" }, absent);
    }
    if (!found) return sendError(exchange, new AppError("NO_SUCH_METHOD"), { status: 404 });
    const { type, path, etag } = found;
    const caching = hashed.test(name) ? "public, max-age=31536000, immutable" : "no-cache";
    const about = { ...headers, etag, "cache-control": caching };
    if (exchange.req.headers["if-none-match"] === etag) return send(exchange, 304, about, "");
    send(exchange, 200, { ...about, "content-type": type }, await readFile(path));
  }

  return {
    [at]: { GET: answer },
    [at.slice(0, -1)]: { GET: (exchange: Exchange) => send(exchange, 302, { location: at }, "") },
  };
}
