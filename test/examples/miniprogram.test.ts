import { afterEach, beforeEach, expect, test } from "vitest";
import { eventually, startApp, type TestApp } from "../app.ts";
import { compilerRuns } from "./miniprogram-build.ts";
import { createDevice } from "./miniprogram-device.ts";
import { startProgram } from "./miniprogram-host.ts";

beforeEach(({ skip }) => {
  skip(!compilerRuns, "WeChat's WXML compiler runs on Linux (x64, glibc), macOS and Windows alone");
});

const programs: { close(): void }[] = [];

afterEach(() => {
  for (const program of programs.splice(0)) program.close();
});

/** The program on somebody's phone, as `npm start` and the developer tools have it. */
async function open(app: TestApp, config: Record<string, string> = {}) {
  const { device, wx } = createDevice();
  const program = await startProgram({
    config: { baseUrl: app.url, simulatorUrl: app.simulator, pollEveryMs: 50, ...config },
    wx,
  });
  programs.push(program);
  return { ...program, device };
}

const shows = (page: { text(): string }) => expect.poll(() => page.text(), { timeout: 10_000 });

test("signs in by itself, shows the products, orders and pays; a double tap orders once", async () => {
  await using app = await startApp();
  const { device, show } = await open(app);
  const shop = await show("shop");
  expect(shop.text()).toContain("Longjing tea, 100 g origin: Hangzhou ¥68.00");
  expect(shop.text()).not.toContain("已选");
  shop.send("t-stepper__plus", "tap");
  shop.send("t-stepper__plus", "tap");
  shop.send("t-stepper__plus", "tap", { nth: 5 });
  await shows(shop).toContain("已选 3 件 ¥136.01");
  await shop.call("onPullDownRefresh");
  expect(shop.text()).toContain("已选 3 件 ¥136.01");

  device.answer(true);
  shop.tap("去支付");
  shop.tap("去支付");
  await expect.poll(() => device.toasts).toEqual(["支付成功"]);
  expect(device.questions).toEqual(["模拟支付？"]);
  await shows(shop).not.toContain("已选");
  const [path = ""] = device.visited;
  const order = await show("order", { id: path.replace("/pages/order/order?id=", "") });
  expect(order.text()).toMatch(/^订单 \d+ 已支付 下单时间/);
  expect(order.text()).toContain("Longjing tea, 100 g × 2 ¥136.00 Sticker × 1 ¥0.01 合计 ¥136.01");
  const { orders } = await (await app.signIn("alice")).order.list({});
  expect(orders).toHaveLength(1);
});

test("an order whose answer is lost is found again, not made twice", async () => {
  await using app = await startApp();
  const { device, show } = await open(app);
  const shop = await show("shop");
  shop.send("t-stepper__plus", "tap", { nth: 1 });
  await shows(shop).toContain("已选 1 件");
  device.loses = "/liveuser.Order/Create";
  shop.tap("去支付");
  await expect.poll(() => device.toasts).toEqual([expect.stringMatching(/^连不上服务器/)]);
  expect(shop.text()).toContain("已选 1 件");

  device.loses = "";
  device.answer(true);
  shop.tap("去支付");
  await expect.poll(() => device.toasts.at(-1)).toBe("支付成功");
  const alice = await app.signIn("alice");
  expect((await alice.order.list({})).orders).toHaveLength(1);

  shop.send("t-stepper__plus", "tap", { nth: 1 });
  await shows(shop).toContain("已选 1 件");
  device.answer(false);
  shop.tap("去支付");
  await expect.poll(() => device.toasts.at(-1)).toBe("尚未支付");
  expect((await alice.order.list({})).orders).toHaveLength(2);
});

test("a ticket: movies into the cart, a seat's code scanned, submitted, paid, and followed to the end", async () => {
  await using app = await startApp();
  const { device, show } = await open(app);
  const cinema = await show("cinema");
  await shows(cinema).toContain("未选座位");
  cinema.tap("选择", 0);
  await shows(cinema).toContain("已选 1 部 ¥25.00");
  cinema.tap("选择", 0);
  await shows(cinema).toContain("已选 2 部 ¥55.00");
  cinema.tap("去支付");
  await expect.poll(() => device.toasts).toEqual(["请先扫描座位上的二维码"]);

  device.answer(true, "https://example.com/menu");
  cinema.tap("扫码");
  await expect.poll(() => device.toasts.at(-1)).toBe("这不是座位二维码");
  device.answer(true, "7");
  cinema.tap("扫码");
  await shows(cinema).toContain("座位码 7");
  cinema.send("move", "tap", { nth: 1 });
  await shows(cinema).toMatch(/已选影片 Over the Glacier ¥30.00 Down to the Deep Sea ¥25.00/);

  device.answer(true);
  cinema.tap("去支付");
  cinema.tap("去支付");
  await expect.poll(() => device.visited).toEqual(["/pages/tickets/tickets"]);
  expect(device.toasts.at(-1)).toBe("支付成功");
  expect(cinema.text()).not.toContain("已选影片");

  const tickets = await show("tickets");
  expect(tickets.text()).toBe(
    "Over the Glacier，Down to the Deep Sea Sandbox VR Cinema · Hall 1 · 007\u00a0座 ¥55.00 已支付 " +
      "已支付 已就绪 播放中 已看完 影院准备中 投诉",
  );
  const alice = await app.signIn("alice");
  const [ticket] = (await alice.ticket.list({})).tickets;
  const ticketId = ticket?.ticketId ?? 0n;
  await (await app.appWith("operator")).ticket.distribute({ ticketId });
  await shows(tickets).toContain("已就绪，请入座");

  const looks = () => device.sent.filter((path) => path === "/liveuser.Ticket/List").length;
  await tickets.call("onHide");
  await new Promise((resolve) => setTimeout(resolve, 100));
  const before = looks();
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(looks(), "who looks elsewhere does not ask").toBe(before);
  await tickets.call("onShow");
  const device7 = { vrClientId: "vr-007", ticketId };
  const seat = await app.appWith("device");
  await seat.ticket.report({ ...device7, progressPhase: 3 });
  await seat.ticket.report({ ...device7, progressPhase: 4 });
  await shows(tickets).toContain("已看完 已看完");

  device.answer(true, "It flickered");
  tickets.tap("投诉");
  await expect.poll(() => device.toasts.at(-1)).toMatch(/^已收到/);
  const { complaints } = await (await app.appWith("operator")).ticket.listComplaints({});
  expect(complaints).toMatchObject([{ ticketId, content: "It flickered" }]);
});

test("the seat scanned in WeChat counts too; an unpaid ticket is paid later, or cancelled", async () => {
  await using app = await startApp();
  const { device, show } = await open(app);
  await app.sim("/sim/event", { openid: "sandbox_alice", event: "SCAN", scene_id: 12 });
  const alice = await app.signIn("alice");
  await eventually(
    () => alice.wx.getScene({}).catch(() => undefined),
    (scene) => scene?.sceneId === 12,
  );
  const cinema = await show("cinema");
  await shows(cinema).toContain("座位码 12");
  const shownAgain = cinema.call("onShow");
  cinema.tap("选择");
  await shownAgain;
  await shows(cinema).toContain("已选 1 部");
  await expect.poll(() => cinema.data.busy).toBe(false);
  cinema.send("move", "tap", { nth: 2 });
  await shows(cinema).not.toContain("已选影片");
  await expect.poll(() => cinema.data.busy).toBe(false);
  for (const paid of [false, false]) {
    cinema.tap("选择");
    await shows(cinema).toContain("已选 1 部");
    device.answer(paid);
    cinema.tap("去支付");
    await shows(cinema).not.toContain("已选影片");
    await expect.poll(() => cinema.data.busy).toBe(false);
  }
  expect(device.toasts).toEqual(["尚未支付", "尚未支付"]);

  const tickets = await show("tickets");
  expect(tickets.text().match(/002\u00a0座 ¥25.00 待支付/g)).toHaveLength(2);
  device.answer(true);
  tickets.tap("取消", 0);
  await shows(tickets).toContain("已取消");
  device.answer(true);
  tickets.tap("去支付");
  await shows(tickets).toContain("影院准备中");
  expect((await alice.cart.get({})).movieIds).toEqual(["deep-sea"]);
  await cinema.call("onShow");
  await shows(cinema).toContain("已选 1 部");
});

test("a seat's mini-program code opens the cinema with its scene", async () => {
  await using app = await startApp();
  const { show, required } = await open(app);
  expect((await show("cinema", { scene: "menu" })).text()).toContain("未选座位");
  expect((await show("cinema", { scene: "9" })).text()).toContain("座位码 9");
  const { sceneIn } = required("/lib/scene.js");
  expect(
    ["7", " 7 ", "pages/cinema/cinema?scene=7", "https://a.example/s?x=1&scene_id=7#top"].map(sceneIn),
  ).toEqual([7, 7, 7, 7]);
  expect(["", "0", "-7", "7.5", "x7", "4294967296", "?scenery=7", "%"].map(sceneIn)).toEqual(
    Array(8).fill(0),
  );
});

test("orders: read part by part, cancelled, refunded; the page follows the refund", async () => {
  await using app = await startApp();
  const { device, show } = await open(app);
  const alice = await app.signIn("alice");
  const products = [{ productId: "cup", count: 1 }];
  for (let i = 0; i < 21; i++) await alice.order.create({ products });
  const list = await show("orders");
  expect(list.text().match(/¥39.00 待支付/g)).toHaveLength(20);
  await list.call("onReachBottom");
  expect(list.text().match(/¥39.00 待支付/g)).toHaveLength(21);
  await list.call("onReachBottom");
  expect(device.sent.filter((path) => path === "/liveuser.Order/List")).toHaveLength(2);

  const [first, second] = (await alice.order.list({})).orders;
  let order = await show("order", { id: `${first?.id}` });
  device.answer(false);
  order.tap("取消订单");
  await expect.poll(() => device.questions).toEqual(["确定取消该订单？"]);
  device.answer(true);
  await expect.poll(() => order.data.busy).toBe(false);
  order.tap("取消订单");
  await shows(order).toMatch(/^订单 \d+ 已取消/);
  expect(order.text()).not.toContain("去支付 ¥39.00");

  order = await show("order", { id: `${second?.id}` });
  device.answer(true);
  order.tap("去支付 ¥39.00");
  await shows(order).toContain("申请退款");
  device.answer(true);
  order.tap("申请退款");
  await shows(order).toMatch(/^订单 \d+ 退款中/);
  const { refunds } = await app.sim("/sim/refunds");
  await app.sim(`/sim/refund/${refunds[0].out_refund_no}`, {});
  await shows(order).toMatch(/^订单 \d+ 已退款/);
});

test("an order that changed meanwhile: why it can't be cancelled, in plain words", async () => {
  await using app = await startApp();
  const { device, show } = await open(app, { pollEveryMs: "3600000" });
  const alice = await app.signIn("alice");
  const made = await alice.order.create({ products: [{ productId: "cup", count: 1 }] });
  const order = await show("order", { id: `${made.order?.id}` });
  const params = await alice.wx.prepay({ orderId: made.order?.id });
  await app.sim("/sim/pay", { prepay_id: params.package.replace("prepay_id=", "") });
  device.answer(true);
  order.tap("取消订单");
  await expect.poll(() => device.toasts).toEqual(["订单已支付，无法操作"]);
  const missing = await show("order", { id: "1" });
  expect(missing.text()).toContain("订单不存在");
});

test("me: name, birthday and phone; other devices signed out; out and in again", async () => {
  await using app = await startApp();
  const { show, required } = await open(app);
  const { deviceName } = required("/lib/views.js");
  const phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) MicroMessenger/8.0.60";
  expect([`${phone} wechatdevtools`, phone, "curl"].map(deviceName)).toEqual([
    "微信开发者工具",
    "iPhone",
    "其他设备",
  ]);
  const elsewhere = await app.signIn("alice");
  await elsewhere.user.set({ user: { avatar: "https://pictures.example/alice.png", agent: "phone" } });
  const me = await show("profile");
  expect(me.text()).toMatch(/^未设置昵称 ID \d+/);
  me.send("naming", "submit", { value: { name: " 🍵 Alice " } });
  await shows(me).toMatch(/^🍵 Alice ID/);
  expect((await elsewhere.user.get({})).user).toMatchObject({
    name: "🍵 Alice",
    agent: "phone",
    avatar: "https://pictures.example/alice.png",
  });
  me.send("birthday", "change", { value: "1990-05-17" });
  await shows(me).toContain("生日 1990-05-17");
  me.tap("微信获取");
  await shows(me).toContain("手机号 13800138000");

  expect(me.text().match(/最近使用/g)).toHaveLength(2);
  me.tap("下线");
  await expect.poll(() => me.text().match(/最近使用/g)?.length).toBe(1);
  await expect(elsewhere.user.get({})).rejects.toThrow();

  me.tap("退出登录");
  await shows(me).toBe("微信登录");
  const orders = await show("orders");
  expect(orders.text()).toBe("尚未登录，请到“我的”登录 重试");

  const again = await show("profile");
  expect(again.text()).toBe("微信登录");
  again.tap("微信登录");
  await shows(again).toMatch(/^🍵 Alice ID/);
  expect((await show("orders")).text()).toBe("暂无订单");
});

test("the server is away and comes back: every page says so and recovers", async () => {
  await using app = await startApp();
  const { device, show } = await open(app);
  await show("orders");
  for (const [name, there] of [
    ["shop", "Longjing tea"],
    ["cinema", "正在上映"],
    ["orders", "暂无订单"],
    ["tickets", "暂无票"],
    ["profile", "登录设备"],
  ] as const) {
    device.online = false;
    const page = await show(name);
    await shows(page).toContain("连不上服务器，请检查网络后重试");
    device.online = true;
    page.tap("重试");
    await shows(page).toContain(there);
    device.online = false;
    await page.call("onPullDownRefresh");
    expect(page.text()).toContain("连不上服务器");
    device.online = true;
    await page.call("onPullDownRefresh");
    expect(page.text()).not.toContain("连不上服务器");
  }
});

test("away from this machine it signs in, scans and pays by WeChat itself", async () => {
  await using app = await startApp();
  // The same server by another name.
  const { device, show } = await open(app, { baseUrl: app.url.replace("127.0.0.1", "127.1") });
  device.paysAt = app.simulator;
  device.scanned = { result: "", path: "pages/cinema/cinema?scene=3" };
  const cinema = await show("cinema");
  cinema.tap("扫码");
  await shows(cinema).toContain("座位码 3");
  cinema.tap("选择");
  await shows(cinema).toContain("已选 1 部");
  cinema.tap("去支付");
  await expect.poll(() => device.toasts).toEqual(["支付成功"]);

  device.paysAt = "";
  cinema.tap("选择");
  await shows(cinema).toContain("已选 1 部");
  cinema.tap("去支付");
  await expect.poll(() => device.toasts.at(-1)).toBe("尚未支付");
  expect(device.questions).toEqual([]);
  const { tickets } = await (await app.signIn("wechat")).ticket.list({});
  expect(tickets).toMatchObject([{ seatNumber: "003" }, { seatNumber: "003" }]);
});
