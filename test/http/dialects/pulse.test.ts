import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { eventually, startApp, type TestApp } from "../../app.ts";
import { databases } from "../../databases.ts";
import { type Browser, createBrowser } from "../browser.ts";

/** A minute of 72 beats a minute at 100 Hz: a bump a beat. */
function wave(): number[] {
  const beat = 6000 / 72;
  return Array.from({ length: 6000 }, (_, i) => {
    const phase = (i % beat) / beat;
    const bump = (at: number, width: number) => Math.exp(-(((phase - at) / width) ** 2));
    return Math.round(2000 * bump(0.2, 0.06) + 700 * bump(0.5, 0.09));
  });
}

async function record(browser: Browser): Promise<number> {
  const { status, text } = await browser.post("/wx/api/measurements", { samples: wave(), sample_rate: 100 });
  expect(status, text).toBe(200);
  return JSON.parse(text).measurement.record_id;
}

/** The JSON of a URL. */
async function read(browser: Browser, path: string) {
  const { status, text } = await browser.visit(path);
  return { status, body: JSON.parse(text) };
}

for (const database of databases) {
  test(`a page of the old system works as it stands (${database})`, async () => {
    await using app = await startApp({ database });
    const browser = createBrowser(app);
    // It opens, finds nobody signed in, goes to WeChat and is back where it was.
    const opened = await browser.visit("/wx/api/measurements?limit=5", { headers: { accept: "text/html" } });
    expect(opened.status).toBe(302);
    const begun = await browser.visit(opened.location);
    const back = await browser.visit(await browser.atWechat(begun.location, "alice"));
    expect(back.location).toBe("/wx/api/measurements?limit=5");
    expect(await read(browser, back.location)).toEqual({
      status: 200,
      body: { measurements: [], cursor: 0 },
    });

    const config = await browser.post("/wx/api/jssdk/config", { url: "http://127.0.0.1:9/h5?x#y" });
    const { appId, nonceStr, timestamp, signature } = JSON.parse(config.text);
    expect(appId).toBe(app.app.settings.WECHAT_APPID);
    const ticket = await app.app.store.read.db.select().from(app.app.store.read.t.sharedValues);
    expect(ticket.length, "it was asked for at WeChat").toBeGreaterThan(0);
    expect([nonceStr, timestamp, signature]).toEqual([
      expect.stringMatching(/^\w+$/),
      expect.closeTo(Date.now() / 1000, -2),
      expect.stringMatching(/^[0-9a-f]{40}$/),
    ]);

    const first = await record(browser);
    const second = await record(browser);
    const all = await read(browser, "/wx/api/measurements");
    expect(all.body.measurements.map(({ record_id }: { record_id: number }) => record_id)).toEqual([
      second,
      first,
    ]);
    const [newest] = all.body.measurements;
    expect(newest).toEqual({
      id: second,
      record_id: second,
      sample_rate: 100,
      sample_count: 6000,
      remark: "",
      has_paid: false,
      price: 0,
      created_at: expect.closeTo(Date.now(), -5),
    });
    const page = await read(browser, "/wx/api/measurements?limit=1");
    expect(page.body).toEqual({ measurements: [newest], cursor: expect.any(Number) });
    const next = await read(browser, `/wx/api/measurements?limit=1&cursor=${page.body.cursor}`);
    expect(next.body).toMatchObject({ measurements: [{ id: first }], cursor: 0 });
    const later = await read(browser, `/wx/api/measurements?start_time=${Date.now() + 60_000}`);
    expect(later.body.measurements).toEqual([]);
    const one = await read(browser, `/wx/api/measurements/${first}`);
    expect(one.body.measurement.samples).toEqual(wave());

    const remarked = await browser.post(`/wx/api/measurements/${first}/remark`, { remark: "早上，空腹" });
    expect(JSON.parse(remarked.text).measurement).toMatchObject({ id: first, remark: "早上，空腹" });
    const paid = await browser.post("/wx/api/payment", { record_id: first });
    expect([paid.status, JSON.parse(paid.text).measurement]).toEqual([
      200,
      expect.objectContaining({ id: first, has_paid: true }),
    ]);
    const { body } = await read(browser, `/wx/api/measurements/${first}/analyze`);
    expect(body.report).toMatchObject({ record_id: first, summary: expect.stringMatching(/./) });
    expect(body.report.heart_rate).toBeCloseTo(72, 0);

    const out = await browser.post("/wx/logout", {});
    expect([out.status, out.text, browser.sid]).toEqual([200, "{}", undefined]);
    expect((await read(browser, "/wx/api/measurements")).status).toBe(401);
  });

  test(`nobody sees another's measurement (${database})`, async () => {
    await using app = await startApp({ database });
    const [alice, eve] = [createBrowser(app), createBrowser(app)];
    await alice.signIn("alice");
    await eve.signIn("eve");
    const id = await record(alice);
    for (const path of [
      `/wx/api/measurements/${id}`,
      `/wx/api/measurements/${id}/analyze`,
      "/wx/api/measurements/12345",
      `/pulse/${id}.svg`,
      "/pulse/12345.svg",
    ]) {
      expect([path, (await read(eve, path)).status]).toEqual([path, 404]);
    }
    expect((await eve.post(`/wx/api/measurements/${id}/remark`, { remark: "x" })).status).toBe(404);
    expect((await eve.post("/wx/api/payment", { record_id: id })).status).toBe(404);
    expect((await read(eve, "/wx/api/measurements")).body.measurements).toEqual([]);
    expect((await read(alice, `/wx/api/measurements/${id}`)).body.measurement.remark).toBe("");
  });
}

test("a measurement's picture is its owner's, and a picture alone", async () => {
  await using app: TestApp = await startApp();
  const browser = createBrowser(app);
  await browser.signIn("alice");
  const id = await record(browser);
  const picture = await browser.visit(`/pulse/${id}.svg`);
  expect([picture.status, picture.text]).toEqual([200, expect.stringMatching(/^<svg .*<\/svg>\s*$/s)]);
  expect(Object.fromEntries(picture.headers)).toMatchObject({
    "content-type": "image/svg+xml",
    "cache-control": "private, no-store",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "x-content-type-options": "nosniff",
  });
  const { token } = await app.signIn("alice");
  const bare = (headers: Record<string, string>) =>
    browser.visit(`/pulse/${id}.svg`, { headers: { cookie: "x=y", ...headers } });
  expect((await bare({ authorization: `Bearer ${token}` })).text).toBe(picture.text);
  expect((await bare({})).status).toBe(401);
  const opened = await bare({ accept: "text/html,*/*" });
  expect([opened.status, opened.location]).toEqual([302, `/wx/oauth?redirect_uri=%2Fpulse%2F${id}.svg`]);
  const { token: eves } = await app.signIn("eve");
  expect((await bare({ authorization: `Bearer ${eves}` })).status).toBe(404);
});

test("where measurements have a price, the payment is prepared, and paid by WeChat's word", async () => {
  await using app = await startApp({ environment: { MEASUREMENT_PRICE: "990" } });
  const browser = createBrowser(app);
  await browser.signIn("alice");
  const id = await record(browser);
  expect((await read(browser, `/wx/api/measurements/${id}/analyze`)).status).toBe(402);
  const prepared = await browser.visit(`/wx/api/payment?record_id=${id}`, {
    method: "POST",
    headers: { "sec-fetch-site": "same-origin", origin: app.url },
  });
  const { pay, measurement } = JSON.parse(prepared.text);
  expect([prepared.status, measurement.has_paid]).toEqual([200, false]);
  expect(pay).toEqual({
    time_stamp: expect.stringMatching(/^\d+$/),
    nonce_str: expect.stringMatching(/./),
    package: expect.stringMatching(/^prepay_id=./),
    sign_type: "RSA",
    pay_sign: expect.stringMatching(/./),
  });
  await app.sim("/sim/pay", { prepay_id: pay.package.slice("prepay_id=".length) });
  await eventually(
    () => read(browser, `/wx/api/measurements/${id}`),
    ({ body }) => body.measurement.has_paid,
  );
  expect((await read(browser, `/wx/api/measurements/${id}/analyze`)).status).toBe(200);
  expect((await browser.post("/wx/api/payment", { record_id: id })).status).toBe(409);
});

test("the handshake and events arrive at /wx too", async () => {
  await using app = await startApp();
  const [timestamp, nonce] = ["1510995105", "n"];
  const signature = createHash("sha1").update(["sandbox", timestamp, nonce].sort().join("")).digest("hex");
  const ask = async (sign: string) => {
    const query = new URLSearchParams({ signature: sign, timestamp, nonce, echostr: "hello" });
    const response = await fetch(`${app.url}/wx?${query}`);
    return [response.status, await response.text()];
  };
  expect(await ask(signature)).toEqual([200, "hello"]);
  expect((await ask("0".repeat(40)))[0]).toBe(403);
  const now = `${Math.floor(Date.now() / 1000)}`;
  const signed = createHash("sha1").update(["sandbox", now, nonce].sort().join("")).digest("hex");
  const xml = `<xml><ToUserName>gh</ToUserName><FromUserName>sandbox_alice</FromUserName><CreateTime>${now}</CreateTime><MsgType>event</MsgType><Event>subscribe</Event></xml>`;
  const query = new URLSearchParams({ signature: signed, timestamp: now, nonce });
  const event = await fetch(`${app.url}/wx?${query}`, { method: "POST", body: xml });
  expect([event.status, await event.text()]).toEqual([200, ""]);
  const service = await app.appWith("service");
  expect((await service.wx.listFollowers({})).followers).toMatchObject([{ openId: "sandbox_alice" }]);
});
