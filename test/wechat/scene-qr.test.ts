import { expect, test } from "vitest";
import { startSimulator } from "../../src/wechat/simulator/server.ts";
import { wechatAt } from "./client.ts";
import { failure } from "./failure.ts";
import { answering } from "./host.ts";

const stable = "/cgi-bin/stable_token";
const path = "/cgi-bin/qrcode/create";
const code = { ticket: "gQ/+=", url: "http://weixin.qq.com/q/x" };

function wechatWith(answer: unknown) {
  return answering(({ path }) => (path === stable ? { access_token: "t", expires_in: 7200 } : answer));
}

test("a code that runs out", async () => {
  await using wx = await wechatWith({ ...code, expire_seconds: 2592000 });
  const scene = { sceneId: 4294967295, expireSeconds: 2592000 };
  expect(await wechatAt(wx.url).createSceneQr(scene)).toEqual({ ...code, expireSeconds: 2592000 });
  expect(wx.asked[1]).toMatchObject({ method: "POST", path });
  expect(wx.asked[1]?.body).toEqual({
    action_name: "QR_SCENE",
    expire_seconds: 2592000,
    action_info: { scene: { scene_id: 4294967295 } },
  });
});

test("a code that does not run out", async () => {
  await using wx = await wechatWith(code);
  const wechat = wechatAt(wx.url);
  expect(await wechat.createSceneQr({ sceneId: 100_000, expireSeconds: 0 })).toEqual({
    ...code,
    expireSeconds: 0,
  });
  expect(wx.asked[1]?.body).toEqual({
    action_name: "QR_LIMIT_SCENE",
    action_info: { scene: { scene_id: 100_000 } },
  });
  const error = await failure(wechat.createSceneQr({ sceneId: 100_001, expireSeconds: 0 }));
  expect(error.reason).toBe("INVALID_REQUEST");
  expect(error.violations[0]?.field).toBe("scene_id");
  expect(wx.counted.requests).toBe(2);
});

test.for([
  { url: "u", expire_seconds: 60 },
  { ticket: "t", expire_seconds: 60 },
  { ticket: "t", url: "u" },
])("the answer %j is WX_UNAVAILABLE", async (answer) => {
  await using wx = await wechatWith(answer);
  const error = await failure(wechatAt(wx.url).createSceneQr({ sceneId: 1, expireSeconds: 60 }));
  expect(error.reason).toBe("WX_UNAVAILABLE");
});

test("with the simulator: both kinds", async () => {
  await using sim = await startSimulator({ port: 0 });
  const wechat = wechatAt(sim.url);
  for (const expireSeconds of [0, 60]) {
    const { ticket, ...made } = await wechat.createSceneQr({ sceneId: 7, expireSeconds });
    expect(made).toEqual({ expireSeconds, url: expect.stringMatching(/^http/) });
    const shown = await fetch(`${sim.url}/cgi-bin/showqrcode?ticket=${encodeURIComponent(ticket)}`);
    expect(shown.status).toBe(200);
  }
});
