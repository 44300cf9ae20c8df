import { parseArgs } from "node:util";
import { type App, openApp, withWechat } from "../app.ts";
import { readSettings } from "../config.ts";
import { AppError } from "../errors.ts";
import { createLogger } from "../log.ts";

export interface Arguments {
  /** The first argument: what to do. */
  verb: string | undefined;
  /** The second one: what to do it to. */
  name: string | undefined;
  /** What else was said. */
  rest: readonly string[];
  options: Record<string, string | undefined>;
}

/** The arguments are of no use. */
export class UsageError extends Error {}

/**
 * Runs a program of the command line on the server's database, beside running servers. A failure ends
 * it with one line; arguments of no use with `usage`.
 */
export async function runCommand(
  { usage, options: names = [] }: { usage: string; options?: readonly string[] },
  run: (app: App, args: Arguments) => Promise<void>,
): Promise<void> {
  try {
    const args = readArguments(names);
    const settings = readSettings(process.env);
    const log = createLogger({ level: settings.LOG_LEVEL });
    const app = await openApp(withWechat(settings, { WECHAT_APPID: "none", WECHAT_SECRET: "none" }), log);
    try {
      await run(app, args);
    } finally {
      await app.close();
    }
  } catch (error) {
    const why = error instanceof AppError ? error.why : undefined;
    const text = why ?? (error instanceof Error ? error.message : String(error));
    console.error(error instanceof UsageError ? `usage: ${usage}` : `liveuser: ${text}`);
    process.exitCode = error instanceof UsageError ? 2 : 1;
  }
}

function readArguments(names: readonly string[]): Arguments {
  const known = Object.fromEntries(names.map((name) => [name, { type: "string" as const }]));
  try {
    const { values, positionals } = parseArgs({ options: known, allowPositionals: true });
    const [verb, name, ...rest] = positionals;
    return { verb, name, rest, options: values };
  } catch {
    throw new UsageError();
  }
}
