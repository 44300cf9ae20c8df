import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, describe, expect, test } from "vitest";
import { Probe } from "./probe.ts";
import { post, type Server, startHttp } from "./start.ts";

const servers: Server[] = [];
afterAll(async () => {
  for (const server of servers) await server.close();
});

/** The address that the server behind so many proxies takes for the caller's. */
async function seen(server: Server, forwarded?: string): Promise<unknown> {
  const headers: Record<string, string> = forwarded === undefined ? {} : { "x-forwarded-for": forwarded };
  const answer = await post(server, "/liveuser.probe.Probe/Echo", {}, headers);
  return ((await answer.json()) as { text: string }).text;
}

const none = "127.0.0.1";
const cases: [proxies: number, forwarded: string | undefined, address: string][] = [
  [0, undefined, none],
  [0, "192.0.2.1", none],
  [1, undefined, none],
  [1, "", none],
  [1, "192.0.2.1", "192.0.2.1"],
  [1, "198.51.100.9, 192.0.2.1", "192.0.2.1"],
  [1, "198.51.100.9,192.0.2.1 ", "192.0.2.1"],
  [1, "192.0.2.1:4711", "192.0.2.1"],
  [1, "[2001:db8::1]:4711", "2001:db8::1"],
  [1, "2001:db8::1", "2001:db8::1"],
  [1, "192.0.2.1, unknown", none],
  [1, "192.0.2.1,", none],
  [2, "203.0.113.7, 198.51.100.9, 192.0.2.1", "198.51.100.9"],
  [2, "192.0.2.1", "192.0.2.1"],
];

describe("X-Forwarded-For counts as far as trusted proxies wrote it", () => {
  for (const proxies of [0, 1, 2]) {
    test(`${proxies} of them`, async () => {
      const server = await startHttp({ trustedProxies: proxies });
      servers.push(server);
      for (const [, forwarded, address] of cases.filter(([count]) => count === proxies)) {
        expect([forwarded, await seen(server, forwarded)]).toEqual([forwarded, address]);
      }
    });
  }
});

test("the same for gRPC", async () => {
  const server = await startHttp({ trustedProxies: 1 });
  servers.push(server);
  const transport = createGrpcTransport({ baseUrl: server.url });
  const client = createClient(Probe, transport) as unknown as Record<"echo", (...args: object[]) => unknown>;
  const headers = { authorization: "Bearer alice", "x-forwarded-for": "203.0.113.7, 192.0.2.1" };
  expect(await client.echo({}, { headers })).toMatchObject({ text: "192.0.2.1" });
});
