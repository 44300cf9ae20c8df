import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

export interface Child {
  process: ChildProcess;
  /** Resolves with the lines of its output once it ended by itself or by a signal; else throws what it complained of. */
  lines: Promise<string[]>;
}

/** Runs a program of this folder as a process of its own. */
export function startChild(program: string, ...args: string[]): Child {
  const child = spawn(process.execPath, [fileURLToPath(new URL(program, import.meta.url)), ...args]);
  const out: Buffer[] = [];
  const complaints: Buffer[] = [];
  child.stdout.on("data", (chunk) => out.push(chunk));
  child.stderr.on("data", (chunk) => complaints.push(chunk));
  const lines = new Promise<string[]>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      if (code) reject(new Error(Buffer.concat(complaints).toString()));
      // The last line may have been cut off.
      else resolve(Buffer.concat(out).toString().split("\n"));
    });
  });
  return { process: child, lines };
}
