import fc from "fast-check";
import { expect, test } from "vitest";
import { Hall } from "../../../gen/liveuser/hall_pb.ts";
import { AppError, type Reason } from "../../../src/errors.ts";
import { hall as hallOf } from "../../../src/http/dialects/hall.ts";
import { methodsOf } from "../../../src/http/dialects/table.ts";
import { form, json, startDialect } from "./kit.ts";

// 08:40:34 in China.
const hall = hallOf({ clock: { now: () => Date.UTC(2016, 9, 14, 0, 40, 34) } });
const openid = "oKXUCj1Fp4fNnb99liSkslcM_D-X";

const user = {
  id: "575",
  openId: openid,
  nickname: "xx",
  headImage: "http://wx.qlogo.cn/mmopen/a/0",
  createdAt: BigInt(Date.UTC(2016, 8, 28, 5, 16, 0, 804)),
  updatedAt: BigInt(Date.UTC(2016, 8, 28, 5, 17, 0, 804)),
  accounts: [
    ["62306600", "landline", "92125567729"],
    ["18964524000", "mobile", "82537753581"],
    ["1", "天翼宽带", "7"],
  ].map(([deviceNo, deviceName, bpn]) => ({
    deviceNo,
    deviceName,
    bpn,
    boundAt: BigInt(Date.UTC(2016, 4, 27, 3, 4, 36)),
  })),
};

const redirect =
  "https://open.weixin.qq.com/connect/oauth2/authorize?appid=wx1b0d10b65d395395&redirect_uri=http%3A%2F%2Fm.sh.189.cn%2Fservice%2Fwxoauth%2F2.0%2Fwxcode&response_type=code&scope=snsapi_base&state=key#wechat_redirect";

test("each URL asks its RPC and answers as the document says", async () => {
  await using app = await startDialect(hall, [
    [Hall.method.token, { accessToken: "=jLdmlnLUyr", expiresIn: 7200, expiry: 1n }],
    [Hall.method.authorizeUrl, { redirect }],
    [Hall.method.openidByCode, { openId: openid }],
    [Hall.method.getUser, { user }],
    [Hall.method.sendPrizeNotice, { messageId: "1" }],
    [Hall.method.reportOrder, { orderNo: "20161014123" }],
    [Hall.method.mobileByTicket, { mobile: "17717463317" }],
  ]);
  const asked = async (target: string, init: RequestInit = {}) => {
    const separator = target.includes("?") ? "&" : "?";
    const answer = await app.ask(`${target}${separator}access_token=partner`, init);
    const { $typeName, ...request } = app.request;
    return { status: answer.status, body: answer.body, rpc: $typeName, request };
  };

  expect(await asked("/service/1.0/access/token?appid=APPID&secret=SECRET")).toEqual({
    status: 200,
    body: { data: "=jLdmlnLUyr", status: 200, info: 0 },
    rpc: "liveuser.HallTokenRequest",
    request: { appid: "APPID", secret: "SECRET" },
  });
  const page = "http://m.sh.189.cn/service/wxoauth/2.0/index";
  const base = {
    status: 200,
    body: { status: 200, redirect },
    rpc: "liveuser.HallAuthorizeUrlRequest",
    request: { state: page },
  };
  const getBaseUrl = "POST /service/wxoauth/2.0/getBaseUrl";
  expect(await asked(getBaseUrl, json({ state: page }))).toEqual(base);
  expect(await asked(getBaseUrl, form(`state=${encodeURIComponent(page)}`))).toEqual(base);
  expect(await asked(`${getBaseUrl}?state=${encodeURIComponent(page)}`)).toEqual(base);
  const code = "NTc1ZmFmNGIwODYxM2U3YjZkOTE3ZWUz";
  for (const init of [json({ code }), form(`code=${code}`)]) {
    expect(await asked("POST /service/wxoauth/2.0/getOpenidByCode", init)).toEqual({
      status: 200,
      body: { status: 200, openid },
      rpc: "liveuser.HallOpenidByCodeRequest",
      request: { code },
    });
  }
  const bound = { bindtime: "2016-05-27 11:04:36", bindtdate: "2016-05-27 11:04:36", sort: "1" };
  expect(await asked(`/service/1.0/userinfo?openid=${openid}`)).toEqual({
    status: 200,
    body: {
      result: {
        _id: "575",
        openid,
        nickname: "xx",
        headimg: "http://wx.qlogo.cn/mmopen/a/0",
        __v: 0,
        updateAt: "2016-09-28T05:17:00.804Z",
        createAt: "2016-09-28T05:16:00.804Z",
        accounts: [
          { deviceno: "62306600", devicename: "固话", bpn: "92125567729", ...bound },
          { deviceno: "18964524000", devicename: "手机", bpn: "82537753581", ...bound },
          { deviceno: "1", devicename: "天翼宽带", bpn: "7", ...bound },
        ],
      },
      flag: 0,
    },
    rpc: "liveuser.HallGetUserRequest",
    request: { openId: openid },
  });
  const notice = {
    first: "亲爱的老司机，您的游戏积分已经排在全国前十名。",
    activity: "老司机大比拼",
    prize: "限量精美玩偶一个",
    remark: "获奖者：17717500243",
    url: "http://m.sh.189.cn/prize",
  };
  for (const init of [json({ openid, ...notice }), form(`${new URLSearchParams({ openid, ...notice })}`)]) {
    expect(await asked("POST /service/1.0/sendPrizeNotice", init)).toEqual({
      status: 200,
      body: { status: 200, result: "发送成功" },
      rpc: "liveuser.HallSendPrizeNoticeRequest",
      request: { openId: openid, ...notice },
    });
  }
  const reported = { openid, deviceno: "18964524000", channel: "1", from: "love flow" };
  const device = { openId: openid, deviceNo: "18964524000", channel: "1", from: "love flow" };
  const place = { operators: "电信", qcellcore: "上海" };
  expect(await asked("POST /service/weekBind/create", json({ ...reported, ...place }))).toEqual({
    status: 200,
    body: { data: "success", status: 200, info: 0 },
    rpc: "liveuser.HallBindRequest",
    request: { ...device, ...place },
  });
  // A number of a device that is sent as one.
  expect(await asked("POST /service/weekBind/create", json({ openid, deviceno: 18964524000 }))).toMatchObject(
    {
      request: { deviceNo: "18964524000", channel: "", from: "" },
    },
  );
  const bought = { traffic_package_name: "1G日包", transaction_date: "2016-10-14" };
  expect(await asked("POST /service/flowOrders/create", json({ ...reported, ...bought }))).toEqual({
    status: 200,
    body: { data: "20161014123", status: 200, info: 0 },
    rpc: "liveuser.HallReportOrderRequest",
    request: { ...device, trafficPackageName: "1G日包", transactionDate: "2016-10-14" },
  });
  expect(await asked("/service/appOauthen/Ticket?ticket=T-1")).toEqual({
    status: 200,
    body: { errcode: 0, data: { mobile: "17717463317" } },
    rpc: "liveuser.HallMobileByTicketRequest",
    request: { ticket: "T-1" },
  });
});

/** The URLs with requests that nothing is wrong with. */
const calls = {
  token: ["/service/1.0/access/token?appid=a&secret=s"],
  base: ["POST /service/wxoauth/2.0/getBaseUrl", json({ state: "https://a.example/" })],
  openid: ["POST /service/wxoauth/2.0/getOpenidByCode", json({ code: "c" })],
  user: ["/service/1.0/userinfo?openid=o"],
  notice: ["POST /service/1.0/sendPrizeNotice", json({ openid: "o", prize: "p" })],
  bind: ["POST /service/weekBind/create", json({ openid: "o", deviceno: "1" })],
  order: ["POST /service/flowOrders/create", json({ openid: "o", deviceno: "1", traffic_package_name: "p" })],
  ticket: ["/service/appOauthen/Ticket?ticket=t"],
} satisfies Record<string, [string, RequestInit?]>;

const withToken = (target: string, token = "partner") =>
  `${target}${target.includes("?") ? "&" : "?"}access_token=${token}`;

test("failures have the document's shapes", async () => {
  const missing = (name: string) => ({ status: 40005, errMsg: `${name}必须给出` });
  const data = (text: string) => ({ data: text, status: 0, info: 0 });
  const broken = { status: 40005, errMsg: "接口异常，请稍后再试" };
  for (const [name, reason, body] of [
    ["token", "APP_CREDENTIALS_INVALID", data("appid或secret错误")],
    ["token", "RATE_LIMITED", data("调用过于频繁，请稍后再试")],
    ["base", "WX_PAGE_NOT_ALLOWED", { status: 40005, errMsg: "页面不在允许的列表中" }],
    ["base", "INTERNAL", broken],
    ["openid", "HALL_CODE_INVALID", { status: 40005, errMsg: "code 已过期" }],
    ["openid", "UNAVAILABLE", broken],
    ["user", "OPENID_UNKNOWN", { flag: 1, status: 40005, errMsg: "openid不存在或未授权" }],
    ["user", "UNAVAILABLE", { flag: 1, ...broken }],
    ["notice", "OPENID_UNKNOWN", { status: 0, result: "发送失败" }],
    ["notice", "WX_MESSAGE_REFUSED", { status: 0, result: "发送失败" }],
    ["notice", "WX_UNAVAILABLE", { status: 40005, errMsg: "推送接口异常" }],
    ["notice", "WX_MISCONFIGURED", { status: 40005, errMsg: "推送接口异常" }],
    ["notice", "INTERNAL", { status: 40005, errMsg: "推送接口异常" }],
    ["notice", "WX_PAGE_NOT_ALLOWED", { status: 40005, errMsg: "页面不在允许的列表中" }],
    ["bind", "OPENID_UNKNOWN", data("openid不存在或未授权")],
    ["bind", "BINDINGS_FULL", data("该openid绑定的设备已达上限")],
    ["bind", "UNAVAILABLE", data("接口异常，请稍后再试")],
    ["order", "OPENID_UNKNOWN", data("openid不存在或未授权")],
    ["ticket", "UNAVAILABLE", broken],
    [
      "ticket",
      "HALL_TICKET_INVALID",
      {
        errcode: 1,
        data: "手机号码获取异常",
        msg: {
          CAPRoot: {
            SessionHeader: [
              {
                TransactionID: [expect.stringMatching(/./)],
                ActionCode: ["1"],
                RspTime: ["20161014084034"],
                Response: [{ RspType: ["1"], RspCode: ["1992"], RspDesc: ["ticket无效、已使用或已过期!"] }],
              },
            ],
          },
        },
      },
    ],
  ] as const) {
    const methods = Object.values(Hall.method).map((method) => [method, reason] as const);
    await using app = await startDialect(hall, methods);
    const [target, init] = calls[name] as [string, RequestInit?];
    const answer = await app.ask(withToken(target), init);
    expect([answer.status, answer.body], `${name} ${reason}`).toEqual([200, body]);
    const session = answer.body.msg?.CAPRoot.SessionHeader[0];
    if (session) expect(session.TransactionID[0]).toBe(answer.headers.get("x-request-id"));
  }

  await using app = await startDialect(hall);
  const answerTo = async (target: string, init?: RequestInit) => {
    const { status, body } = await app.ask(target, init);
    return [status, body];
  };
  for (const token of ["", "wrong", "alice"]) {
    const refused = { status: 0, errMsg: "access_token校验异常" };
    for (const [name, body] of [
      ["base", refused],
      ["openid", refused],
      ["user", { flag: 1, ...refused }],
      ["notice", refused],
      ["bind", data("access_token校验异常")],
      ["order", data("access_token校验异常")],
      ["ticket", refused],
    ] as const) {
      const [target, init] = calls[name] as [string, RequestInit?];
      expect(await answerTo(withToken(target, token), init), `${name} ${token}`).toEqual([200, body]);
    }
  }
  for (const [target, init, body] of [
    ["/service/1.0/access/token?appid=a", undefined, data("secret必须给出")],
    ["POST /service/wxoauth/2.0/getBaseUrl", json({}), missing("state")],
    ["POST /service/wxoauth/2.0/getOpenidByCode", form("code="), missing("code")],
    ["/service/1.0/userinfo", undefined, { flag: 1, ...missing("openid") }],
    ["POST /service/1.0/sendPrizeNotice", json({ prize: "p" }), missing("openid")],
    ["POST /service/weekBind/create", json({ openid: "o" }), data("deviceno必须给出")],
    [
      "POST /service/flowOrders/create",
      json({ openid: "o", deviceno: "1" }),
      data("traffic_package_name必须给出"),
    ],
    ["/service/appOauthen/Ticket", undefined, { errcode: 1, data: { mobile: "ticket必须给出" } }],
  ] as const) {
    expect(await answerTo(withToken(target), init), target).toEqual([200, body]);
  }
  const malformed = await answerTo(
    withToken("POST /service/weekBind/create"),
    json({ openid: "o", deviceno: "1 2" }),
  );
  expect(malformed).toEqual([200, data(expect.stringMatching(/^参数错误：deviceno: .+/) as never)]);
  expect(await answerTo(withToken(`/service/appOauthen/Ticket?ticket=${"t".repeat(129)}`))).toMatchObject([
    200,
    { errcode: 1, data: "手机号码获取异常" },
  ]);
});

test("a used-up quota says when it begins anew", async () => {
  const resets = Date.UTC(2016, 9, 14, 16) / 1000;
  const used = async () => {
    throw new AppError("APP_QUOTA_EXCEEDED", { resets_at: `${resets}` }, { retryAfterMs: 1500 });
  };
  await using app = await startDialect(hall, [[Hall.method.token, used]]);
  const { status, body, headers } = await app.ask(...(calls.token as [string]));
  expect([status, body]).toEqual([
    200,
    { data: "今日获取access_token的次数已用完，北京时间2016-10-15 00:00:00起重新计算", status: 0, info: 0 },
  ]);
  expect(headers.get("retry-after")).toBe("2");
});

test("whatever comes is answered or refused with 200, never a failure of ours", async () => {
  await using app = await startDialect(hall);
  const names = [
    "openid",
    "deviceno",
    "state",
    "code",
    "ticket",
    "url",
    "transaction_date",
    "appid",
    "__proto__",
  ];
  const value = fc.oneof(fc.string({ unit: "binary" }), fc.nat().map(String));
  const fields = (of: fc.Arbitrary<unknown>) =>
    fc.array(fc.tuple(fc.constantFrom(...names), of), { maxLength: 6 });
  const routes = hall.routes.flatMap((each) => methodsOf(each).map((method) => [method, each.path] as const));
  const expected: Reason[] = ["INVALID_REQUEST"];
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...routes),
      fields(value),
      fc.option(fc.oneof(fields(fc.jsonValue()).map(Object.fromEntries), fc.jsonValue())),
      async ([method, path], query, body) => {
        const search = new URLSearchParams(
          query.map(([name, text]): [string, string] => [name as string, String(text).toWellFormed()]),
        );
        const init = method === "GET" || body === null ? {} : { body: JSON.stringify(body) };
        const answer = await app.ask(`${method} ${path}?access_token=partner&${search}`, init);
        expect(answer.status).toBe(200);
        expect(expected).toContain(app.outcomes.at(-1)?.error?.reason ?? "INVALID_REQUEST");
      },
    ),
    { numRuns: 300 },
  );
});
