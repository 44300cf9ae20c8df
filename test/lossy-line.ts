import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";

/** How an answer is lost: the connection is closed before it, reset, or closed in the middle of it. */
export type Loss = "closed" | "reset" | "cut";

export interface LineOptions {
  /** How long each request takes to arrive (ms). */
  delayMs: number;
  /** The share of requests that never arrive; their connection is closed. */
  requests: number;
  /** The share of answers that are lost, of the requests that arrived. */
  answers: number;
  /** In which ways, all as often. */
  losses: readonly Loss[];
}

/** Stands between client and server and loses part of what passes. */
export async function lossyLine(target: string, options: LineOptions) {
  const line = {
    url: "",
    /** Whether anything is lost. */
    lossy: true,
    /** What was lost so far. */
    lost: { requests: 0, closed: 0, reset: 0, cut: 0 },
    [Symbol.dispose]() {
      proxy.closeAllConnections();
      proxy.close();
    },
  };
  const loses = (share: number) => line.lossy && Math.random() < share;

  const proxy = createServer((incoming, outgoing) => {
    const { socket, method, headers, url } = incoming;
    const chunks: Buffer[] = [];
    const forward = () => {
      if (loses(options.requests)) {
        line.lost.requests++;
        return socket.destroy();
      }
      const passed = request(`${target}${url}`, { method, headers }, (answer) => {
        const body: Buffer[] = [];
        answer.on("data", (chunk) => body.push(chunk));
        answer.on("end", () => {
          const how = options.losses[Math.floor(Math.random() * options.losses.length)];
          if (!how || !loses(options.answers)) {
            outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
            return outgoing.end(Buffer.concat(body));
          }
          line.lost[how]++;
          if (how === "closed") return socket.destroy();
          if (how === "reset") return socket.resetAndDestroy();
          outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
          outgoing.write(Buffer.concat(body).subarray(0, 20), () => socket.destroy());
        });
      });
      passed.on("error", () => socket.destroy());
      passed.end(Buffer.concat(chunks));
    };
    incoming.on("data", (chunk) => chunks.push(chunk));
    incoming.on("end", () => setTimeout(forward, options.delayMs));
  });
  await new Promise<void>((listening) => proxy.listen(0, "127.0.0.1", listening));
  line.url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  return line;
}
