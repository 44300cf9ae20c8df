import { getJsApiSignature } from "@wecom/crypto";
import { expect, test } from "vitest";
import { signPage } from "../../src/wechat/js-sdk.ts";
import { startSimulator } from "../../src/wechat/simulator/server.ts";
import { mapTokens, wechatAt } from "./client.ts";
import { failure, printed } from "./failure.ts";
import { answering } from "./host.ts";

/** https://developers.weixin.qq.com/doc/service/guide/h5/jssdk.html, appendix 1. */
const sample = {
  ticket: "sM4AOVdWfPE4DxkXGEs8VMCPGGVi4C3VM0P37wVUCFvkVAy_90u5h9nbSlYy3-Sl-HhTdfl2fzFy1AOcHKP7qg",
  nonceStr: "Wm3WZYTPz0wzccnW",
  timestamp: 1414587457,
  url: "http://mp.weixin.qq.com?params=value",
};

test("WeChat's sample", () => {
  expect(signPage(sample)).toBe("0f9de62fce790f9a083d5c99e95740ceb90c27ed");
});

test("the address counts without its fragment, and raw", () => {
  expect(signPage({ ...sample, url: `${sample.url}#/a?b#c` })).toBe(signPage(sample));
  const raw = { ...sample, url: "https://shop.test/%E7%8E%8B?a=1&b=x y#" };
  const { signature } = getJsApiSignature({ ...raw, url: "https://shop.test/%E7%8E%8B?a=1&b=x y" });
  expect(signPage(raw)).toBe(signature);
  expect(signPage({ ...sample, url: "http://mp.weixin.qq.com/?params=value" })).not.toBe(signPage(sample));
});

const clock = { ms: Date.UTC(2030, 0, 1) + 999, now: () => clock.ms };
const url = "https://shop.test/page?x=1#y";

test("with the simulator: one ticket, fetched once, signs every page with a nonce of its own", async () => {
  await using sim = await startSimulator({ port: 0, clock });
  const tokens = mapTokens(clock);
  const [one, other] = [wechatAt(sim.url, { clock, tokens }), wechatAt(sim.url, { clock, tokens })];
  const configs = await Promise.all([one.jsSdkConfig(url), one.jsSdkConfig(url), other.jsSdkConfig(url)]);
  const ticket = tokens.values.get("wechat jsapi_ticket wx5a4db0c500000000");
  expect(ticket?.version).toBe(1);
  for (const { appId, timestamp, nonceStr, signature } of configs) {
    expect([appId, timestamp]).toEqual(["wx5a4db0c500000000", Date.UTC(2030, 0, 1) / 1000]);
    expect(nonceStr).toMatch(/^[0-9a-f]{24}$/);
    expect(signature).toBe(signPage({ ticket: ticket?.value ?? "", nonceStr, timestamp, url }));
  }
  expect(new Set(configs.map(({ nonceStr }) => nonceStr)).size).toBe(3);
});

test("the ticket is renewed near its end", async () => {
  let tickets = 0;
  await using wx = await answering(({ path }) => {
    if (path === "/cgi-bin/stable_token") return { access_token: "t", expires_in: 7200 };
    tickets += 1;
    return { errcode: 0, errmsg: "ok", ticket: `ticket${tickets}`, expires_in: 7200 };
  });
  const wechat = wechatAt(wx.url, { clock });
  for (let i = 0; i < 5; i += 1) await wechat.jsSdkConfig(url);
  expect(tickets).toBe(1);
  expect(Object.fromEntries(wx.asked[1]?.query ?? [])).toEqual({ access_token: "t", type: "jsapi" });
  clock.ms += 7000_000;
  await wechat.jsSdkConfig(url);
  expect(tickets).toBe(2);
});

test("a refused access token is renewed for the ticket too", async () => {
  let tokens = 0;
  await using wx = await answering(({ path, query }) => {
    if (path === "/cgi-bin/stable_token") {
      tokens += 1;
      return { access_token: `t${tokens}`, expires_in: 7200 };
    }
    return query.get("access_token") === "t1"
      ? { errcode: 42001 }
      : { errcode: 0, ticket: "x", expires_in: 7200 };
  });
  await wechatAt(wx.url, { clock }).jsSdkConfig(url);
  expect(tokens).toBe(2);
});

test("a refusal and an answer without a ticket are told", async () => {
  let reply: object = { errcode: 48001, errmsg: "api unauthorized" };
  await using wx = await answering(({ path }) =>
    path === "/cgi-bin/stable_token" ? { access_token: "t0ken", expires_in: 7200 } : reply,
  );
  const wechat = wechatAt(wx.url, { clock });
  const error = await failure(wechat.jsSdkConfig(url));
  expect(error).toMatchObject({ reason: "WX_MISCONFIGURED", metadata: { errcode: "48001" } });
  expect(printed(error)).not.toContain("t0ken");
  reply = { errcode: 0, expires_in: 7200 };
  expect((await failure(wechat.jsSdkConfig(url))).reason).toBe("WX_UNAVAILABLE");
  expect((await failure(wechat.jsSdkConfig(url, AbortSignal.abort()))).reason).toBe("CALL_CANCELLED");
});
