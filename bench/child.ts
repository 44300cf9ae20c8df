import { type ChildProcess, fork } from "node:child_process";

/** A server in a process of its own. */
export interface ServerProcess {
  port: number;
  /** CPU time that the process has used so far (us). */
  cpu(): Promise<number>;
  stop(): void;
}

/** Starts `node file ...args`, which calls `reportPort` once it listens. */
export async function startServer(
  file: string,
  args: string[],
  execArgv: string[] = [],
): Promise<ServerProcess> {
  const child = fork(file, args, { execArgv });
  const port = await answerOf(child);
  return {
    port,
    cpu() {
      child.send("cpu");
      return answerOf(child);
    },
    stop() {
      child.send("stop");
    },
  };
}

function answerOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once("message", (message) => resolve(message as number));
    child.once("exit", (code) => reject(new Error(`the server ended with code ${code}`)));
  });
}

/** In the server's process: says that it listens, then answers what the other side asks. */
export function reportPort(port: number): void {
  process.send?.(port);
  process.on("message", (message) => {
    if (message === "stop") process.exit(0);
    const { user, system } = process.cpuUsage();
    process.send?.(user + system);
  });
}
