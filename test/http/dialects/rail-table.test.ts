import type { DescMethod } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { Rail, RailOrder_State as State } from "../../../gen/liveuser/rail_pb.ts";
import {
  Contact_DocumentType,
  Contact_PassengerType,
  User,
  UserProfile_Status,
} from "../../../gen/liveuser/user_pb.ts";
import { Wx } from "../../../gen/liveuser/wx_pb.ts";
import { AppError, type Reason } from "../../../src/errors.ts";
import { rail, railSandboxKey } from "../../../src/http/dialects/rail.ts";
import { startDialect } from "./kit.ts";
import { askRail, md5Of, request, signed, type Who } from "./rail-kit.ts";

const alice: Who = { userId: "7", loginKey: "alice" };
const done = { status: 200, code: "0000", msg: "成功", data: {} };
const pay = { timeStamp: "1510995105", nonceStr: "n", package: "prepay_id=1", signType: "RSA", paySign: "s" };

function start(answers: Parameters<typeof startDialect>[1] = [], clock: { now(): number } = Date) {
  return startDialect(rail({ key: railSandboxKey, clock }), answers);
}

const order = {
  id: 9n,
  orderNo: "8818100520055000000100",
  uid: "4",
  state: State.returning_amount,
  identityNumber: "11010519491231002X",
  documentType: Contact_DocumentType.IDENTITY_CARD,
  passengerType: Contact_PassengerType.STUDENT,
  passengerName: "王五",
  fromSite: "北京",
  toSite: "河南",
  details: [
    { seatType: "硬座,硬卧", departureDate: "2018-01-01", trainNum: "K180,K190" },
    { seatType: "硬座", departureDate: "2018-01-04", trainNum: "K180" },
  ],
  amount: 8012,
  createdAt: BigInt(Date.UTC(2018, 9, 5, 12, 5, 50)),
  updatedAt: BigInt(Date.UTC(2018, 9, 5, 16, 0, 0)),
};

const shownOrder = {
  id: 9,
  orderNo: "8818100520055000000100",
  userId: 4,
  ticketIdentity: "11010519491231002X",
  identityType: "身份证",
  linkmanType: "学生",
  ticketName: "王五",
  fromSite: "北京",
  toSite: "河南",
  createDate: "2018-10-05 20:05:50",
  orderStatus: "returning_amount",
  modifyDate: "2018-10-06 00:00:00",
  orderAmount: 80.12,
  ticketDetails: order.details.map((detail) => ({ orderNo: order.orderNo, ...detail })),
};

const ticketDetails = [{ seatType: "硬座,硬卧", departureDate: "2018-01-01", trainNum: "K180,K190" }];
const newOrder = {
  ticketIdentity: "11010519491231002X",
  ticketName: "王五",
  fromSite: "北京",
  toSite: "河南",
  ticketDetails,
  orderAmount: 12.34,
  termIp: "127.0.0.1",
};
const contact = {
  indentity: "11010519491231002X",
  name: "王五",
  linkmanType: "儿童",
  indentityType: "身份证",
};

/** Every URL: what it is asked, what the method is asked then, what that answers, what comes back. */
const endpoints: [string, DescMethod, Record<string, unknown>, object, object, unknown][] = [
  [
    "login",
    Wx.method.login,
    { code: "c" },
    { code: "c", role: "customer" },
    { accessToken: "t", uid: "7" },
    { userId: "7", loginKey: "t", sign: md5Of({ userId: "7", loginKey: "t" }) },
  ],
  [
    "addContacts",
    User.method.addContact,
    contact,
    {
      contact: {
        identityNumber: "11010519491231002X",
        name: "王五",
        passengerType: Contact_PassengerType.CHILD,
        documentType: Contact_DocumentType.IDENTITY_CARD,
      },
    },
    {},
    {},
  ],
  [
    "selectContacts",
    User.method.listContacts,
    {},
    {},
    { contacts: [{ identityNumber: "11010519491231002X", name: "王五" }] },
    [{ userId: "7", indentity: "11010519491231002X", name: "王五", status: "" }],
  ],
  [
    "sendPhoneCode",
    User.method.sendPhoneCode,
    { phoneNo: "13800138000" },
    { phone: "13800138000" },
    {},
    { smsCode: "", phoneNo: "13800138000", sign: md5Of({ phoneNo: "13800138000" }) },
  ],
  [
    "checkPhoneCode",
    User.method.checkPhoneCode,
    { phoneNo: 13800138000, smsCode: "012345" },
    { phone: "13800138000", code: "012345" },
    {},
    {},
  ],
  [
    "createOrder",
    Rail.method.create,
    { ...newOrder, nonceStr: "once" },
    {
      identityNumber: "11010519491231002X",
      passengerName: "王五",
      fromSite: "北京",
      toSite: "河南",
      details: ticketDetails,
      amount: 1234,
      idempotencyKey: "once",
    },
    { order, pay },
    pay,
  ],
  [
    "getOrderList",
    Rail.method.list,
    { pageNum: 1, pageSize: 20 },
    { page: 1, size: 20 },
    { orders: [order], total: 8, pages: 1, page: 1 },
    { total: 8, pages: 1, datas: [shownOrder], pageNum: 1 },
  ],
  ["getOrderDetails", Rail.method.get, { id: 9 }, { id: 9n }, { order }, shownOrder],
  ["payOrder", Rail.method.pay, { id: 9 }, { id: 9n, orderNo: "" }, { pay }, pay],
  ["payOrder", Rail.method.pay, { orderNo: order.orderNo }, { id: 0n, orderNo: order.orderNo }, { pay }, pay],
  ["cancleOrder", Rail.method.cancel, { id: 9 }, { id: 9n }, { order }, {}],
  ["returnAmount", Rail.method.refund, { id: "9" }, { id: 9n }, { order }, {}],
  ["confirmeOrder", Rail.method.confirm, { id: 9 }, { id: 9n }, { order }, {}],
  [
    "appConfig",
    Rail.method.appConfig,
    { keyType: "refuel_bag" },
    { key: "refuel_bag" },
    { value: '[{"amount":"20","name":"铜小妞","picture":"1"}]' },
    [{ amount: "20", name: "铜小妞", picture: "1" }],
  ],
];

test.each(endpoints)("%s", async (name, method, data, asked, reply, expected) => {
  await using server = await start([[method, reply]]);
  for (const type of ["json", "form"] as const) {
    const who = name === "login" ? {} : alice;
    const fresh = "nonceStr" in data && type === "form" ? { ...data, nonceStr: "once more" } : data;
    const answer = await askRail(server.server.url, name, request(signed(fresh), who, type));
    expect([type, answer]).toEqual([type, { ...done, data: expected }]);
    const key =
      "idempotencyKey" in asked ? { ...asked, idempotencyKey: server.request.idempotencyKey } : asked;
    expect(server.request).toMatchObject(key);
  }
});

test("getUserInfo: all of a person's profile, signed", async () => {
  const profile = {
    phone: "13800138000",
    balance: 1234n,
    frozenBalance: 29n,
    avatar: "https://a.example/p.png",
    name: "w",
    wechatNo: "wx",
    status: UserProfile_Status.AUTHENED,
    birthday: "1949-12-31",
    identityNumber: "11010519491231002X",
    realName: "王五",
    benefitRate: 60,
    railAccount: "",
  };
  await using server = await start([[User.method.getProfile, { profile }]]);
  const expected = {
    userId: "7",
    userPhoneno: "13800138000",
    amount: 12.34,
    coolAmount: 0.29,
    userImage: "https://a.example/p.png",
    userName: "w",
    userWxno: "wx",
    userStatus: "authened",
    userBirthday: "1949-12-31",
    userIdentity: "11010519491231002X",
    realName: "王五",
    benefitRate: "0.006",
    customerAccount: "",
  };
  expect(await askRail(server.server.url, "getUserInfo", request("", alice))).toEqual({
    ...done,
    data: { ...expected, sign: md5Of(expected) },
  });
});

/** Every URL, with parameters that are right. */
const rightData = Object.fromEntries(endpoints.map(([name, , data]) => [name, data]));

const failures: [string, Reason | AppError, string][] = [
  ["login", "WX_CODE_INVALID", "1000"],
  ["login", "WX_CODE_USED", "1000"],
  ["login", "WX_USER_RISKY", "1000"],
  ["login", "WX_UNAVAILABLE", "1001"],
  ["login", "WX_MISCONFIGURED", "1006"],
  ["login", "USER_BANNED", "0006"],
  ["login", "INTERNAL", "9999"],
  ["getUserInfo", "SESSION_REVOKED", "0006"],
  ["getUserInfo", "TOKEN_EXPIRED", "0006"],
  ["getUserInfo", "USER_NOT_FOUND", "0006"],
  ["getUserInfo", "UNAVAILABLE", "9999"],
  ["addContacts", "IDENTITY_INVALID", "0023"],
  ["addContacts", "UNAVAILABLE", "0024"],
  ["addContacts", "INTERNAL", "0024"],
  ["addContacts", "CONTACT_EXISTS", "0025"],
  ["sendPhoneCode", "SMS_NOT_SENT", "0019"],
  ["sendPhoneCode", "RATE_LIMITED", "0019"],
  ["checkPhoneCode", "PHONE_CODE_EXPIRED", "0020"],
  ["checkPhoneCode", "PHONE_CODE_WRONG", "0021"],
  ["checkPhoneCode", "UNAVAILABLE", "0022"],
  ["createOrder", "IDENTITY_INVALID", "0023"],
  ["createOrder", "UNAVAILABLE", "0026"],
  ["createOrder", "IDEMPOTENCY_KEY_REUSED", "0017"],
  ["getOrderDetails", "ORDER_NOT_FOUND", "0027"],
  ["payOrder", "ALREADY_PAID", "1004"],
  ["payOrder", "ORDER_STATE", "1005"],
  ["payOrder", "WX_UNAVAILABLE", "1001"],
  ["payOrder", "WX_PAY_REFUSED", "1001"],
  ["payOrder", "WX_MISCONFIGURED", "1007"],
  ...(
    [
      ["NO_OPENID", "1000"],
      ["NO_AUTH", "1002"],
      ["NOT_ENOUGH", "1003"],
      ["ORDERPAID", "1004"],
      ["ORDER_CLOSED", "1005"],
      ["MCH_NOT_EXISTS", "1007"],
      ["APPID_MCHID_NOT_MATCH", "1008"],
      ["OUT_TRADE_NO_USED", "1009"],
      ["SIGN_ERROR", "1010"],
      ["ORDER_NOT_EXIST", "1016"],
      ["toString", "1001"],
    ] as const
  ).map(([code, expected]): [string, AppError, string] => [
    "payOrder",
    new AppError("WX_PAY_REFUSED", { code }),
    expected,
  ]),
  ["payOrder", new AppError("WX_MISCONFIGURED", { code: "SIGN_ERROR" }), "1010"],
  ["cancleOrder", "ORDER_STATE", "0012"],
  ["cancleOrder", "ORDER_NOT_FOUND", "0027"],
  ["returnAmount", "ORDER_STATE", "0011"],
  ["confirmeOrder", "ORDER_STATE", "0010"],
  ["appConfig", "CONFIG_NOT_FOUND", "0013"],
];

test("what the methods fail with, in the document's codes", async () => {
  let next: Reason | AppError = "INTERNAL";
  const fail = async () => {
    throw typeof next === "string" ? new AppError(next) : next;
  };
  const methods = [...endpoints.map(([, method]) => method), User.method.getProfile];
  await using server = await start(methods.map((method) => [method, fail]));
  for (const [name, failure, code] of failures) {
    next = failure;
    const data = { ...rightData[name], nonceStr: undefined };
    const answer = await askRail(
      server.server.url,
      name,
      request(signed(JSON.parse(JSON.stringify(data))), name === "login" ? {} : alice),
    );
    const reason = typeof failure === "string" ? failure : failure.metadata.code;
    expect([name, reason, answer]).toEqual([
      name,
      reason,
      { status: 200, code, msg: expect.any(String), data: {} },
    ]);
    expect(answer.msg).toMatch(/^[^:]+$/);
  }
});

test("a request without what every request carries", async () => {
  await using server = await start();
  const ask = (who: Who, name = "getUserInfo") => askRail(server.server.url, name, request("", who));
  expect(await ask({ userId: "7" })).toMatchObject({ code: "0007", msg: "缺少loginkey" });
  expect(await ask({ loginKey: "alice" })).toMatchObject({ code: "0008", msg: "缺少userId" });
  expect(await ask({ ...alice, appCode: "" })).toMatchObject({ code: "0016", msg: "缺少appCode" });
  expect(await ask({ ...alice, appCode: "APP" })).toMatchObject({ code: "0016" });
  expect(await ask({ ...alice, userRole: "" })).toMatchObject({
    code: "0013",
    msg: "缺少参数: userRole: missing",
  });
  const strange = {
    userId: { toString: 1 },
    userRole: "customer",
    appCode: "XCX",
    data: { sign: { toString: 1 } },
  };
  for (const [data, code] of [
    [strange.data, "0017"],
    [{}, "0006"],
  ]) {
    const init = { ...request("", alice), body: JSON.stringify({ ...strange, data }) };
    expect(await askRail(server.server.url, "getUserInfo", init)).toMatchObject({ code });
  }
  expect(await ask({ ...alice, userRole: "king" })).toMatchObject({ code: "0013" });
  expect(await ask({ ...alice, loginKey: "nobody's" })).toMatchObject({ code: "0006", msg: "用户未登陆" });
  expect(await ask({ ...alice, userId: "8" })).toMatchObject({ code: "0006" });
  expect(await ask({ ...alice, userRole: "business" })).toMatchObject({ code: "0006" });
  expect(await ask({ userId: "7", loginKey: "service" })).toMatchObject({ code: "0006" });
  expect(server.calls).toEqual([]);
  for (const [name, needed] of [
    ["login", true],
    ["addContacts", true],
    ["selectContacts", false],
    ["sendPhoneCode", true],
    ["checkPhoneCode", true],
    ["createOrder", true],
    ["getOrderList", true],
    ["getOrderDetails", false],
    ["payOrder", false],
    ["cancleOrder", false],
    ["returnAmount", false],
    ["confirmeOrder", false],
    ["appConfig", false],
  ] as const) {
    const { nonceStr: _, ...data } = rightData[name] as Record<string, unknown>;
    const bare = await askRail(server.server.url, name, request(data, alice));
    expect([name, bare.code === "0018"]).toEqual([name, needed]);
    const noNonce = { ...data, sign: md5Of(data) };
    const { code } = await askRail(server.server.url, name, request(noNonce, alice));
    expect([name, code === "0013"]).toEqual([name, needed]);
  }
});

test("a missing or malformed parameter goes by its old name", async () => {
  await using server = await start();
  const ask = async (name: string, data: object) => {
    const { code, msg } = await askRail(server.server.url, name, request(signed({ ...data }), alice));
    return [code, msg];
  };
  const { ticketDetails: _, ...noDetails } = newOrder;
  const missing = (name: string) => ["0013", `缺少参数: ${name}: missing`];
  expect(await ask("sendPhoneCode", {})).toEqual(missing("phoneNo"));
  expect(await ask("getOrderList", { pageNum: 1 })).toEqual(missing("pageSize"));
  expect(await ask("createOrder", noDetails)).toEqual(missing("ticketDetails"));
  expect(await ask("addContacts", { ...contact, indentity: "" })).toEqual(missing("indentity"));
  const codes: [string, object, string, string][] = [
    ["sendPhoneCode", { phoneNo: "12" }, "0013", "phoneNo"],
    ["addContacts", { ...contact, indentity: "12" }, "0023", "indentity"],
    ["addContacts", { ...contact, linkmanType: "老人" }, "0013", "linkmanType"],
    ["addContacts", { ...contact, indentityType: "护照" }, "0013", "indentityType"],
    ["checkPhoneCode", { phoneNo: "13800138000", smsCode: "12" }, "0021", "smsCode"],
    ["createOrder", { ...newOrder, ticketIdentity: "12" }, "0023", "ticketIdentity"],
    ["createOrder", { ...newOrder, ticketDetails: [] }, "0026", "ticketDetails"],
    ["createOrder", { ...newOrder, ticketDetails: "K180" }, "0026", "ticketDetails"],
    ["createOrder", { ...newOrder, ticketDetails: [{ trainNum: "K1" }] }, "0026", "ticketDetails"],
    ["getOrderDetails", { id: "tea" }, "0013", "id"],
    ["appConfig", { keyType: "../" }, "0013", "keyType"],
    ["sendPhoneCode", { phoneNo: "13800138000", nonceStr: "n".repeat(33) }, "0013", "nonceStr"],
  ];
  for (const [name, data, code, parameter] of codes) {
    const [is, msg] = await ask(name, data);
    expect([name, data, is, msg]).toEqual([name, data, code, expect.stringContaining(`: ${parameter}`)]);
  }
  expect(await ask("payOrder", {})).toEqual(["0013", expect.stringContaining("either id or order_no")]);
  expect(server.calls).toEqual([]);
  const notJson = await askRail(server.server.url, "getUserInfo", request("tea", alice));
  expect(notJson).toMatchObject({ code: "0013", msg: "缺少参数: data: expected a JSON object" });
});

test("amounts are exact to the fen, or refused", async () => {
  await using server = await start([[Rail.method.create, { pay }]]);
  for (const [orderAmount, fen] of [
    ["12.34", 1234],
    [12.34, 1234],
    [80, 8000],
    ["80.0", 8000],
    [0.01, 1],
    [1.1, 110],
    [4.35, 435],
    ["12.340", 1234],
    [21474836.47, 2147483647],
  ]) {
    const { code } = await askRail(
      server.server.url,
      "createOrder",
      request(signed({ ...newOrder, orderAmount }), alice),
    );
    expect([orderAmount, code, server.request.amount]).toEqual([orderAmount, "0000", fen]);
  }
  for (const orderAmount of [1.005, "12.345", -1, 0, "1e3", 1e21, 21474836.48, true, ["1"], {}]) {
    const { code, msg } = await askRail(
      server.server.url,
      "createOrder",
      request(signed({ ...newOrder, orderAmount }), alice),
    );
    expect([orderAmount, code, msg]).toEqual([orderAmount, "0013", expect.stringContaining("orderAmount")]);
  }
});

test("signatures: which spellings count, and what is forged", async () => {
  await using server = await start([[Rail.method.appConfig, { value: "1" }]]);
  let nonces = 0;
  /** `spelled` has SIGN where the signature goes; `over` is what it is made over, without nonce and key. */
  const ask = async (spelled: string, over: string, change = (sign: string) => sign) => {
    const nonce = `n${nonces++}`;
    const pairs = [...over.split("&"), `nonceStr=${nonce}`].filter(Boolean).sort();
    const sign = change(md5Text(pairs));
    const data = spelled.replace("SIGN", `"nonceStr":"${nonce}","sign":"${sign}"`);
    const body = `{"userId":"7","userRole":"customer","appCode":"XCX","data":`;
    const init = request("", alice);
    const asText = await askRail(server.server.url, "appConfig", {
      ...init,
      body: `${body}${JSON.stringify(data)}}`,
    });
    return asText.code;
  };
  const key = `"keyType":"refuel_bag"`;
  const keyPair = "keyType=refuel_bag";
  expect(await ask(`{${key},SIGN}`, keyPair)).toBe("0000");
  expect(await ask(`{${key},SIGN}`, keyPair, (sign) => sign.toUpperCase())).toBe("0000");
  // Numbers and lists as they are spelled, or in the shortest spelling.
  expect(await ask(`{SIGN, "a": 80.0 , ${key}}`, `a=80.0&${keyPair}`)).toBe("0000");
  expect(await ask(`{SIGN,"a":80.0,${key}}`, `a=80&${keyPair}`)).toBe("0000");
  expect(
    await ask(`{${key},"a":[ {"b": "}\\"," }, 1.0 ],SIGN}`, `a=[ {"b": "}\\"," }, 1.0 ]&${keyPair}`),
  ).toBe("0000");
  expect(await ask(`{${key},"a":[ {"b": "}\\"," }, 1.0 ],SIGN}`, `a=[{"b":"}\\","},1]&${keyPair}`)).toBe(
    "0000",
  );
  expect(await ask(`{${key},"a":true,"b":false,"c":0,SIGN}`, `a=true&b=false&c=0&${keyPair}`)).toBe("0000");
  expect(await ask(`{${key},"a":"\\u5317\\n","b":"","c":null,SIGN}`, `a=北\n&${keyPair}`)).toBe("0000");
  expect(await ask(`{${key},"Z":"1","a":{},SIGN}`, `Z=1&a={}&${keyPair}`)).toBe("0000");
  expect(await ask(`{"keyType":"tea",${key},"__proto__":"x",SIGN}`, `__proto__=x&${keyPair}`)).toBe("0000");
  for (const [spelled, over, change] of [
    [`{"keyType":"else",SIGN}`, keyPair, undefined],
    [`{${key},"more":1,SIGN}`, keyPair, undefined],
    [`{SIGN}`, keyPair, undefined],
    [`{${key},SIGN}`, keyPair, (sign: string) => sign.slice(1)],
    [`{${key},SIGN}`, keyPair, (sign: string) => `${sign}00`],
    [`{${key},SIGN}`, keyPair, () => "0".repeat(32)],
    [`{${key},SIGN}`, keyPair, () => "北".repeat(32)],
  ] as const) {
    expect([spelled, await ask(spelled, over, change)]).toEqual([spelled, "0017"]);
  }
  const other = { keyType: "refuel_bag", nonceStr: "other key" };
  const init = request({ ...other, sign: md5Of(other, "another") }, alice);
  expect((await askRail(server.server.url, "appConfig", init)).code).toBe("0017");
  const deep = `{${key},"a":${"[".repeat(50_000)}${"]".repeat(50_000)},SIGN}`;
  expect(await ask(deep, keyPair)).toBe("0017");
});

test("data may be an object of the JSON body, signed as it is spelled there", async () => {
  await using server = await start([[Rail.method.appConfig, { value: "1" }]]);
  const sign = md5Text(["a=[1, 2.0]", "keyType=refuel_bag"]);
  const body = `{ "appCode":"XCX","data" : {"a": [1, 2.0], "keyType": "refuel_bag", "sign": "${sign}"}, "userId": 7, "userRole": "customer" }`;
  const answer = await askRail(server.server.url, "appConfig", { ...request("", alice), body });
  expect(answer.code).toBe("0000");
});

test("a nonce is good once: for a person, or an address before anybody signed in", async () => {
  const clock = { ms: 0, now: () => clock.ms };
  await using server = await start([[Wx.method.login, { uid: "7" }]], clock);
  const ask = async (name: string, data: object, who: Who) =>
    (await askRail(server.server.url, name, request(signed({ ...data }), who))).code;
  const page = { pageNum: 1, pageSize: 1, nonceStr: "n" };
  expect(await ask("getOrderList", page, alice)).toBe("0000");
  expect(await ask("getOrderList", page, alice)).toBe("0017");
  expect(await ask("getOrderDetails", { id: 9, nonceStr: "n" }, alice)).toBe("0017");
  expect(await ask("login", { code: "c", nonceStr: "n" }, {})).toBe("0000");
  expect(await ask("login", { code: "d", nonceStr: "n" }, {})).toBe("0017");
  clock.ms += 10 * 60_000 - 1;
  expect(await ask("getOrderList", page, alice)).toBe("0017");
  clock.ms += 1;
  expect(await ask("getOrderList", page, alice)).toBe("0017");
  clock.ms += 10 * 60_000;
  expect(await ask("getOrderList", page, alice)).toBe("0000");
  // A request that is not its caller's uses up nothing of theirs.
  expect(await ask("getOrderList", { ...page, nonceStr: "m" }, { ...alice, loginKey: "nobody" })).toBe(
    "0006",
  );
  expect(await ask("getOrderList", { ...page, nonceStr: "m" }, alice)).toBe("0000");
});

test("other methods and paths", async () => {
  await using server = await start();
  const ask = (name: string, method: string) => askRail(server.server.url, name, { method });
  expect(await ask("login", "GET")).toMatchObject({ status: 405, code: "1012" });
  expect(await ask("logout", "POST")).toMatchObject({ status: 404, code: "9999" });
});

function md5Text(pairs: readonly string[]): string {
  return md5Of(Object.fromEntries(pairs.map((pair) => /^([^=]*)=(.*)$/s.exec(pair)?.slice(1) ?? [])));
}
