import { expect, test } from "vitest";
import { startApp, type TestApp } from "../../app.ts";
import { atWechat, browse } from "../../services/hall-world.ts";

const page = "http://127.0.0.1:9999/play?from=menu#/start";

/** A client of the old system's: it knows the document's URLs and nothing else. */
async function oldClient(app: TestApp) {
  // biome-ignore lint/suspicious/noExplicitAny: what came is for the test to look at
  const ask = async (path: string, body?: object | string): Promise<any> => {
    const type = typeof body === "string" ? "application/x-www-form-urlencoded" : "application/json";
    const init = body && {
      method: "POST",
      headers: { "content-type": type },
      body: typeof body === "string" ? body : JSON.stringify(body),
    };
    const response = await fetch(`${app.url}${path}`, init || {});
    expect(response.status).toBe(200);
    return response.json();
  };
  const { data: token } = await ask("/service/1.0/access/token?appid=sandbox-partner&secret=sandbox");
  return (path: string, body?: object | string) =>
    ask(`${path}${path.includes("?") ? "&" : "?"}access_token=${token}`, body);
}

test("a partner of the old system's, from the sign-in to the order", async () => {
  await using app = await startApp();
  const ask = await oldClient(app);
  const form = `state=${encodeURIComponent(page)}`;
  const base = await ask("/service/wxoauth/2.0/getBaseUrl", form);
  expect(base).toEqual({ status: 200, redirect: expect.stringMatching(/#wechat_redirect$/) });
  expect((await ask("/service/wxoauth/2.0/getBaseUrl", { state: "https://evil.example/" })).status).toBe(
    40005,
  );

  const { location } = await browse(await atWechat(base.redirect, { name: "alice" }));
  expect(location).toMatch(/^http:\/\/127\.0\.0\.1:9999\/play\?from=menu&code=[\w-]{43}#\/start$/);
  const code = new URL(location ?? "").searchParams.get("code");
  const byCode = "/service/wxoauth/2.0/getOpenidByCode";
  expect(await ask(byCode, { code })).toEqual({ status: 200, openid: "sandbox_alice" });
  expect(await ask(byCode, { code })).toEqual({ status: 40005, errMsg: "code 已过期" });

  const openid = "sandbox_alice";
  const device = { openid, deviceno: "18964524000", channel: "1", from: "love flow" };
  expect(await ask("/service/weekBind/create", device)).toEqual({ data: "success", status: 200, info: 0 });
  const order = { ...device, traffic_package_name: "1G日包", transaction_date: "2016-10-14 08:40:34" };
  const reported = await ask("/service/flowOrders/create", order);
  expect(reported).toEqual({ data: expect.stringMatching(/^\d{18,}$/), status: 200, info: 0 });
  expect(await ask("/service/flowOrders/create", order)).toEqual(reported);
  expect(await ask("/service/flowOrders/create", { ...order, transaction_date: "2016-02-30" })).toEqual({
    data: "参数错误：transaction_date: there is no such day",
    status: 0,
    info: 0,
  });
  const stranger = { ...order, openid: "sandbox_bob" };
  expect(await ask("/service/flowOrders/create", stranger)).toMatchObject({ status: 0, info: 0 });

  const { result, flag } = await ask(`/service/1.0/userinfo?openid=${openid}`);
  expect(flag).toBe(0);
  const iso = expect.stringMatching(/^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  const time = expect.stringMatching(/^20\d\d-\d\d-\d\d \d\d:\d\d:\d\d$/);
  expect(result).toEqual({
    _id: expect.stringMatching(/^\d+$/),
    openid,
    nickname: "",
    headimg: "",
    __v: 0,
    updateAt: iso,
    createAt: iso,
    accounts: [
      {
        deviceno: "18964524000",
        devicename: "手机",
        bindtime: time,
        bindtdate: time,
        bpn: expect.stringMatching(/^\d+$/),
        sort: "1",
      },
    ],
  });

  const notice = {
    openid,
    first: "恭喜",
    activity: "老司机大比拼",
    prize: "玩偶",
    remark: "谢谢",
    url: page,
  };
  const send = "/service/1.0/sendPrizeNotice";
  expect(await ask(send, notice)).toEqual({ status: 200, result: "发送成功" });
  expect((await app.sim(`/sim/messages?openid=${openid}`)).messages).toHaveLength(1);
  await app.sim("/sim/fault", { path: "/cgi-bin/message/template/send", times: 1, status: 502 });
  expect(await ask(send, notice)).toEqual({ status: 40005, errMsg: "推送接口异常" });
  await app.sim("/sim/fault", { path: "/cgi-bin/message/template/send", times: 1, errcode: 43004 });
  expect(await ask(send, notice)).toEqual({ status: 0, result: "发送失败" });

  const alice = await app.signIn("alice");
  await alice.user.sendPhoneCode({ phone: "17717463317" });
  const sms = (await (await fetch(`${app.url}/sim/sms?phone=17717463317`)).json()) as { code: string };
  await alice.user.checkPhoneCode({ phone: "17717463317", code: sms.code });
  const { ticket } = await alice.hall.issueTicket({ appid: "sandbox-partner" });
  const byTicket = `/service/appOauthen/Ticket?ticket=${ticket}`;
  expect(await ask(byTicket)).toEqual({ errcode: 0, data: { mobile: "17717463317" } });
  expect(await ask(byTicket)).toMatchObject({ errcode: 1, data: "手机号码获取异常" });
});

test("a quota that is used up says when it begins anew", async () => {
  await using app = await startApp();
  const { secret } = await app.app.auth.apps.create({ appid: "small", role: "partner", quotaPerDay: 1 });
  const ask = async () =>
    (await fetch(`${app.url}/service/1.0/access/token?appid=small&secret=${secret}`)).json();
  expect(await ask()).toMatchObject({ status: 200 });
  expect(await ask()).toEqual({
    data: expect.stringMatching(
      /^今日获取access_token的次数已用完，北京时间20\d\d-\d\d-\d\d 00:00:00起重新计算$/,
    ),
    status: 0,
    info: 0,
  });
});
