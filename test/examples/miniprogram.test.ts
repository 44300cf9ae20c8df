import { afterEach, expect, test } from "vitest";
import { eventually, startApp, type TestApp } from "../app.ts";
import { createDevice } from "./miniprogram-device.ts";
import { startProgram } from "./miniprogram-host.ts";

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
  expect(shop.text()).not.toContain("basket");
  shop.send("t-stepper__plus", "tap");
  shop.send("t-stepper__plus", "tap");
  shop.send("t-stepper__plus", "tap", { nth: 5 });
  await shows(shop).toContain("3 in the basket ¥136.01");

  device.answer(true);
  shop.tap("Order and pay");
  shop.tap("Order and pay");
  await expect.poll(() => device.toasts).toEqual(["Paid"]);
  expect(device.questions).toEqual(["Simulate the payment?"]);
  await shows(shop).not.toContain("basket");
  const [path = ""] = device.visited;
  const order = await show("order", { id: path.replace("/pages/order/order?id=", "") });
  expect(order.text()).toMatch(/^Order \d+ Paid Ordered/);
  expect(order.text()).toContain("Longjing tea, 100 g × 2 ¥136.00 Sticker × 1 ¥0.01 Total ¥136.01");
  const { orders } = await (await app.signIn("alice")).order.list({});
  expect(orders).toHaveLength(1);
});

test("an order whose answer is lost is found again, not made twice", async () => {
  await using app = await startApp();
  const { device, show } = await open(app);
  const shop = await show("shop");
  shop.send("t-stepper__plus", "tap", { nth: 1 });
  await shows(shop).toContain("1 in the basket");
  device.loses = "/liveuser.Order/Create";
  shop.tap("Order and pay");
  await expect.poll(() => device.toasts).toEqual([expect.stringMatching(/^No answer from the server/)]);
  expect(shop.text()).toContain("1 in the basket");

  device.loses = "";
  device.answer(true);
  shop.tap("Order and pay");
  await expect.poll(() => device.toasts.at(-1)).toBe("Paid");
  const alice = await app.signIn("alice");
  expect((await alice.order.list({})).orders).toHaveLength(1);

  shop.send("t-stepper__plus", "tap", { nth: 1 });
  await shows(shop).toContain("1 in the basket");
  device.answer(false);
  shop.tap("Order and pay");
  await expect.poll(() => device.toasts.at(-1)).toBe("Not paid yet");
  expect((await alice.order.list({})).orders).toHaveLength(2);
});

test("a ticket: movies into the cart, a seat's code scanned, submitted, paid, and followed to the end", async () => {
  await using app = await startApp();
  const { device, show } = await open(app);
  const cinema = await show("cinema");
  await shows(cinema).toContain("No seat yet");
  cinema.tap("Add", 0);
  await shows(cinema).toContain("1 to watch ¥25.00");
  cinema.tap("Add", 0);
  await shows(cinema).toContain("2 to watch ¥55.00");
  cinema.tap("Get the ticket");
  await expect.poll(() => device.toasts).toEqual(["Scan the code at your seat first."]);

  device.answer(true, "https://example.com/menu");
  cinema.tap("Scan");
  await expect.poll(() => device.toasts.at(-1)).toBe("That is not a seat's code");
  device.answer(true, "7");
  cinema.tap("Scan");
  await shows(cinema).toContain("Seat code 7");
  cinema.send("move", "tap", { nth: 1 });
  await shows(cinema).toMatch(/Your cart Over the Glacier ¥30.00 Down to the Deep Sea ¥25.00/);

  device.answer(true);
  cinema.tap("Get the ticket");
  cinema.tap("Get the ticket");
  await expect.poll(() => device.visited).toEqual(["/pages/tickets/tickets"]);
  expect(device.toasts.at(-1)).toBe("Paid");
  expect(cinema.text()).not.toContain("Your cart");

  const tickets = await show("tickets");
  expect(tickets.text()).toBe(
    "Over the Glacier, Down to the Deep Sea Sandbox VR Cinema, Hall 1, seat 007 ¥55.00 Paid " +
      "Paid Ready Playing Seen The cinema gets it ready Report a problem",
  );
  const alice = await app.signIn("alice");
  const [ticket] = (await alice.ticket.list({})).tickets;
  const ticketId = ticket?.ticketId ?? 0n;
  await (await app.appWith("operator")).ticket.distribute({ ticketId });
  await shows(tickets).toContain("Ready at your seat");

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
  await shows(tickets).toContain("Played to the end");

  device.answer(true, "It flickered");
  tickets.tap("Report a problem");
  await expect.poll(() => device.toasts.at(-1)).toMatch(/^Thank you/);
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
  await shows(cinema).toContain("Seat code 12");
  for (const paid of [false, false]) {
    cinema.tap("Add");
    await shows(cinema).toContain("1 to watch");
    device.answer(paid);
    cinema.tap("Get the ticket");
    await shows(cinema).not.toContain("to watch");
    await expect.poll(() => cinema.data.busy).toBe(false);
  }
  expect(device.toasts).toEqual(["Not paid yet", "Not paid yet"]);

  const tickets = await show("tickets");
  expect(tickets.text().match(/seat 002 ¥25.00 To be paid/g)).toHaveLength(2);
  device.answer(true);
  tickets.tap("Cancel", 0);
  await shows(tickets).toContain("Cancelled");
  device.answer(true);
  tickets.tap("Pay");
  await shows(tickets).toContain("The cinema gets it ready");
  expect((await alice.cart.get({})).movieIds).toEqual(["deep-sea"]);
  await cinema.call("onShow");
  await shows(cinema).toContain("1 to watch");
});

test("a seat's mini-program code opens the cinema with its scene", async () => {
  await using app = await startApp();
  const { show, required } = await open(app);
  expect((await show("cinema", { scene: "menu" })).text()).toContain("No seat yet");
  expect((await show("cinema", { scene: "9" })).text()).toContain("Seat code 9");
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
  expect(list.text().match(/¥39.00 To be paid/g)).toHaveLength(20);
  await list.call("onReachBottom");
  expect(list.text().match(/¥39.00 To be paid/g)).toHaveLength(21);
  await list.call("onReachBottom");
  expect(device.sent.filter((path) => path === "/liveuser.Order/List")).toHaveLength(2);

  const [first, second] = (await alice.order.list({})).orders;
  let order = await show("order", { id: `${first?.id}` });
  device.answer(false);
  order.tap("Cancel the order");
  await expect.poll(() => device.questions).toEqual(["Cancel this order?"]);
  device.answer(true);
  await expect.poll(() => order.data.busy).toBe(false);
  order.tap("Cancel the order");
  await shows(order).toMatch(/^Order \d+ Cancelled/);
  expect(order.text()).not.toContain("Pay ¥39.00");

  order = await show("order", { id: `${second?.id}` });
  device.answer(true);
  order.tap("Pay ¥39.00");
  await shows(order).toContain("Ask for the money back");
  device.answer(true);
  order.tap("Ask for the money back");
  await shows(order).toMatch(/^Order \d+ Refund on its way/);
  const { refunds } = await app.sim("/sim/refunds");
  await app.sim(`/sim/refund/${refunds[0].out_refund_no}`, {});
  await shows(order).toMatch(/^Order \d+ Refunded/);
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
  order.tap("Cancel the order");
  await expect.poll(() => device.toasts).toEqual(["That can't be done: the order is paid."]);
  const missing = await show("order", { id: "1" });
  expect(missing.text()).toContain("There is no such order.");
});

test("me: name, birthday and phone; other devices signed out; out and in again", async () => {
  await using app = await startApp();
  const { show } = await open(app);
  const elsewhere = await app.signIn("alice");
  const me = await show("profile");
  expect(me.text()).toMatch(/^\? No name yet Number \d+/);
  me.send("field", "blur", { value: " Alice " });
  await shows(me).toContain("A Alice Number");
  me.send("birthday", "change", { value: "1990-05-17" });
  await shows(me).toContain("Birthday 1990-05-17");
  me.tap("Take from WeChat");
  await shows(me).toContain("Phone 13800138000");

  expect(me.text().match(/Last used/g)).toHaveLength(2);
  me.tap("Sign out", 0);
  await expect.poll(() => me.text().match(/Last used/g)?.length).toBe(1);
  await expect(elsewhere.user.get({})).rejects.toThrow();

  me.tap("Sign out");
  await shows(me).toBe("Sign in with WeChat");
  const orders = await show("orders");
  expect(orders.text()).toBe("You are signed out. Sign in under Me. Try again");

  const again = await show("profile");
  expect(again.text()).toBe("Sign in with WeChat");
  again.tap("Sign in with WeChat");
  await shows(again).toContain("A Alice Number");
  expect((await show("orders")).text()).toBe("No orders yet");
});

test("the server is away and comes back: every page says so and recovers", async () => {
  await using app = await startApp();
  const { device, show } = await open(app);
  await show("orders");
  for (const [name, there] of [
    ["shop", "Longjing tea"],
    ["cinema", "On now"],
    ["orders", "No orders yet"],
    ["tickets", "No tickets yet"],
    ["profile", "Signed in on"],
  ] as const) {
    device.online = false;
    const page = await show(name);
    await shows(page).toContain("No answer from the server. Check the network and try again.");
    device.online = true;
    page.tap("Try again");
    await shows(page).toContain(there);
    device.online = false;
    await page.call("onPullDownRefresh");
    expect(page.text()).toContain("No answer from the server");
    device.online = true;
    await page.call("onPullDownRefresh");
    expect(page.text()).not.toContain("No answer from the server");
  }
});

test("away from this machine it signs in, scans and pays by WeChat itself", async () => {
  await using app = await startApp();
  // The same server by another name.
  const { device, show } = await open(app, { baseUrl: app.url.replace("127.0.0.1", "127.1") });
  device.paysAt = app.simulator;
  device.scanned = { result: "", path: "pages/cinema/cinema?scene=3" };
  const cinema = await show("cinema");
  cinema.tap("Scan");
  await shows(cinema).toContain("Seat code 3");
  cinema.tap("Add");
  await shows(cinema).toContain("1 to watch");
  cinema.tap("Get the ticket");
  await expect.poll(() => device.toasts).toEqual(["Paid"]);

  device.paysAt = "";
  cinema.tap("Add");
  await shows(cinema).toContain("1 to watch");
  cinema.tap("Get the ticket");
  await expect.poll(() => device.toasts.at(-1)).toBe("Not paid yet");
  expect(device.questions).toEqual([]);
  const { tickets } = await (await app.signIn("wechat")).ticket.list({});
  expect(tickets).toMatchObject([{ seatNumber: "003" }, { seatNumber: "003" }]);
});
