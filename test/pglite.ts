import { createHash, randomUUID } from "node:crypto";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PGlite } from "@electric-sql/pglite";
import { migrationsOf } from "../src/storage/migrations.ts";
import { migratePostgres } from "../src/storage/postgres.ts";
import type { Connection, Pool, QueryConfig } from "../src/storage/postgres-session.ts";

/** The types that the tables and Drizzle's counts have: bool, bytea, int8, int4, text, numeric. */
const OIDS = [16, 17, 20, 23, 25, 1700];
const WAIT_MS = 5000;

/**
 * PGlite with the migrations applied. Making one takes 4 s, so its files are kept in the temporary
 * folder, from where it starts in 1 s.
 */
export async function migratedPglite(): Promise<PGlite> {
  const statements = migrationsOf("postgres").flatMap((migration) => [
    migration.tag,
    ...migration.statements(),
  ]);
  const hash = createHash("sha256").update(statements.join()).digest("hex").slice(0, 16);
  const file = join(tmpdir(), `liveuser-pglite-${hash}.tar`);
  if (!existsSync(file)) {
    await using fresh = await PGlite.create();
    await migratePostgres(pglitePool(fresh));
    const dump = await fresh.dumpDataDir("none");
    const draft = `${file}.${randomUUID()}`;
    writeFileSync(draft, Buffer.from(await dump.arrayBuffer()));
    renameSync(draft, file);
  }
  return PGlite.create({ loadDataDir: new Blob([readFileSync(file)]) });
}

/** A pool of one connection, as PGlite has but one session. */
export function pglitePool(pglite: PGlite): Pool {
  let free = Promise.resolve();

  async function take(): Promise<() => void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const before = free;
    free = before.then(() => promise);
    const timeout = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      resolve();
      timeout.reject(new Error("timeout exceeded when trying to connect"));
    }, WAIT_MS);
    await Promise.race([before, timeout.promise]);
    clearTimeout(timer);
    return resolve;
  }

  const query: Connection["query"] = (given, values) => {
    const { text, types, rowMode }: QueryConfig = typeof given === "string" ? { text: given } : given;
    const parsers = types && Object.fromEntries(OIDS.map((oid) => [oid, types.getTypeParser(oid)]));
    return pglite.query(text, values, { rowMode, parsers });
  };

  return {
    async query(given, values) {
      const giveBack = await take();
      try {
        return await query(given, values);
      } finally {
        giveBack();
      }
    },
    async connect() {
      return { query, release: await take() };
    },
    // The next test goes on with it.
    end: async () => {},
  };
}
