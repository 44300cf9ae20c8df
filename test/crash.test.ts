import { expect, test } from "vitest";
import { post, startProcess, temporaryFolder } from "./process.ts";

const rounds = 3;
const callers = 16;

test("every order that was acknowledged before a kill -9 is there afterwards", async () => {
  using folder = temporaryFolder();
  const environment = { DATABASE_URL: `file:${folder.path}/test.db`, LOG_LEVEL: "silent" };
  const acknowledged = new Map<string, number>();
  let refreshToken = "";

  for (let round = 0; round < rounds; round++) {
    const server = await startProcess(environment);
    const { body: session } = refreshToken
      ? await post(server.url, "/liveuser/Wx/RenewToken", { refresh_token: refreshToken })
      : await post(server.url, "/liveuser/Wx/Login", { code: "dev:alice" });
    // The session too outlives the kill.
    expect(session.access_token, JSON.stringify(session)).toBeDefined();
    refreshToken = session.refresh_token;

    let killed = false;
    const ordering = Array.from({ length: callers }, async (_, caller) => {
      for (let count = 1; !killed; count++) {
        const products = [{ product_id: "sticker", count: caller * 1000 + count }];
        const answer = await post(
          server.url,
          "/liveuser/Order/Create",
          { products },
          session.access_token,
        ).catch(() => undefined);
        if (answer?.status === 200) acknowledged.set(answer.body.order.id, answer.body.order.pay);
      }
    });
    await new Promise((resolve) => setTimeout(resolve, 300 + 200 * round));
    await server.stop("SIGKILL");
    killed = true;
    await Promise.all(ordering);
  }
  expect(acknowledged.size).toBeGreaterThan(rounds * callers);

  const server = await startProcess(environment);
  const { body: session } = await post(server.url, "/liveuser/Wx/Login", { code: "dev:alice" });
  const kept = new Map<string, number>();
  let cursor = "0";
  do {
    const { body } = await post(
      server.url,
      "/liveuser/Order/List",
      { cursor, limit: 100 },
      session.access_token,
    );
    for (const order of body.orders) {
      expect(order.products).toHaveLength(1);
      kept.set(order.id, order.pay);
    }
    cursor = body.cursor;
  } while (cursor !== "0");
  expect(await server.stop("SIGTERM")).toBe(0);
  const lost = [...acknowledged].filter(([id, pay]) => kept.get(id) !== pay);
  expect(lost).toEqual([]);
}, 60_000);
