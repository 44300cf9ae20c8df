import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";

/** A host that answers as the test likes: `await using wx = await host(…)`. */
export async function host(listener: RequestListener) {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  const counted = { connections: 0, requests: 0 };
  server.on("connection", () => (counted.connections += 1));
  server.on("request", () => (counted.requests += 1));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    counted,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

/** One request as a WeChat of the test's own sees it. */
export interface Asked {
  method: string;
  path: string;
  query: URLSearchParams;
  body: Record<string, unknown>;
}

/** A WeChat of the test's own: answers JSON, or undefined to break the connection; keeps what it was asked. */
export async function answering(answer: (asked: Asked) => unknown) {
  const asked: Asked[] = [];
  const server = await host(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const { pathname, searchParams } = new URL(request.url ?? "", "http://wx");
    const text = Buffer.concat(chunks).toString();
    const body = text ? JSON.parse(text) : {};
    const one = { method: request.method ?? "", path: pathname, query: searchParams, body };
    asked.push(one);
    const reply = await answer(one);
    if (reply === undefined) response.destroy();
    else response.end(typeof reply === "string" ? reply : JSON.stringify(reply));
  });
  return { ...server, asked, paths: () => asked.map(({ path }) => path) };
}
