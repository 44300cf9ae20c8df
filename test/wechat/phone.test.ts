import { expect, test } from "vitest";
import { startSimulator } from "../../src/wechat/simulator/server.ts";
import { wechatAt } from "./client.ts";
import { failure, printed } from "./failure.ts";
import { answering } from "./host.ts";

const stable = "/cgi-bin/stable_token";
const path = "/wxa/business/getuserphonenumber";
const numbers = { phoneNumber: "+8613812345678", purePhoneNumber: "13812345678", countryCode: "86" };

function wechatWith(answer: unknown) {
  return answering(({ path }) => (path === stable ? { access_token: "t0ken", expires_in: 7200 } : answer));
}

test("a code gives the number", async () => {
  await using wx = await wechatWith({ errcode: 0, errmsg: "ok", phone_info: { ...numbers, watermark: {} } });
  expect(await wechatAt(wx.url).phoneNumber({ code: "c1" })).toEqual(numbers);
  expect(wx.asked[1]).toMatchObject({ method: "POST", path, body: { code: "c1" } });
});

test("with the simulator: a code works once", async () => {
  await using sim = await startSimulator({ port: 0 });
  const wechat = wechatAt(sim.url);
  const minted = await fetch(`${sim.url}/sim/phone-code`, {
    method: "POST",
    body: JSON.stringify({ openid: "sandbox_alice", phone: "13900000001" }),
  });
  const { code } = (await minted.json()) as { code: string };
  expect(await wechat.phoneNumber({ code })).toEqual({
    phoneNumber: "13900000001",
    purePhoneNumber: "13900000001",
    countryCode: "86",
  });
  expect((await failure(wechat.phoneNumber({ code }))).reason).toBe("WX_CODE_USED");
  expect((await failure(wechat.phoneNumber({ code: "nonsense" }))).reason).toBe("WX_CODE_INVALID");
});

test.for([
  [40029, "WX_CODE_INVALID"],
  [40163, "WX_CODE_USED"],
  [41008, "WX_CODE_INVALID"],
  [45011, "RATE_LIMITED"],
  [-1, "WX_UNAVAILABLE"],
] as const)(
  "errcode %i is %s; neither code nor token is shown, and nothing repeated",
  async ([errcode, reason]) => {
    await using wx = await answering(({ path, body, query }) =>
      path === stable
        ? { access_token: "t0ken", expires_in: 7200 }
        : { errcode, errmsg: `bad ${body.code} ${query}, rid: 65a-b-c` },
    );
    const error = await failure(wechatAt(wx.url).phoneNumber({ code: "ph0ne-c0de" }));
    expect(error).toMatchObject({ reason, metadata: { errcode: `${errcode}` } });
    expect((error.cause as Error).message).toMatch(/rid: 65a-b-c$/);
    for (const value of ["ph0ne-c0de", "t0ken"]) expect(printed(error)).not.toContain(value);
    expect(wx.paths()).toEqual([stable, path]);
  },
);

test.for([
  {},
  { phone_info: null },
  { phone_info: "13812345678" },
  { phone_info: { ...numbers, countryCode: 86 } },
  { phone_info: { ...numbers, purePhoneNumber: "" } },
])("the answer %j is WX_UNAVAILABLE", async (answer) => {
  await using wx = await wechatWith({ errcode: 0, ...answer });
  const error = await failure(wechatAt(wx.url).phoneNumber({ code: "c1" }));
  expect(error.reason).toBe("WX_UNAVAILABLE");
  expect(printed(error)).not.toContain("13812345678");
});
