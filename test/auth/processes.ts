import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

/** What a process of renewing-process.ts is told. */
export interface Work {
  refreshToken: string;
  attemptId?: string;
  /** How many renewals at once. */
  times: number;
  /** Where it is to end by SIGKILL. */
  die?: "at the body's start" | "before the commit" | "before the answer";
}

export interface Outcome {
  refreshToken?: string;
  error?: string;
}

export interface RenewingProcess extends AsyncDisposable {
  /** Gives the outcomes, or undefined if the process died. */
  renew(work: Work): Promise<Outcome[] | undefined>;
}

/** Starts a server in a process of its own on this database. */
export async function startProcess(url: string, encryptionKey: Uint8Array): Promise<RenewingProcess> {
  const script = join(import.meta.dirname, "renewing-process.ts");
  const child = fork(script, [url, Buffer.from(encryptionKey).toString("base64")], { execArgv: [] });
  const ended = once(child, "exit");
  if ((await answer(child)) !== "ready") throw new Error("the process did not start");
  return {
    async renew(work) {
      child.send(work);
      return (await answer(child)) as Outcome[] | undefined;
    },
    async [Symbol.asyncDispose]() {
      if (child.connected) child.disconnect();
      await ended;
    },
  };
}

function answer(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve) => {
    const done = (message: unknown) => {
      child.off("message", done);
      child.off("exit", gone);
      resolve(message);
    };
    const gone = () => done(undefined);
    child.on("message", done);
    child.on("exit", gone);
  });
}
