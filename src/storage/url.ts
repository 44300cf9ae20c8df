import { fileURLToPath } from "node:url";
import type { Store } from "./store.ts";

/** Which engine a DATABASE_URL names. */
export function engineOf(url: string): Store["kind"] {
  if (url.startsWith("file:")) return "sqlite";
  if (/^postgres(ql)?:\/\//.test(url)) return "postgres";
  throw new Error("the database's URL starts with file: or postgres://");
}

/** `file:./data/liveuser.db`, from the working directory, or `file:///var/lib/liveuser.db`. */
export function sqlitePath(url: string): string {
  return url.startsWith("file://") ? fileURLToPath(url) : url.slice("file:".length);
}
