import { expect, test } from "vitest";
import { sandboxApp } from "../../../src/wechat/simulator/sandbox-app.ts";
import { host } from "../host.ts";
import { type Json, open } from "./shop.ts";

test("the page loads nothing from elsewhere and stands inside of no other page", async () => {
  await using shop = await open();
  const page = await fetch(shop.url);
  expect([page.status, page.headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"]);
  const policy = page.headers.get("content-security-policy");
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("frame-ancestors 'none'");
  expect(policy).not.toContain("unsafe");
  const loaded = [...(await page.text()).matchAll(/ (?:src|href)="([^"]+)"/g)].map(([, url]) => url);
  expect(loaded).toEqual(["data:,", "/sim/page.css", "/sim/page.js"]);
  for (const [path, type] of [
    ["/sim/page.css", "text/css; charset=utf-8"],
    ["/sim/page.js", "text/javascript; charset=utf-8"],
  ]) {
    const asset = await fetch(shop.url + path);
    expect([asset.status, asset.headers.get("content-type")]).toEqual([200, type]);
    // What people typed must never become markup.
    expect(await asset.text()).not.toMatch(/innerHTML|outerHTML|insertAdjacentHTML|document\.write/);
  }
});

test("the overview has all that happened, the newest first", async () => {
  await using shop = await open();
  await using server = await host((request, response) => request.resume().on("end", () => response.end()));
  shop.setCallback(server.url);
  await shop.prepay();
  await shop.prepay({ out_trade_no: "lu0002" });
  await shop.post("/sim/pay", { out_trade_no: "lu0001" });
  await shop.refund("lr1", 5);
  await shop.post("/sim/event", { openid: "sandbox_bob", event: "subscribe", scene_id: 7, encrypted: true });
  await shop.post("/sim/event", { openid: "sandbox_bob", event: "text", content: "hello" });
  const { ticket } = await shop.post(
    "/cgi-bin/qrcode/create",
    { action_name: "QR_LIMIT_SCENE", action_info: { scene: { scene_id: 12 } } },
    { access_token: await shop.token() },
  );
  const overview: Json = await shop.get("/sim/overview");
  expect(overview).toMatchObject({
    appid: sandboxApp.appid,
    callback_url: server.url,
    merchant_empty: false,
    counts: { people: 2, payments: 2, refunds: 1, events: 2, scenes: 1, messages: 0, codes: 0, faults: 0 },
    people: [{ openid: "sandbox_bob", subscribed: true }, { openid: "sandbox_alice" }],
    payments: [{ out_trade_no: "lu0002" }, { out_trade_no: "lu0001", trade_state: "REFUND" }],
    refunds: [{ out_refund_no: "lr1", status: "PROCESSING" }],
    events: [
      { openid: "sandbox_bob", event: "text", about: "hello", encrypted: false, answers: [200] },
      { openid: "sandbox_bob", event: "subscribe", about: "7", encrypted: true, answers: [200] },
    ],
    scenes: [{ ticket, scene: "12", expires_at: null }],
  });
});

test("each try of an event is noted", async () => {
  await using shop = await open({ timeScale: 1000 });
  const answers = [500, 404, 200];
  await using server = await host((request, response) =>
    request.resume().on("end", () => response.writeHead(answers.shift() ?? 200).end()),
  );
  shop.setCallback(server.url);
  await shop.post("/sim/event", { openid: "sandbox_bob", event: "subscribe" });
  for (;;) {
    const { events }: Json = await shop.get("/sim/overview");
    if (events[0].answers.length < 3) continue;
    expect(events[0].answers).toEqual([500, 404, 200]);
    break;
  }
});

test("a page of another machine neither pays nor looks; WeChat's own paths and programs are open", async () => {
  await using shop = await open();
  await shop.prepay();
  const pay = (headers: Record<string, string>) =>
    fetch(`${shop.url}/sim/pay`, { method: "POST", headers, body: '{"out_trade_no":"lu0001"}' });
  const others = [
    "https://evil.example",
    "null",
    "http://10.0.0.1:8080",
    `${shop.url}.evil.example`,
    "127.0.0.1",
  ];
  for (const origin of others) {
    expect((await pay({ origin })).status, origin).toBe(403);
    expect((await fetch(`${shop.url}/sim/overview`, { headers: { origin } })).status).toBe(403);
  }
  expect((await shop.query()).body.trade_state).toBe("NOTPAY");
  const wechat = await fetch(`${shop.url}/sns/jscode2session`, {
    headers: { origin: "https://evil.example" },
  });
  expect(wechat.status).toBe(200);
  expect((await pay({ origin: "http://localhost:8080" })).status, "the example's page").toBe(200);
});
