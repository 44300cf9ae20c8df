import { connect } from "node:net";

export interface Load {
  port: number;
  path: string;
  headers?: Record<string, string>;
  /** The body of each request; a function makes one for each. */
  body: string | (() => string);
  /** How many requests are under way at any time, each on a connection of its own. */
  connections: number;
  /** How long to measure, after a third of that for warming up (s). */
  seconds: number;
}

export interface LoadResult {
  requests: number;
  perSecond: number;
  /** Times from request to answer (ms). */
  p50: number;
  p99: number;
  /** Answers with another status than 200. */
  failed: number;
}

/**
 * Sends POSTs over HTTP/1.1, on each connection one after another, and counts the answers. It
 * reads as little of them as it can, so that one core loads a server on another.
 */
export async function runLoad(load: Load): Promise<LoadResult> {
  const state = { measuring: false, done: false, failed: 0, times: [] as number[] };
  const running = Array.from({ length: load.connections }, () => converse(load, state));
  await sleep((load.seconds / 3) * 1000);
  state.measuring = true;
  const started = performance.now();
  await Promise.race([sleep(load.seconds * 1000), Promise.all(running)]);
  const seconds = (performance.now() - started) / 1000;
  state.done = true;
  await Promise.all(running);
  const times = Float64Array.from(state.times).sort();
  const at = (share: number) => times[Math.floor(times.length * share)] ?? Number.NaN;
  return {
    requests: times.length,
    perSecond: times.length / seconds,
    p50: at(0.5),
    p99: at(0.99),
    failed: state.failed,
  };
}

interface State {
  measuring: boolean;
  done: boolean;
  failed: number;
  times: number[];
}

/** One connection's requests. Rejects when the connection breaks. */
function converse({ port, path, headers, body }: Load, state: State): Promise<void> {
  const lines = Object.entries({ host: `127.0.0.1:${port}`, "content-type": "application/json", ...headers });
  const head = `POST ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}`;
  const requestOf = (text: string) => `${head}content-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`;
  const fixed = typeof body === "string" ? requestOf(body) : undefined;

  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    let sent = 0;
    let answer = "";
    const send = () => {
      sent = performance.now();
      socket.write(fixed ?? requestOf((body as () => string)()));
    };
    socket.setEncoding("latin1");
    socket.on("connect", send);
    socket.on("data", (text: string) => {
      answer += text;
      if (!isComplete(answer)) return;
      if (state.done) {
        socket.end();
        resolve();
        return;
      }
      if (state.measuring) {
        state.times.push(performance.now() - sent);
        if (!answer.startsWith("HTTP/1.1 200")) state.failed += 1;
      }
      answer = "";
      send();
    });
    socket.on("error", reject);
    socket.on("close", () => reject(new Error("the server closed a connection")));
  });
}

/** Whether a response is all there: by its length, or its last chunk. */
function isComplete(answer: string): boolean {
  const end = answer.indexOf("\r\n\r\n");
  if (end < 0) return false;
  const length = /\r\ncontent-length: *(\d+)/i.exec(answer.slice(0, end));
  return length ? answer.length >= end + 4 + Number(length[1]) : answer.endsWith("0\r\n\r\n");
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
