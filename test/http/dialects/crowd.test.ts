import { expect, test } from "vitest";
import { eventually, startApp } from "../../app.ts";
import { databases } from "../../databases.ts";

const prices: Record<string, number> = {
  "deep-sea": 2500,
  glacier: 3000,
  orbit: 3500,
  "old-town": 2000,
  beehive: 1500,
  rally: 4000,
};
const movies = Object.keys(prices);

for (const database of databases) {
  // PGlite computes in this very process, beside the server, the simulator and the crowd.
  const people = database.includes("pglite") ? 40 : 200;
  test(`${people} people scan, choose, submit and pay at once by the old URLs (${database})`, async () => {
    await using app = await startApp({ database });
    // biome-ignore lint/suspicious/noExplicitAny: what came is for the test to look at
    async function wxs(method: string, path: string, body?: object): Promise<any> {
      const response = await fetch(`${app.url}/wxs${path}`, {
        method,
        ...(body ? { body: JSON.stringify(body), headers: { "content-type": "application/json" } } : {}),
      });
      const text = await response.text();
      expect(response.status, `${method} ${path}: ${text}`).toBe(200);
      return text && JSON.parse(text);
    }

    /** Each person takes three movies of their own and moves the last one to the front. */
    async function visit(i: number) {
      const openID = `sandbox_guest${i}`;
      const scene = 1 + (i % 20);
      await app.sim("/sim/event", { openid: openID, event: "SCAN", scene_id: scene });
      const chosen = [0, 1, 2].map((j) => movies[(i + j * 2) % movies.length] as string);
      for (const movieID of chosen) await wxs("POST", "/cart", { movieID, openID });
      for (const _ of [1, 2]) await wxs("PUT", "/cart", { movieID: chosen[2], openID, action: "MOVEUP" });
      const { ticketID } = await wxs("POST", "/cart/submit", { openID });
      const query = `open_id=${openID}&ticket_id=${ticketID}`;
      // On a machine that is too slow for so many WeChat answers late, and a client asks again.
      const params = await eventually(
        () => wxs("GET", `/payment/wx/params?${query}`).catch(() => undefined),
        (answer) => answer !== undefined,
        60_000,
      );
      await app.sim("/sim/pay", { prepay_id: params.package.replace("prepay_id=", "") });
      return { openID, ticketID, scene, order: [chosen[2], chosen[0], chosen[1]] as string[] };
    }

    const visits = await Promise.all(Array.from({ length: people }, (_, i) => visit(i)));
    const paid = await eventually(
      () => wxs("GET", "/tickets?status=ALREADY_PAID&limit=1"),
      ({ totalCount }) => totalCount === people,
      20_000,
    );
    expect(paid.totalCount).toBe(people);

    let sum = 0;
    for (const { openID, ticketID, scene, order } of visits) {
      const { itemList, totalCount } = await wxs("GET", `/tickets?open_id=${openID}`);
      expect(totalCount).toBe(1);
      const price = order.reduce((total, movie) => total + (prices[movie] ?? 0), 0);
      expect(itemList[0]).toMatchObject({
        ticketID,
        viewerOpenID: openID,
        status: "ALREADY_PAID",
        progressPhase: "TO_DISTRIBUTE",
        price,
        actualPrice: price,
        payMode: "WEIXIN",
        movieIDList: order,
        seatNumber: String(((scene - 1) % 10) + 1).padStart(3, "0"),
        hallName: scene <= 10 ? "Hall 1" : "Hall 2",
      });
      sum += price;
    }
    const { payments } = await app.sim("/sim/payments");
    const debited = payments.filter((one: { trade_state: string }) => one.trade_state === "SUCCESS");
    expect(debited).toHaveLength(people);
    expect(debited.reduce((total: number, one: { total: number }) => total + one.total, 0)).toBe(sum);
    expect((await app.sim("/sim/refunds")).refunds).toEqual([]);
    const { movieList } = await wxs("GET", "/cart?open_id=sandbox_guest0");
    expect(movieList).toEqual([]);
  }, 120_000);
}
