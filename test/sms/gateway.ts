import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** What a gateway was asked. */
export interface Asked {
  method: string;
  url: string;
  headers: Record<string, string | string[] | undefined>;
  body: string;
}

/** A text message gateway on localhost, which answers with one status after another, the last one for ever. */
export async function startGateway(...statuses: (number | "silence" | "break")[]) {
  const asked: Asked[] = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const { method = "", url = "", headers } = request;
    asked.push({ method, url, headers, body });
    const status = statuses.length > 1 ? statuses.shift() : (statuses[0] ?? 200);
    if (status === "break") response.destroy();
    else if (status !== "silence") response.writeHead(status ?? 200, { location: "/elsewhere" }).end("{}");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}
