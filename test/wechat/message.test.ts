import { expect, test } from "vitest";
import { startSimulator } from "../../src/wechat/simulator/server.ts";
import { wechatAt } from "./client.ts";
import { failure, printed } from "./failure.ts";
import { type Asked, answering } from "./host.ts";

const stable = "/cgi-bin/stable_token";
const template = "/cgi-bin/message/template/send";
const subscription = "/cgi-bin/message/subscribe/send";
const message = {
  openid: "o6zAJs_alice",
  templateId: "template-1",
  url: "https://shop.test/orders/7",
  data: { thing1: '茶 "x" 😀', number2: "7" },
};

function wechatWith(answer: (asked: Asked) => unknown) {
  return answering((asked) =>
    asked.path === stable ? { access_token: "t0ken", expires_in: 7200 } : answer(asked),
  );
}

test("a template message, and its number, which may have 64 bits", async () => {
  await using wx = await wechatWith(() => '{"errcode":0,"errmsg":"ok","msgid":1842467788996542470}');
  expect(await wechatAt(wx.url).sendTemplate(message)).toBe("1842467788996542470");
  expect(wx.asked[1]).toMatchObject({
    method: "POST",
    path: template,
    body: {
      touser: "o6zAJs_alice",
      template_id: "template-1",
      url: "https://shop.test/orders/7",
      data: { thing1: { value: '茶 "x" 😀' }, number2: { value: "7" } },
    },
  });
});

test.for([
  ['{"errcode":0,"msgid":200228332}', "200228332"],
  ['{"errcode":0,"msgid":"18"}', "18"],
  ['{"errcode":0}', ""],
] as const)("the answer %s has the number %j", async ([answer, id]) => {
  await using wx = await wechatWith(() => answer);
  expect(await wechatAt(wx.url).sendTemplate(message)).toBe(id);
});

test("a subscription message names a page; an empty one is left out", async () => {
  await using wx = await wechatWith(() => ({ errcode: 0, errmsg: "ok" }));
  const wechat = wechatAt(wx.url);
  expect(await wechat.sendSubscription({ ...message, url: "pages/order?id=7" })).toBeUndefined();
  await wechat.sendSubscription({ ...message, url: "" });
  await wechat.sendTemplate({ ...message, url: "" });
  const [first, second, third] = wx.asked.slice(1);
  expect(first).toMatchObject({ path: subscription, body: { page: "pages/order?id=7" } });
  for (const asked of [second, third]) {
    expect(Object.keys(asked?.body ?? {}).sort()).toEqual(["data", "template_id", "touser"]);
  }
});

const senders = ["sendTemplate", "sendSubscription"] as const;

for (const send of senders) {
  test.for([40003, 40037, 41030, 43004, 43101, 47003])(
    `${send}: errcode %i is WX_MESSAGE_REFUSED`,
    async (errcode) => {
      await using wx = await wechatWith(({ body }) => ({
        errcode,
        errmsg: `argument invalid! ${JSON.stringify(body)}, rid: 65a-b-c`,
      }));
      const error = await failure(wechatAt(wx.url)[send](message));
      expect(error).toMatchObject({ reason: "WX_MESSAGE_REFUSED", metadata: { errcode: `${errcode}` } });
      expect((error.cause as Error).message).toMatch(/, rid: 65a-b-c$/);
      for (const value of ["t0ken", "o6zAJs_alice", "茶"]) expect(printed(error)).not.toContain(value);
      expect(wx.counted.requests).toBe(2);
    },
  );

  test.for([
    ["a broken connection", undefined],
    ["no JSON", "<html>"],
    ["no errcode", {}],
    ["system busy", { errcode: -1 }],
  ] as const)(`${send}: %s is WX_UNAVAILABLE, and never sent again`, async ([, answer]) => {
    await using wx = await wechatWith(() => answer);
    expect((await failure(wechatAt(wx.url)[send](message))).reason).toBe("WX_UNAVAILABLE");
    expect(wx.counted.requests).toBe(2);
  });

  test(`${send}: a time-out is WX_UNAVAILABLE, and never sent again`, async () => {
    const never = new Promise(() => {});
    await using wx = await wechatWith(() => never);
    const error = await failure(wechatAt(wx.url, { timeoutMs: 100 })[send](message));
    expect(error.reason).toBe("WX_UNAVAILABLE");
    expect((error.cause as Error).message).toContain("no answer within 100 ms");
    expect(wx.counted.requests).toBe(2);
  });

  test(`${send}: a message that met a token over was not sent, and is sent with the next`, async () => {
    let tokens = 0;
    await using wx = await answering(({ path, query }) => {
      if (path !== stable) return query.get("access_token") === "t1" ? { errcode: 42001 } : { errcode: 0 };
      tokens += 1;
      return { access_token: `t${tokens}`, expires_in: 7200 };
    });
    await wechatAt(wx.url)[send](message);
    expect(wx.counted.requests).toBe(4);
  });

  test(`${send}: the caller's end is told as such`, async () => {
    const caller = new AbortController();
    await using wx = await wechatWith(() => {
      caller.abort();
      return new Promise(() => {});
    });
    const error = await failure(wechatAt(wx.url)[send]({ ...message, signal: caller.signal }));
    expect(error.reason).toBe("CALL_CANCELLED");
    expect(wx.counted.requests).toBe(2);
  });
}

test("with the simulator: both kinds arrive once", async () => {
  await using sim = await startSimulator({ port: 0 });
  const wechat = wechatAt(sim.url);
  await wechat.code2Session({ code: "dev:alice" });
  const to = { ...message, openid: "sandbox_alice", data: { thing1: "tea" } };
  const id = await wechat.sendTemplate(to);
  await wechat.sendSubscription({ ...to, url: "pages/index" });
  const listed = await fetch(`${sim.url}/sim/messages?openid=sandbox_alice`);
  const { messages } = (await listed.json()) as { messages: object[] };
  expect(messages).toMatchObject([
    { msgid: Number(id), kind: "template", url: to.url, data: { thing1: { value: "tea" } } },
    { url: "pages/index", data: { thing1: { value: "tea" } } },
  ]);
  expect((await failure(wechat.sendTemplate({ ...to, openid: "nobody" }))).metadata.errcode).toBe("40003");
});
