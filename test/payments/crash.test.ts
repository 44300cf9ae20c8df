import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { startSimulator } from "../../src/wechat/simulator/server.ts";
import { eventually } from "../app.ts";
import { post, type ServerProcess, startProcess, temporaryFolder } from "../process.ts";

/** `ROUNDS=50 vitest run test/payments/crash.test.ts` is the full measure. */
const rounds = Number(process.env.ROUNDS ?? 8);
const ordersPerRound = 6;
/** The server answers a notification within some ms: the kill comes before, between and after. */
const longestWaitMs = 25;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test("whenever a kill -9 comes, what WeChat debited is PAID here or goes back", async () => {
  using folder = temporaryFolder();
  // Notifications are repeated after 0.75 s instead of 15 s.
  await using simulator = await startSimulator({ port: 0, timeScale: 20 });
  const environment = {
    PORT: String(await freePort()),
    DATABASE_URL: `file:${folder.path}/test.db`,
    LOG_LEVEL: "silent",
    WECHAT_API_BASE: simulator.url,
  };
  // biome-ignore lint/suspicious/noExplicitAny: what came is for the test to look at
  const sim = async (path: string, body?: object): Promise<any> => {
    const init = body && { method: "POST", body: JSON.stringify(body) };
    return (await fetch(`${simulator.url}${path}`, init)).json();
  };
  let server: ServerProcess = await startProcess(environment);
  const { body: session } = await post(server.url, "/liveuser/Wx/Login", { code: "dev:alice" });
  // The session outlives the kills too.
  const call = (method: string, body: object) =>
    post(server.url, `/liveuser/${method}`, body, session.access_token);

  const cancelled = new Set<string>();
  for (let round = 0; round < rounds; round++) {
    const prepaid = await Promise.all(
      Array.from({ length: ordersPerRound }, async () => {
        const { body } = await call("Order/Create", { products: [{ product_id: "sticker", count: 1 }] });
        const order: string = body.order.id;
        const { body: params } = await call("Wx/Prepay", { order_id: order });
        return { order, prepayId: params.package.replace("prepay_id=", "") };
      }),
    );
    const paying = prepaid.map(async ({ order, prepayId }, i) => {
      await wait(Math.random() * longestWaitMs);
      await sim("/sim/pay", { prepay_id: prepayId });
      // Some are cancelled at that very moment.
      if (i % 3 === 0) {
        const answer = await call("Order/Cancel", { id: order }).catch(() => undefined);
        if (answer?.status === 200) cancelled.add(order);
      }
    });
    await wait(Math.random() * longestWaitMs);
    await server.stop("SIGKILL");
    await Promise.allSettled(paying);
    server = await startProcess(environment);
  }

  const { payments } = await sim("/sim/payments?openid=sandbox_alice");
  expect(payments).toHaveLength(rounds * ordersPerRound);
  const ends = await eventually(
    async () => {
      const orders = new Map<string, string>();
      for (let cursor = "0"; ; ) {
        const { body } = await call("Order/List", { cursor, limit: 100 });
        for (const order of body.orders) orders.set(order.id, order.state);
        cursor = body.cursor;
        if (cursor === "0") break;
      }
      const { refunds } = await sim("/sim/refunds");
      const returned = new Set(refunds.map((refund: { out_trade_no: string }) => refund.out_trade_no));
      const states = [...orders.values()];
      return {
        paid: states.filter((state) => state === "PAID").length,
        cancelled: states.filter((state) => state === "CANCELLED").length,
        other: states.filter((state) => !["PAID", "CANCELLED"].includes(state)),
        returned: returned.size,
        acknowledged: [...cancelled].filter((id) => orders.get(id) !== "CANCELLED"),
      };
    },
    // Every one was debited: each is paid here, or cancelled with its money on the way back.
    (now) => now.other.length === 0 && now.returned === now.cancelled,
    30_000,
  );
  expect(ends).toMatchObject({ other: [], acknowledged: [] });
  expect(ends.paid + ends.cancelled).toBe(rounds * ordersPerRound);
  expect(await server.stop("SIGTERM")).toBe(0);
}, 300_000);
