import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { json, type SimReply } from "./router.ts";
import { createSimulator, type Simulator, type SimulatorOptions } from "./simulator.ts";

const mostBodyBytes = 64 * 1024;

export interface RunningSimulator {
  /** `http://127.0.0.1:8081`: what the server takes for WeChat's address. */
  url: string;
  port: number;
  /** Sends events to this URL from now on: the server's `/wx/callback`. */
  setCallback(url: string): void;
  /** Stops listening and breaks what is open. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Runs a simulator on a port of its own.
 * @param options.port 0 lets the system choose.
 * @throws what listening throws, EADDRINUSE among them.
 */
export async function startSimulator({
  port,
  host = "127.0.0.1",
  ...options
}: SimulatorOptions & { port: number; host?: string }): Promise<RunningSimulator> {
  const simulator = createSimulator(options);
  const server = createServer((request, response) => {
    serve(simulator, request, response).catch(() => response.destroy());
  });
  server.listen(port, host);
  await once(server, "listening");
  const at = server.address() as AddressInfo;
  const close = async () => {
    const closed = once(server, "close");
    simulator.close();
    server.close();
    server.closeAllConnections();
    await closed;
  };
  const name = at.family === "IPv6" ? `[${at.address}]` : at.address;
  return {
    url: `http://${name}:${at.port}`,
    port: at.port,
    setCallback: simulator.setCallback,
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function serve(simulator: Simulator, request: IncomingMessage, response: ServerResponse) {
  const body = await readBody(request);
  if (body === undefined) {
    return send(response, json({ error: `the body is larger than ${mostBodyBytes} bytes` }, 413));
  }
  const { method = "", url = "/" } = request;
  const end = url.indexOf("?");
  const reply = await simulator.handle({
    method,
    target: url,
    path: end < 0 ? url : url.slice(0, end),
    query: new URLSearchParams(end < 0 ? "" : url.slice(end)),
    headers: Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, `${value}`])),
    body,
    params: {},
  });
  if (reply) send(response, reply);
  else response.destroy();
}

/**
 * Reads to the end even what is too large, and keeps none of it: a reply sent before would be lost.
 * @returns undefined when the body is too large.
 */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size <= mostBodyBytes) chunks.push(chunk);
  }
  return size <= mostBodyBytes ? Buffer.concat(chunks).toString("utf8") : undefined;
}

function send(response: ServerResponse, { status, type, body, headers }: SimReply): void {
  response.writeHead(status, {
    ...headers,
    "content-type": type,
    ...(status === 204 ? {} : { "content-length": Buffer.byteLength(body) }),
    "cache-control": "no-store",
  });
  response.end(body);
}
