import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { eventually, startApp, type TestApp } from "../../app.ts";

const openID = "sandbox_alice";

/** Asks as the old system's clients do: without a token unless one is given. */
async function ask(app: TestApp, target: string, body?: object, token?: string) {
  const [method = "", path] = target.split(" ");
  const response = await fetch(app.url + path, {
    method,
    ...(body ? { body: JSON.stringify(body) } : {}),
    headers: {
      "content-type": "application/json",
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
  });
  const text = await response.text();
  return { status: response.status, body: text === "" ? "" : JSON.parse(text) };
}

test("an old client goes from the scan of a seat to the paid ticket, without a token", async () => {
  await using app = await startApp();
  const wxs = (target: string, body?: object) => ask(app, target, body);
  const done = { status: 200, body: "" };
  const cart = async () => (await wxs(`GET /wxs/cart?open_id=${openID}`)).body;

  const before = Math.floor(Date.now() / 1000);
  await app.sim("/sim/event", { openid: openID, event: "subscribe", scene_id: 7 });
  const scene = await wxs(`GET /wxs/users/sceneid?open_id=${openID}`);
  expect(scene).toEqual({ status: 200, body: { sceneID: 7, scanTime: expect.stringMatching(/^\d{10}$/) } });
  expect(Number(scene.body.scanTime)).toBeGreaterThanOrEqual(before);
  expect(await wxs("GET /wxs/users/wx")).toEqual({
    status: 200,
    body: {
      totalCount: 1,
      itemList: [
        {
          openID,
          nickName: expect.any(String),
          iconURL: expect.any(String),
          attentionTime: Number(scene.body.scanTime) * 1000,
          sceneID: 7,
          subscribed: 1,
        },
      ],
    },
  });

  for (const movieID of ["orbit", "glacier", "rally"]) {
    expect(await wxs("POST /wxs/cart", { movieID, openID })).toEqual(done);
  }
  expect(await cart()).toEqual({ openID, movieList: ["orbit", "glacier", "rally"] });
  expect(await wxs("PUT /wxs/cart", { movieID: "rally", openID, action: "MOVEUP" })).toEqual(done);
  expect(await wxs("PUT /wxs/cart", { movie_id: "orbit", open_id: openID, action: "MOVEDOWN" })).toEqual(
    done,
  );
  expect(await wxs("PUT /wxs/cart", { movieID: "glacier", openID, action: "REMOVE" })).toEqual(done);
  expect((await cart()).movieList).toEqual(["rally", "orbit"]);

  const first = await wxs("POST /wxs/cart/submit", { openID });
  expect(first).toEqual({ status: 200, body: { ticketID: expect.stringMatching(/^\d+$/) } });
  expect((await cart()).movieList).toEqual([]);
  expect(await wxs(`DELETE /wxs/tickets?ticket_id=${first.body.ticketID}`)).toEqual(done);
  expect((await cart()).movieList).toEqual(["rally", "orbit"]);

  const { body: submitted } = await wxs("POST /wxs/cart/submit", { openID });
  const { ticketID } = submitted;
  const made = {
    ticketID,
    status: "PENDING_PAYMENT",
    progressPhase: "PENDING_PAYMENT",
    price: 7500,
    actualPrice: expect.any(Number),
    payMode: "",
    payTime: 0,
    viewerOpenID: openID,
    viewerNickName: expect.any(String),
    vrClientID: expect.stringMatching(/./),
    seatNumber: expect.stringMatching(/./),
    cinemaName: expect.stringMatching(/./),
    hallName: expect.stringMatching(/./),
    movieIDList: ["rally", "orbit"],
    startTime: expect.any(Number),
    expireTime: expect.any(Number),
  };
  const list = async (query: string) => (await wxs(`GET /wxs/tickets?${query}`)).body;
  expect(await list(`open_id=${openID}&status=PENDING_PAYMENT`)).toEqual({ totalCount: 1, itemList: [made] });
  expect(await list("status=PENDING_PAYMENT,CANCELLED&limit=1")).toEqual({ totalCount: 2, itemList: [made] });
  expect(await list("status=CANCELLED,PENDING_PAYMENT&limit=1&start=1")).toMatchObject({
    totalCount: 2,
    itemList: [{ ticketID: first.body.ticketID, status: "CANCELLED" }],
  });
  expect(await list("open_id=nobody")).toEqual({ totalCount: 0, itemList: [] });

  const params = await wxs(`GET /wxs/payment/wx/params?open_id=${openID}&ticket_id=${ticketID}`);
  expect(params).toEqual({
    status: 200,
    body: {
      timestamp: expect.any(Number),
      nonceStr: expect.stringMatching(/./),
      package: expect.stringMatching(/^prepay_id=./),
      signType: "RSA",
      paySign: expect.stringMatching(/./),
    },
  });
  await app.sim("/sim/pay", { prepay_id: params.body.package.slice("prepay_id=".length) });
  await eventually(
    () => list(`ticketID=${ticketID}`),
    ({ itemList: [ticket] }) =>
      ticket.status === "ALREADY_PAID" && ticket.payMode === "WEIXIN" && ticket.payTime >= before * 1000,
  );
  expect(
    await wxs("POST /wxs/tickets/complaint", { ticketID, openID, content: "影片没有播放完就终止了" }),
  ).toEqual(done);
  expect(await wxs(`DELETE /wxs/tickets?ticket_id=${ticketID}`)).toEqual({
    status: 400,
    body: { info: "the ticket's state does not allow that" },
  });
});

test("failures of the services in the document's form", async () => {
  await using app = await startApp();
  for (const [target, body, info] of [
    ["POST /wxs/cart", { movieID: "nothing", openID }, "no such movie"],
    ["POST /wxs/cart/submit", { openID }, "the cart is empty"],
    ["GET /wxs/users/sceneid?open_id=nobody", undefined, "no seat was scanned"],
    ["DELETE /wxs/tickets?ticket_id=12", undefined, "no such ticket"],
    [`GET /wxs/payment/wx/params?open_id=${openID}&ticket_id=12`, undefined, "no such ticket"],
    ["POST /wxs/tickets/complaint", { ticketID: "12", openID, content: "x" }, "no such ticket"],
    [
      "DELETE /wxs/tickets?ticket_id=tea",
      undefined,
      "the request is not valid: ticket_id: expected uint64, got a string",
    ],
  ] as const) {
    expect([target, await ask(app, target, body)]).toEqual([target, { status: 400, body: { info } }]);
  }
  await app.sim("/sim/fault", { path: "/cgi-bin/stable_token", errcode: -1, times: 9 });
  expect(await ask(app, "GET /wxs/wx/accesstoken")).toEqual({
    status: 500,
    body: { info: "WeChat does not answer, try again" },
  });
});

test("WeChat's access token is a JSON text, and the callback answers here too", async () => {
  await using app = await startApp();
  const { status, body } = await ask(app, "GET /wxs/wx/accesstoken");
  const { accessToken } = await (await app.appWith("service")).wx.getAccessToken({});
  expect([status, body]).toEqual([200, accessToken]);
  const [timestamp, nonce] = ["1510995105", "n"];
  const signature = createHash("sha1").update(["sandbox", timestamp, nonce].sort().join("")).digest("hex");
  const query = new URLSearchParams({ signature, timestamp, nonce, echostr: "hello" });
  const echo = await fetch(`${app.url}/wxs/wx/callback?${query}`);
  expect([echo.status, await echo.text()]).toEqual([200, "hello"]);
});

test("a token is looked at wherever one is presented", async () => {
  await using app = await startApp();
  const service = await app.appWith("service");
  const alice = await app.signIn("alice");
  const partner = await app.appWith("partner");
  const cartOf = (name: string, token: string) => ask(app, `GET /wxs/cart?open_id=${name}`, undefined, token);
  expect((await cartOf(openID, service.token)).status).toBe(200);
  expect((await cartOf(openID, alice.token)).status).toBe(200);
  for (const [name, token] of [
    [openID, "wrong"],
    [openID, ""],
    [openID, partner.token],
    ["sandbox_bob", alice.token],
  ] as const) {
    expect(await cartOf(name, token)).toEqual({ status: 400, body: { info: expect.stringMatching(/./) } });
  }
});

test("outside the sandbox nothing answers without a token", async () => {
  await using app = await startApp({
    environment: {
      WECHAT_APPID: "wx5a4db0c500000000",
      WECHAT_SECRET: "sandbox",
      PUBLIC_URL: "https://api.example.com",
    },
  });
  const { secret } = await app.app.auth.apps.create({ appid: "cinema", role: "service", quotaPerDay: 10 });
  for (const target of ["GET /wxs/wx/accesstoken", "GET /wxs/users/wx", `GET /wxs/cart?open_id=${openID}`]) {
    expect(await ask(app, target)).toEqual({
      status: 400,
      body: { info: "this method needs an access token" },
    });
  }
  const { accessToken } = await app.as().hall.token({ appid: "cinema", secret });
  expect((await ask(app, "GET /wxs/users/wx", undefined, accessToken)).body).toEqual({
    totalCount: 0,
    itemList: [],
  });
});
