import { expect, test } from "vitest";
import { eventually, movableClock, startApp, type TestApp } from "../../app.ts";
import { merchant } from "../../services/rail-world.ts";
import { type Answer, askRail, md5Of, request, signed, type Who } from "./rail-kit.ts";

const done = { status: 200, code: "0000", msg: "成功", data: {} };
const identity = "11010519491231002X";
const time = expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);
const payParams = {
  timeStamp: expect.stringMatching(/^\d{10}$/),
  nonceStr: expect.stringMatching(/./),
  package: expect.stringMatching(/^prepay_id=./),
  signType: "RSA",
  paySign: expect.stringMatching(/./),
};
const newOrder = {
  ticketIdentity: identity,
  ticketName: "王五",
  fromSite: "北京",
  toSite: "河南",
  ticketDetails: [{ seatType: "硬座,硬卧", departureDate: "2027-01-01", trainNum: "K180,K190" }],
  orderAmount: 80.05,
  termIp: "127.0.0.1",
};

/** Somebody with an old client. */
interface OldClient {
  who: Who;
  ask(name: string, data?: object): Promise<Answer & { status: number }>;
}

async function signIn(app: TestApp, name: string): Promise<OldClient> {
  const { data } = await askRail(app.url, "login", request(signed({ code: `dev:${name}` }), {}, "form"));
  const { userId, loginKey, sign } = data;
  expect(data).toEqual({
    userId: expect.stringMatching(/^\d+$/),
    loginKey: expect.stringMatching(/./),
    sign: md5Of({ userId, loginKey }),
  });
  expect(sign).toMatch(/^[0-9a-f]{32}$/);
  const who = { userId, loginKey };
  return { who, ask: (url, given = {}) => askRail(app.url, url, request(signed({ ...given }), who, "form")) };
}

test("an old client goes from its sign-in to a confirmed ticket, and another to its money back", async () => {
  await using app = await startApp();
  const { who, ask } = await signIn(app, "alice");
  const seller = await merchant(app, "seller");
  const operator = await app.appWith("operator");
  const order = async (id: number) => (await ask("getOrderDetails", { id })).data;
  const until = (id: number, state: string) =>
    eventually(
      () => order(id),
      ({ orderStatus }) => orderStatus === state,
    );
  const payFor = (params: { package: string }) =>
    app.sim("/sim/pay", { prepay_id: params.package.slice("prepay_id=".length) });

  const info = await ask("getUserInfo");
  expect(info.data).toEqual({
    userId: who.userId,
    userPhoneno: "",
    amount: 0,
    coolAmount: 0,
    userImage: expect.any(String),
    userName: expect.any(String),
    userWxno: "",
    userStatus: "wait_authen",
    userBirthday: "",
    userIdentity: "",
    realName: "",
    benefitRate: expect.stringMatching(/^\d(\.\d+)?$/),
    customerAccount: "",
    sign: md5Of(info.data),
  });

  const first = await ask("createOrder", newOrder);
  expect(first).toEqual({ ...done, data: payParams });
  const { data: list } = await ask("getOrderList", { pageNum: 1, pageSize: 10 });
  const [{ id, orderNo }] = list.datas;
  const shown = {
    id: expect.any(Number),
    orderNo: expect.stringMatching(/^88\d+$/),
    userId: Number(who.userId),
    ticketIdentity: identity,
    identityType: "身份证",
    linkmanType: "成人",
    ticketName: "王五",
    fromSite: "北京",
    toSite: "河南",
    createDate: time,
    orderStatus: "wait_pay",
    modifyDate: time,
    orderAmount: 80.05,
    ticketDetails: [{ orderNo, ...newOrder.ticketDetails[0] }],
  };
  expect(list).toEqual({ total: 1, pages: 1, pageNum: 1, datas: [shown] });
  expect(await order(id)).toEqual(shown);
  const inChina = new Date(Date.now() + 8 * 3600_000).toISOString().replace("T", " ");
  expect(list.datas[0].createDate.slice(0, 13)).toBe(inChina.slice(0, 13));
  expect(await ask("payOrder", { orderNo })).toEqual({ ...done, data: payParams });
  const { data: params } = await ask("payOrder", { id });
  await payFor(params);
  await until(id, "wait_rob");
  expect(await ask("payOrder", { id })).toMatchObject({ code: "1004" });
  expect(await ask("cancleOrder", { id })).toMatchObject({ code: "0012", msg: "订单取消失败" });
  expect(await ask("confirmeOrder", { id })).toMatchObject({ code: "0010", msg: "订单确认失败" });
  await seller.rail.grab({ id });
  await seller.rail.submit({ id, ticketNo: "E123456789" });
  await operator.rail.auditTicket({ id, approve: true });
  expect(await ask("confirmeOrder", { id })).toEqual(done);
  expect((await order(id)).orderStatus).toBe("success");
  expect(await ask("returnAmount", { id })).toMatchObject({ code: "0011" });

  await payFor((await ask("createOrder", newOrder)).data);
  const { data: both } = await ask("getOrderList", { pageNum: 1, pageSize: 1 });
  expect(both).toMatchObject({ total: 2, pages: 2, pageNum: 1 });
  const second = both.datas[0].id;
  await until(second, "wait_rob");
  expect(await ask("returnAmount", { id: second })).toEqual(done);
  expect((await order(second)).orderStatus).toBe("returned_audit");

  await ask("createOrder", newOrder);
  const third = (await ask("getOrderList", { pageNum: 1, pageSize: 1 })).data.datas[0].id;
  expect(await ask("cancleOrder", { id: third })).toEqual(done);
  expect((await order(third)).orderStatus).toBe("cancel");
  expect(await ask("payOrder", { id: third })).toMatchObject({ code: "1005" });

  const bob = await signIn(app, "bob");
  for (const name of ["getOrderDetails", "payOrder", "cancleOrder", "returnAmount", "confirmeOrder"]) {
    expect([name, await bob.ask(name, { id })]).toMatchObject([name, { code: "0027", msg: "该订单不存在" }]);
  }
  const bag = await ask("appConfig", { keyType: "refuel_bag" });
  expect(bag.data[0]).toEqual({
    amount: "20",
    name: expect.any(String),
    picture: "1",
  });
  expect(await ask("appConfig", { keyType: "nothing" })).toMatchObject({ code: "0013" });
});

test("what is refused, and what a repeat does", async () => {
  const clock = movableClock();
  await using app = await startApp({ clock });
  const { who, ask } = await signIn(app, "alice");
  const bob = await signIn(app, "bob");
  const raw = (name: string, data: unknown, as: Who = who) => askRail(app.url, name, request(data, as));
  expect(await raw("getUserInfo", "", { ...who, loginKey: `${who.loginKey}x` })).toMatchObject({
    code: "0006",
  });
  expect(await raw("getUserInfo", "", { ...who, loginKey: bob.who.loginKey as string })).toMatchObject({
    code: "0006",
  });
  expect(await raw("getUserInfo", "", { ...who, userRole: "business" })).toMatchObject({ code: "0006" });
  expect(await raw("getUserInfo", "", who)).toMatchObject({ code: "0000" });

  const once = signed({ ...newOrder });
  expect(await raw("createOrder", { ...once, orderAmount: 0.01 })).toMatchObject({
    code: "0017",
    msg: "签名失败",
  });
  expect(await raw("createOrder", once)).toMatchObject({ code: "0000" });
  expect(await raw("createOrder", once)).toMatchObject({ code: "0017" });
  // Long after, when no process remembers the nonce: the order that is there, or none for other content.
  clock.pass(21 * 60_000);
  expect(await raw("createOrder", once)).toMatchObject({ code: "0000" });
  clock.pass(21 * 60_000);
  const other: Record<string, unknown> = { ...once, orderAmount: 1 };
  expect(await raw("createOrder", { ...other, sign: md5Of(other) })).toMatchObject({ code: "0017" });
  expect((await ask("getOrderList", { pageNum: 1, pageSize: 10 })).data.total).toBe(1);
  expect(await ask("createOrder", { ...newOrder, ticketIdentity: "110105194912310021" })).toMatchObject({
    code: "0023",
    msg: "身份证或者姓名有误，请检查",
  });

  const { status: _status, ...used } = await raw("login", signed({ code: "nobody's" }), {});
  expect(used).toEqual({ code: "1000", msg: "调用微信获取openid失败", data: {} });
  await app.sim("/sim/fault", { path: "/sns/jscode2session", errcode: -1, times: 9 });
  expect(await raw("login", signed({ code: "dev:carol" }), {})).toMatchObject({ code: "1001" });
});

test("outside the sandbox the URLs are closed without a key", async () => {
  for (const [key, status] of [
    ["", 404],
    ["key", 200],
  ] as const) {
    const environment = { WECHAT_APPID: "wx1", WECHAT_SECRET: "secret", RAIL_SIGN_KEY: key };
    await using app = await startApp({ environment });
    const response = await fetch(`${app.url}/api/v1/user/getUserInfo`, { method: "POST" });
    expect([key, response.status]).toEqual([key, status]);
  }
});

test("the key is the setting's", async () => {
  await using app = await startApp({ environment: { RAIL_SIGN_KEY: "another" } });
  const data = { code: "dev:alice", nonceStr: "n" };
  const ask = (key: string) => askRail(app.url, "login", request({ ...data, sign: md5Of(data, key) }, {}));
  expect(await ask("319ceidcbweifbwi")).toMatchObject({ code: "0017" });
  expect(await ask("another")).toMatchObject({ code: "0000" });
});

test("contacts", async () => {
  await using app = await startApp();
  const { who, ask } = await signIn(app, "alice");
  const contact = { indentity: identity, name: "王五", linkmanType: "学生", indentityType: "身份证" };
  expect(await ask("selectContacts")).toEqual({ ...done, data: [] });
  expect(await ask("addContacts", contact)).toEqual(done);
  expect(await ask("addContacts", contact)).toMatchObject({ code: "0025", msg: "该联系人已存在" });
  expect(await ask("addContacts", { ...contact, indentity: "110105194912310021" })).toMatchObject({
    code: "0023",
  });
  expect(await ask("selectContacts")).toEqual({
    ...done,
    data: [{ userId: who.userId, indentity: identity, name: "王五", status: "" }],
  });
});

test("phone codes", async () => {
  await using app = await startApp();
  const { ask } = await signIn(app, "alice");
  const phoneNo = "13800138000";
  expect(await ask("checkPhoneCode", { phoneNo, smsCode: "000000" })).toMatchObject({ code: "0020" });
  const sent = await ask("sendPhoneCode", { phoneNo });
  expect(sent).toEqual({ ...done, data: { smsCode: "", phoneNo, sign: md5Of({ phoneNo }) } });
  expect(await ask("sendPhoneCode", { phoneNo })).toMatchObject({ code: "0019" });
  const sms = await fetch(`${app.url}/sim/sms?phone=${phoneNo}`);
  const { code } = (await sms.json()) as { code: string };
  const wrong = code === "000000" ? "000001" : "000000";
  expect(await ask("checkPhoneCode", { phoneNo, smsCode: wrong })).toMatchObject({ code: "0021" });
  expect(await ask("checkPhoneCode", { phoneNo, smsCode: code })).toEqual(done);
  expect((await ask("getUserInfo")).data.userPhoneno).toBe(phoneNo);
});
