import { expect, test } from "vitest";
import { appid, standingClock, start } from "./start.ts";

const phonePath = "/wxa/business/getuserphonenumber";
const template = "/cgi-bin/message/template/send";
const subscribe = "/cgi-bin/message/subscribe/send";
const right = { touser: "sandbox_alice", template_id: "order_paid", data: { thing1: { value: "Tea" } } };

async function started() {
  const clock = standingClock();
  const sim = await start({ clock });
  const access_token = await sim.token();
  const send = (path: string, more: object = {}) => sim.post(path, { ...right, ...more }, { access_token });
  const phone = (code: unknown) => sim.post(phonePath, { code }, { access_token });
  return { ...sim, clock, send, phone };
}

test("a phone code works once, for five minutes", async () => {
  await using sim = await started();
  const minted = async (more = {}) =>
    (await sim.post("/sim/phone-code", { openid: "sandbox_alice", ...more })).code as string;
  const code = await minted({ phone: "13912345678" });
  expect(await sim.phone(code)).toEqual({
    http: 200,
    errcode: 0,
    errmsg: "ok",
    phone_info: {
      phoneNumber: "13912345678",
      purePhoneNumber: "13912345678",
      countryCode: "86",
      watermark: { timestamp: sim.clock.now() / 1000, appid },
    },
  });
  expect((await sim.phone(code)).errcode).toBe(40163);
  const late = await minted();
  sim.clock.pass(5 * 60_000);
  expect((await sim.phone(late)).errcode).toBe(40029);
});

test("a person keeps their number, and dev:<number> is any", async () => {
  await using sim = await started();
  const ask = async (openid: string) =>
    (await sim.phone((await sim.post("/sim/phone-code", { openid })).code)).phone_info;
  expect(await ask("sandbox_alice")).toEqual(await ask("sandbox_alice"));
  expect(await ask("sandbox_alice")).not.toEqual(await ask("sandbox_bob"));
  for (let i = 0; i < 2; i += 1) {
    expect((await sim.phone("dev:13800138000")).phone_info).toMatchObject({ purePhoneNumber: "13800138000" });
  }
  expect((await sim.phone("dev:1380013800")).errcode).toBe(40029);
  expect((await sim.phone("dev:alice")).errcode).toBe(40029);
  expect((await sim.phone(7)).errcode).toBe(40029);
  expect((await sim.phone("")).errcode).toBe(41008);
  const { code } = await sim.post("/sim/code", { openid: "sandbox_alice" });
  expect((await sim.phone(code)).errcode).toBe(40029);
  expect((await sim.post("/sim/phone-code", { openid: "a", phone: "139" })).http).toBe(400);
});

test("what was sent is listed, per person", async () => {
  await using sim = await started();
  const url = "https://shop.example/orders/7";
  const first = await sim.send(template, { url });
  expect(first).toMatchObject({ errcode: 0, errmsg: "ok", msgid: expect.any(Number) });
  const second = await sim.send(subscribe, { page: "pages/order/index?id=7" });
  await sim.send(template, { touser: "sandbox_bob" });
  const sent_at = sim.clock.now() / 1000;
  const { template_id, data, touser: openid } = right;
  expect((await sim.get("/sim/messages", { openid })).messages).toEqual([
    { msgid: first.msgid, kind: "template", openid, template_id, url, data, sent_at },
    {
      ...{ msgid: second.msgid, kind: "subscribe", openid, template_id, data, sent_at },
      url: "pages/order/index?id=7",
    },
  ]);
  expect((await sim.get("/sim/messages")).messages).toHaveLength(3);
  expect((await sim.get("/sim/messages", { openid: "nobody" })).messages).toEqual([]);
});

test.for([
  [template, { touser: "nobody" }, 40003],
  [template, { touser: 7 }, 40003],
  [template, { template_id: "short" }, 40037],
  [template, { template_id: "order paid" }, 40037],
  [template, { template_id: undefined }, 40037],
  [template, { data: {} }, 47003],
  [template, { data: undefined }, 47003],
  [template, { data: { first: "Tea" } }, 47003],
  [template, { data: { first: { value: "" } } }, 47003],
  [template, { data: { constructor: { value: true } } }, 47003],
  [subscribe, { data: { thing1: { value: "x".repeat(21) } } }, 47003],
  [subscribe, { data: { number2: { value: "seven" } } }, 47003],
  [subscribe, { page: "/pages/order" }, 41030],
  [subscribe, { page: "https://shop.example/" }, 41030],
] as const)("%s with %j is answered %i, and nothing is sent", async ([path, more, errcode]) => {
  await using sim = await started();
  expect(await sim.send(path, more)).toMatchObject({ http: 200, errcode });
  expect((await sim.get("/sim/messages")).messages).toEqual([]);
});

test("47003 names the value that does not fit", async () => {
  await using sim = await started();
  const data = { thing1: { value: "Tea" }, phrase3: { value: "one two three" } };
  const { errmsg } = await sim.send(subscribe, { data });
  expect(errmsg).toMatch(/^argument invalid! data\.phrase3\.value invalid, rid: /);
});

test("any openid that was seen can be written to", async () => {
  await using sim = await started();
  await sim.post("/sim/code", { openid: "o6zAJs_alice" });
  expect((await sim.send(template, { touser: "o6zAJs_alice" })).errcode).toBe(0);
});

test("a refused subscription is answered 43101, for that template, until it is accepted", async () => {
  await using sim = await started();
  const decide = (accept: unknown) =>
    sim.post("/sim/subscription", { openid: "sandbox_alice", template_id: "order_paid", accept });
  expect(await decide(false)).toMatchObject({ http: 200, accept: false });
  expect((await sim.send(subscribe)).errcode).toBe(43101);
  expect((await sim.send(subscribe, { template_id: "order_sent" })).errcode).toBe(0);
  expect((await sim.send(subscribe, { touser: "sandbox_bob" })).errcode).toBe(0);
  expect((await sim.send(template)).errcode).toBe(0);
  await decide(true);
  expect((await sim.send(subscribe)).errcode).toBe(0);
  expect((await decide("yes")).http).toBe(400);
});
