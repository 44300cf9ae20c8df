import { type Browser, type BrowserContext, type Page, chromium as playwright } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Exchange } from "../../src/http/exchange.ts";
import { createFolder } from "../../src/http/external/folder.ts";
import { sandboxApp } from "../../src/wechat/simulator/sandbox-app.ts";
import { eventually, startApp, type TestApp } from "../app.ts";
import { chromium } from "./chromium.ts";

let browser: Browser;

beforeAll(async () => {
  if (!chromium) return;
  const camera = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"];
  browser = await playwright.launch({ executablePath: chromium, args: ["--no-sandbox", ...camera] });
});

afterAll(async () => {
  await browser?.close();
});

/** With Chrome or Chromium on the machine, or CHROME_PATH. */
const inBrowser = test.skipIf(!chromium);

interface Visit extends AsyncDisposable {
  app: TestApp;
  page: Page;
  context: BrowserContext;
}

async function visit(environment: Record<string, string> = {}): Promise<Visit> {
  const app = await startApp({ database: "sqlite", environment });
  const context = await browser.newContext({ viewport: { width: 375, height: 700 }, locale: "zh-CN" });
  const page = await context.newPage();
  // Whatever the page does wrong fails the test that was the first to see it.
  page.on("pageerror", (error) => expect.soft(error).toBeUndefined());
  page.setDefaultTimeout(15_000);
  return {
    app,
    page,
    context,
    async [Symbol.asyncDispose]() {
      await context.close();
      await app[Symbol.asyncDispose]();
    },
  };
}

async function signIn(page: Page, url: string, name: string): Promise<void> {
  await page.goto(`${url}/h5/`);
  await authorise(page, name);
  await page.getByRole("heading", { name: "我的测量" }).waitFor();
}

async function authorise(page: Page, name: string): Promise<void> {
  await page.getByRole("button", { name: "微信登录" }).click();
  // The sandbox's WeChat asks who it is.
  await page.getByPlaceholder("a name").fill(name);
  await page.getByRole("button", { name: "Allow" }).click();
}

async function recordDemo(page: Page): Promise<void> {
  await page.getByRole("link", { name: "新测量" }).click();
  await page.getByRole("button", { name: "使用演示波形" }).click();
  await page.getByRole("button", { name: "停止" }).waitFor();
}

/** A heart of 90 beats a minute, as a file. */
async function importWave(page: Page, wave = beats(2000).join("\n")): Promise<void> {
  const file = { name: "wave.csv", mimeType: "text/csv", buffer: Buffer.from(wave) };
  await page.getByLabel("导入波形文件").setInputFiles(file);
}

/** At 100 Hz. */
function beats(count: number): number[] {
  const beat = (t: number) => Math.exp(-((((t * 1.5) % 1) - 0.3) ** 2) / 0.01);
  return Array.from({ length: count }, (_, i) => Number(beat(i / 100).toFixed(4)));
}

const heartRate = (page: Page) => page.locator("#heart-rate");
const picture = (page: Page) => page.getByRole("img", { name: "脉搏波、找到的心跳和心跳间隔" });

inBrowser("from sign-in to the report, its picture and back", async () => {
  await using visited = await visit();
  const { app, page } = visited;
  await signIn(page, app.url, "alice");
  expect(new URL(page.url()).search, "no code stays in the address").toBe("");
  await page.getByText("还没有测量").waitFor();

  await recordDemo(page);
  await heartRate(page).waitFor();
  // The demonstration's heart beats 72 times a minute.
  expect(Math.abs(Number(await heartRate(page).textContent()) - 72)).toBeLessThanOrEqual(1);
  await page.getByText("不是医疗建议").first().waitFor();
  await picture(page).waitFor();
  const drawn = await picture(page).evaluate(async (image: { decode(): Promise<void>; height: number }) => {
    await image.decode();
    return image.height;
  });
  expect(drawn).toBeGreaterThan(300);
  const [file] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("link", { name: "保存图片" }).click(),
  ]);
  expect(file.suggestedFilename()).toMatch(/^pulse-\d+\.png$/);

  await page.getByLabel("备注").fill("晨起 <b>");
  await page.getByRole("button", { name: "保存备注" }).click();
  await page.getByText("备注已保存").waitFor();
  await page.getByRole("link", { name: "脉搏测量" }).click();
  await page.getByText("30 秒 · 晨起 <b>").click();
  await heartRate(page).waitFor();

  // Somebody else sees none of it.
  const id = BigInt(new URL(page.url()).hash.replace("#/m/", ""));
  const bob = await app.signIn("bob");
  await expect(bob.measurement.get({ id })).rejects.toThrow("measurement");
  const { measurement: bobs } = await bob.measurement.record({ samples: [1, 2, 3], sampleRate: 20 });
  await page.goto(`${app.url}/h5/#/m/${bobs?.id}`);
  await page.getByText("没有这条测量记录").waitFor();
  await page.goBack();

  await page.reload();
  await heartRate(page).waitFor();
  await page.getByRole("button", { name: "退出" }).click();
  await page.getByRole("button", { name: "微信登录" }).waitFor();
  const alice = await app.signIn("alice");
  expect((await alice.measurement.list({})).measurements).toHaveLength(1);
  expect((await alice.user.listSessions({})).sessions, "only the one of this test").toHaveLength(1);
});

inBrowser("where a report has a price, it is there once it is paid", async () => {
  await using visited = await visit({ MEASUREMENT_PRICE: "990" });
  const { app, page } = visited;
  await signIn(page, app.url, "alice");
  await page.getByRole("link", { name: "新测量" }).click();
  await importWave(page);
  await page.getByText("需要支付 ¥9.90").waitFor();
  expect(await heartRate(page).count()).toBe(0);

  await page.getByRole("button", { name: "支付 ¥9.90" }).click();
  await page.getByRole("button", { name: "取消" }).click();
  expect(await heartRate(page).count()).toBe(0);
  await page.getByRole("button", { name: "支付 ¥9.90" }).click();
  await page.getByText("模拟支付，不会扣钱").waitFor();
  await page.getByRole("button", { name: "确定" }).click();
  await heartRate(page).waitFor();

  await page.getByRole("link", { name: "脉搏测量" }).click();
  await page.getByText("已支付").waitFor();

  // The money comes, and what the page then asks fails: the next try finds it paid.
  await page.getByRole("link", { name: "新测量" }).click();
  await importWave(page);
  await page.route("**/liveuser.Wx/PayStatus", (route) => route.fulfill({ status: 500 }));
  await page.getByRole("button", { name: "支付 ¥9.90" }).click();
  await page.getByRole("button", { name: "确定" }).click();
  await page.getByText("出错了").waitFor();
  const alice = await app.signIn("alice");
  const { measurements } = await alice.measurement.list({ limit: 1 });
  await eventually(
    () => alice.measurement.get({ id: measurements[0]?.id ?? 0n }),
    ({ measurement }) => measurement?.hasPaid === true,
  );
  await page.getByRole("button", { name: "支付 ¥9.90" }).click();
  await heartRate(page).waitFor();
});

inBrowser("what is recorded while the server is away is sent once, afterwards", async () => {
  await using visited = await visit();
  const { app, page, context } = visited;
  await signIn(page, app.url, "alice");
  await page.getByRole("link", { name: "新测量" }).click();
  await context.setOffline(true);
  await importWave(page);
  await page.getByText("连接不上服务器").waitFor();
  await page.getByText("没有丢失").waitFor();
  await page.getByRole("button", { name: "重试" }).click();
  await page.getByText("连接不上服务器").waitFor();

  // The answer is lost, though the server has worked.
  await context.setOffline(false);
  let lost = 0;
  await page.route("**/liveuser.Measurement/Record", async (route) => {
    if (lost++ > 0) return route.continue();
    await route.fetch();
    await route.abort();
  });
  await page.getByRole("button", { name: "重试" }).click();
  await page.getByText("没有丢失").waitFor();
  // Not even a new start of the page loses it.
  await page.reload();
  await heartRate(page).waitFor();
  expect(lost).toBe(2);
  const alice = await app.signIn("alice");
  expect((await alice.measurement.list({})).measurements).toHaveLength(1);
});

inBrowser("what one person has not sent yet, the next in the tab does not send", async () => {
  await using visited = await visit();
  const { app, page, context } = visited;
  await signIn(page, app.url, "alice");
  await page.getByRole("link", { name: "新测量" }).click();
  await context.setOffline(true);
  await importWave(page);
  await page.getByText("没有丢失").waitFor();
  await page.getByRole("button", { name: "退出" }).click();
  await page.getByRole("button", { name: "微信登录" }).waitFor();
  await context.setOffline(false);
  await authorise(page, "bob");
  await page.getByRole("link", { name: "新测量" }).click();
  await page.getByRole("button", { name: "使用演示波形" }).waitFor();
  await page.getByRole("button", { name: "退出" }).click();
  await authorise(page, "alice");
  await page.getByRole("link", { name: "新测量" }).click();
  await heartRate(page).waitFor();
  const bob = await app.signIn("bob");
  expect((await bob.measurement.list({})).measurements).toHaveLength(0);
});

inBrowser("the camera is on while it is looked through, and no longer", async () => {
  await using visited = await visit();
  const { app, page } = visited;
  // What a browser's question for permission does: it takes its time.
  await page.addInitScript(`{
    const devices = navigator.mediaDevices;
    const ask = devices.getUserMedia.bind(devices);
    globalThis.tracks = [];
    devices.getUserMedia = async (wanted) => {
      globalThis.allow = undefined;
      const stream = await ask(wanted);
      tracks.push(...stream.getTracks());
      await new Promise((resolve) => { globalThis.allow = resolve; });
      return stream;
    };
  }`);
  const cameras = () => page.evaluate("tracks.map((track) => track.readyState)");
  const start = async () => {
    await page.getByRole("button", { name: "用摄像头测量" }).click();
    await eventually(() => page.evaluate("typeof allow === 'function'"), Boolean);
  };
  await signIn(page, app.url, "alice");
  await page.getByRole("link", { name: "新测量" }).click();
  await start();
  await page.getByRole("link", { name: "脉搏测量" }).click();
  await page.getByRole("heading", { name: "我的测量" }).waitFor();
  await page.evaluate("allow()");
  await eventually(cameras, (states) => `${states}` === "ended");

  await page.getByRole("link", { name: "新测量" }).click();
  await start();
  await page.evaluate("allow()");
  // The browser's test picture is no finger.
  await page.getByText("没有脉搏信号").waitFor();
  await page.getByRole("button", { name: "停止" }).click();
  await page.getByText("至少需要 15 秒").waitFor();
  expect(`${await cameras()}`).toBe("ended,ended");
});

inBrowser("a file is read, or said to be none; a poor signal gets no report", async () => {
  await using visited = await visit();
  const { app, page } = visited;
  await signIn(page, app.url, "alice");
  await page.getByRole("link", { name: "新测量" }).click();
  await importWave(page, "hello, world");
  await page.getByText("文件里没有波形数据").waitFor();
  await importWave(page, ["time,red", ...beats(2000).map((red, i) => `${i / 100},${red}`)].join("\n"));
  await heartRate(page).waitFor();
  expect(Math.abs(Number(await heartRate(page).textContent()) - 90)).toBeLessThanOrEqual(1);

  await page.goto(`${app.url}/h5/#/record`);
  const long = beats(150_000);
  await importWave(page, JSON.stringify([...long, ...long]));
  await page.getByText("波形太长").waitFor();
  await importWave(page, JSON.stringify(long));
  await heartRate(page).waitFor();

  await page.goto(`${app.url}/h5/#/record`);
  const samples = Array.from({ length: 3000 }, () => 5);
  await importWave(page, JSON.stringify({ samples, sample_rate: 100 }));
  await page.getByText("信号太差，没有报告").waitFor();
  await picture(page).waitFor();
  expect(await heartRate(page).count()).toBe(0);
});

inBrowser("only an answer that this page asked for signs in", async () => {
  await using visited = await visit();
  const { app, page } = visited;
  const { url } = await app.as().wx.authorizeUrl({ url: `${app.url}/h5/`, state: "evil" });
  // Mallory's link brings Mallory's code.
  await page.goto(`${url.replace("#", "&sim_openid=mallory#")}`);
  await page.getByText("登录请求不是从这里发起的").waitFor();
  expect(await page.getByRole("button", { name: "微信登录" }).count()).toBe(1);
  expect(new URL(page.url()).search).toBe("");

  await page.getByRole("button", { name: "微信登录" }).click();
  await page.getByRole("button", { name: "Refuse" }).click();
  await page.getByText("您没有允许登录").waitFor();
});

test("the page's files are served, and nothing else", async () => {
  await using app = await startApp({ database: "sqlite" });
  const get = (path: string, headers: Record<string, string> = {}) =>
    fetch(`${app.url}${path}`, { headers, redirect: "manual" });
  const index = await get("/h5/");
  expect(index.status).toBe(200);
  expect(index.headers.get("content-type")).toBe("text/html; charset=utf-8");
  expect(index.headers.get("cache-control")).toBe("no-cache");
  expect(index.headers.get("content-security-policy")).toMatch(/^default-src 'self'; /);
  const etag = index.headers.get("etag") ?? "";
  expect((await get("/h5/", { "if-none-match": etag })).status).toBe(304);
  const [script] = /\/h5\/assets\/[\w-]+\.js/.exec(await index.text()) ?? [];
  const found = await get(script ?? "");
  expect(found.headers.get("content-type")).toBe("text/javascript; charset=utf-8");
  expect(found.headers.get("cache-control")).toContain("immutable");
  const head = await fetch(`${app.url}/h5/`, { method: "HEAD" });
  expect([head.status, head.headers.get("etag"), await head.text()]).toEqual([200, etag, ""]);
  expect((await get("/h5")).headers.get("location")).toBe("/h5/");
  const paths = ["assets/", "assets/none.js", "..%2f..%2fpackage.json", "%2e%2e/index.html", ".vite/x.js"];
  for (const path of paths) expect((await get(`/h5/${path}`)).status, path).toBe(404);
});

test("where the page is neither built nor can be, it says so", async () => {
  const pages = createFolder({ at: "/h5/", folder: async () => undefined, absent: "not built", headers: {} });
  const answered: unknown[] = [];
  const res = {
    writeHead: (status: number, headers: object) => answered.push(status, headers),
    end: (body: string) => answered.push(body),
  };
  await pages["/h5/"]?.GET({ path: "/h5/", req: { headers: {} }, res, headers: {} } as unknown as Exchange);
  expect(answered).toEqual([
    404,
    expect.objectContaining({ "content-type": "text/plain; charset=utf-8" }),
    "not built",
  ]);
});

test("outside of the sandbox nothing is served", async () => {
  const { appid: WECHAT_APPID, secret: WECHAT_SECRET } = sandboxApp;
  await using app = await startApp({ environment: { WECHAT_APPID, WECHAT_SECRET } });
  for (const path of ["/h5", "/h5/", "/h5/index.html"]) {
    expect((await fetch(`${app.url}${path}`)).status, path).toBe(404);
  }
});
