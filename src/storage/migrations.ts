import { readFileSync } from "node:fs";
import type { Store } from "./store.ts";

/** A step of the schema, written by drizzle-kit. */
export interface Migration {
  /** `0003_name`: orders and names it. */
  tag: string;
  statements(): string[];
}

/** The table that says which were applied. */
export const CREATE_APPLIED =
  "create table if not exists schema_migrations (tag text primary key, applied_at bigint not null)";

/** Every migration of this program, oldest first. */
export function migrationsOf(kind: Store["kind"]): Migration[] {
  const folder = new URL(`./migrations/${kind}/`, import.meta.url);
  const journal: { entries: { tag: string }[] } = JSON.parse(
    readFileSync(new URL("meta/_journal.json", folder), "utf8"),
  );
  return journal.entries.map(({ tag }) => ({
    tag,
    statements: () => readFileSync(new URL(`${tag}.sql`, folder), "utf8").split("--> statement-breakpoint"),
  }));
}

/** Those the database lacks. Throws when it has one that this program does not know. */
export function missing(all: Migration[], applied: string[]): Migration[] {
  const known = new Set(all.map(({ tag }) => tag));
  const unknown = applied.find((tag) => !known.has(tag));
  if (unknown) {
    throw new Error(
      `the database is newer than this program: it has the migration ${unknown}; update the program`,
    );
  }
  return all.filter(({ tag }) => !applied.includes(tag));
}
