import { readSettings } from "../config.ts";
import { migrate } from "../storage/open.ts";

/** Brings the database's tables up to date. On SQLite a start does that by itself. */
try {
  const applied = await migrate(readSettings(process.env).DATABASE_URL);
  console.log(applied.length > 0 ? `applied: ${applied.join(", ")}` : "nothing to do");
} catch (error) {
  console.error(`liveuser: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}
