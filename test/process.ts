import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

export const root = resolve(import.meta.dirname, "..");

export interface ServerProcess {
  url: string;
  child: ChildProcess;
  /** Everything the process printed so far. */
  output(): string;
  /** Sends the signal and waits for the end; gives the exit code, null after a kill. */
  stop(signal: NodeJS.Signals): Promise<number | null>;
}

/** `npm start` as a process of its own, with ports that the system chooses. Rejects with what it printed if it ends at once. */
export async function startProcess(environment: Record<string, string>): Promise<ServerProcess> {
  const child = spawn(process.execPath, ["bin/main.js"], {
    cwd: root,
    env: { PATH: process.env.PATH, PORT: "0", ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  const exited = once(child, "exit") as Promise<[number | null]>;
  const url = await new Promise<string>((started, failed) => {
    const read = (chunk: Buffer) => {
      output += chunk;
      const [, found] = /^liveuser listens on (\S+)/m.exec(output) ?? [];
      if (found) started(found);
    };
    child.stdout.on("data", read);
    child.stderr.on("data", read);
    exited.then(([code]) => failed(new Error(`ended with ${code}: ${output}`)));
  });
  return {
    url,
    child,
    output: () => output,
    async stop(signal) {
      child.kill(signal);
      return (await exited)[0];
    },
  };
}

/** A folder that is removed at the end of the scope. */
export function temporaryFolder() {
  const path = mkdtempSync(join(tmpdir(), "liveuser-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** A plain JSON call. Rejects when there is no answer. */
export async function post(url: string, path: string, body: unknown, token?: string) {
  const response = await fetch(`${url}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...(token ? { authorization: `Bearer ${token}` } : {}) },
    body: JSON.stringify(body),
  });
  // biome-ignore lint/suspicious/noExplicitAny: what came is for the test to look at
  return { status: response.status, headers: response.headers, body: (await response.json()) as any };
}
