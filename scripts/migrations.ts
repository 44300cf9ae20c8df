/** Writes the migrations that the schema asks for, for both engines: `npm run db:generate -- add_coupons`. */
import { execFileSync } from "node:child_process";

const [name] = process.argv.slice(2);
if (!name || !/^[a-z0-9_]+$/.test(name)) {
  console.error("usage: npm run db:generate -- what_changes");
  process.exit(2);
}
for (const [dialect, folder] of [
  ["sqlite", "sqlite"],
  ["postgresql", "postgres"],
]) {
  const schema = `src/storage/drizzle-kit/${folder}.ts`;
  const out = `src/storage/migrations/${folder}`;
  const args = ["generate", `--dialect=${dialect}`, `--schema=${schema}`, `--out=${out}`, `--name=${name}`];
  execFileSync("drizzle-kit", args, { stdio: "inherit" });
}
