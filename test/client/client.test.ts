import { create, toBinary, toJson } from "@bufbuild/protobuf";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Ticket as ServerTicket } from "../../gen/liveuser/ticket_pb.ts";
import { bundleForDevices } from "../../scripts/client/bundle.ts";
import { eventually, startApp, type TestApp } from "../app.ts";
import { type Client, createDevice, type DeviceOptions } from "./device.ts";

let bundle: string;
let app: TestApp;

beforeAll(async () => {
  bundle = await bundleForDevices('export * from "./index.ts";');
  app = await startApp();
});

afterAll(async () => app[Symbol.asyncDispose]());

type Options = Parameters<Client["createSession"]>[0];

function phone(options: Partial<Options> = {}, more: DeviceOptions = {}) {
  const device = createDevice(bundle, more);
  const client = device.start();
  const session = client.createSession({
    baseUrl: app.url,
    platform: client.miniProgram(),
    ...options,
  });
  return { device, client, session };
}

async function failure(call: Promise<unknown>): Promise<InstanceType<Client["ConnectError"]>> {
  return call.then(
    () => Promise.reject(new Error("should have failed")),
    (error) => error,
  );
}

const ways = [
  { binary: false, bigint: true },
  { binary: false, bigint: false },
  { binary: true, bigint: true },
  { binary: true, bigint: false },
];

for (const { binary, bigint } of ways) {
  const how = `${binary ? "protobuf" : "JSON"}, ${bigint ? "with" : "without"} BigInt`;

  test(`orders, maps, enums, optional fields and texts of all planes go and come (${how})`, async () => {
    const { device, client, session } = phone({ binary }, { bigint });
    const order = session.client(client.Order);
    const { order: made } = await order.create({ products: [{ productId: "tea", count: 2 }] });
    const id = made?.id;
    expect(typeof id).toBe(bigint ? "bigint" : "string");
    expect(made).toMatchObject({ state: client.OrderRecord_State.CREATED, pay: expect.any(Number) });
    expect(Number((await order.get({ id })).order?.id)).toBe(Number(id));
    expect((await order.list({})).orders.map((listed) => listed.id)).toContainEqual(id);

    const user = session.client(client.User);
    const name = "Ä 中文 👩‍🚀 \u0000 é";
    await user.setProfile({ profile: { name, realName: "" } });
    const { profile } = await user.getProfile({});
    expect(profile?.name).toBe(name);
    const { products } = await session.client(client.Catalog).list({ kind: client.Product_Kind.MOVIE });
    expect(products[0]?.kind).toBe(client.Product_Kind.MOVIE);
    const types = device.sent.map(({ headers, responseType }) => [headers["content-type"], responseType]);
    expect(new Set(types.flat())).toEqual(
      new Set(binary ? ["application/proto", "arraybuffer"] : ["application/json", "text"]),
    );
  });

  test(`an error brings its reason, metadata, violations and delay (${how})`, async () => {
    const { client, session } = phone({ binary }, { bigint, code: () => `dev:wrong-${binary}-${bigint}` });
    const order = session.client(client.Order);
    const unknown = await failure(order.create({ products: [{ productId: "gold", count: 1 }] }));
    expect(unknown).toBeInstanceOf(client.ConnectError);
    expect(unknown.code).toBe(client.Code.NotFound);
    expect(client.reasonOf(unknown)).toBe("PRODUCT_NOT_FOUND");
    expect(client.metadataOf(unknown)).toEqual({ product_id: "gold" });
    expect(client.violationsOf(unknown)).toEqual([]);
    expect(client.retryDelayOf(unknown)).toBeUndefined();

    const wrong = await failure(order.create({ products: [{ productId: "tea", count: -1 }] }));
    expect(client.reasonOf(wrong)).toBe("INVALID_REQUEST");
    expect(client.violationsOf(wrong)).toEqual([
      { field: "products[0].count", description: expect.stringMatching(/greater/) },
    ]);

    const user = session.client(client.User);
    const phoneNumber = `139${String(Math.random()).slice(2, 10)}`;
    await user.sendPhoneCode({ phone: phoneNumber });
    const often = await failure(user.sendPhoneCode({ phone: phoneNumber }));
    expect(client.reasonOf(often)).toBe("RATE_LIMITED");
    expect(client.retryDelayOf(often)).toBeGreaterThan(1_000);
    expect(client.retryDelayOf(often)).toBeLessThanOrEqual(60_000);
  });

  test(`a stream brings changes as they happen, until it is aborted (${how})`, async () => {
    const { device, client, session } = phone({ binary }, { bigint, code: () => "dev:watcher" });
    const cart = session.client(client.Cart);
    await app.sim("/sim/event", { openid: "sandbox_watcher", event: "SCAN", scene_id: 3 });
    const { products } = await session.client(client.Catalog).list({ kind: client.Product_Kind.MOVIE });
    await cart.add({ movieId: products[0]?.productId ?? "" });
    const stop = new client.AbortController();
    const seen: unknown[] = [];
    const ended = (async () => {
      for await (const { ticket } of session.client(client.Ticket).watch({}, { signal: stop.signal })) {
        if (ticket) seen.push(ticket.status);
      }
    })();
    await eventually(
      async () => device.count("Ticket/Watch"),
      (count) => count === 1,
    );
    await eventually(
      async () => {
        if (seen.length === 0) await cart.submit({}).catch(() => {});
        return seen;
      },
      (list) => list.length > 0,
    );
    expect(seen[0]).toBe(client.TicketRecord_Status.PENDING_PAYMENT);
    stop.abort();
    expect((await failure(ended)).code).toBe(client.Code.Canceled);
  });
}

test("a stream that is refused for its token is opened again with a renewed one", async () => {
  const { device, client, session } = phone({}, { code: () => "dev:watcher" });
  await session.signIn();
  const [[key, text]] = [...device.storage] as [[string, string]];
  const entry = JSON.parse(text);
  entry.credentials.accessToken += "x";
  device.storage.set(key, JSON.stringify(entry));
  const again = device.start();
  const restarted = again.createSession({ baseUrl: app.url, platform: again.miniProgram() });
  const stop = new again.AbortController();
  const watching = restarted.client(again.Ticket).watch({}, { signal: stop.signal });
  const ended = failure(
    (async () => {
      for await (const _ of watching);
    })(),
  );
  await eventually(
    async () => device.count("Ticket/Watch"),
    (count) => count === 2,
  );
  expect(device.count("Wx/RenewToken")).toBe(1);
  stop.abort();
  expect((await ended).code).toBe(client.Code.Canceled);
});

test("fields and enum values of a newer server are passed over", async () => {
  const { device, client, session } = phone();
  const text = JSON.stringify({
    products: [
      { product_id: "a", kind: "HOLOGRAM", price: "7", colour: { red: 1 } },
      { productId: "b", kind: 2, detail: null },
    ],
    cursor: "9007199254740993",
    more: [true],
  });
  device.before = () => ({ statusCode: 200, text });
  const { products, cursor } = await session.client(client.Catalog).list({});
  expect(products).toMatchObject([
    { productId: "a", kind: 0, price: 7 },
    { productId: "b", kind: 2, detail: "" },
  ]);
  expect(cursor).toBe(9007199254740993n);
});

test("an answer that is none fails the call", async () => {
  const { device, client, session } = phone();
  const list = () => failure(session.client(client.Catalog).list({}));
  for (const text of ["", "[]", "null", '{"products":{}}', '{"cursor":"x"}', '{"products":[{"name":1}]}']) {
    device.before = () => ({ statusCode: 200, text });
    expect((await list()).code, text).toBe(client.Code.Internal);
  }
  device.before = () => ({ statusCode: 200, header: { "Content-Type": "text/html" }, text: "<html>" });
  expect((await list()).code).toBe(client.Code.Unknown);
  device.before = () => ({ statusCode: 502, header: {}, text: "" });
  expect((await list()).code).toBe(client.Code.Unavailable);
  device.before = () => ({ statusCode: 404, text: "no JSON" });
  expect((await list()).code).toBe(client.Code.Unimplemented);
});

test("what wx.request fails with, as codes", async () => {
  const { device, client, session } = phone();
  const { Code } = client;
  const codes: [string, number][] = [
    ["request:fail timeout", Code.DeadlineExceeded],
    ["request:fail ssl hand shake error", Code.Unavailable],
    ["request:fail interrupted", Code.Unavailable],
    ["request:fail url not in domain list", Code.FailedPrecondition],
  ];
  for (const [errMsg, code] of codes) {
    device.before = () => ({ fail: errMsg });
    const error = await failure(session.client(client.Catalog).list({}));
    expect([error.code, error.rawMessage]).toEqual([code, errMsg]);
    expect(client.reasonOf(error)).toBeUndefined();
  }
});

test("a call ends after its time, which goes to the server and the device too", async () => {
  const { device, client, session } = phone({ timeoutMs: 60 });
  device.before = () => new Promise(() => {});
  const catalog = session.client(client.Catalog);
  const error = await failure(catalog.list({}));
  expect([error.code, error.rawMessage]).toEqual([client.Code.DeadlineExceeded, "the operation timed out"]);
  expect((await failure(catalog.list({}, { timeoutMs: 20 }))).code).toBe(client.Code.DeadlineExceeded);
  expect(device.sent.map(({ headers }) => headers["connect-timeout-ms"])).toEqual(["60", "20"]);
  expect(device.sent[0]?.timeout).toBeGreaterThan(60);
});

test("a call ends after its time though it waits for a sign-in, which goes on", async () => {
  const { device, client, session } = phone({ timeoutMs: 500 });
  device.before = async ({ method }) => {
    if (method === "Wx/Login") await new Promise((resolve) => setTimeout(resolve, 100));
    return undefined;
  };
  const user = session.client(client.User);
  const error = await failure(user.getProfile({}, { timeoutMs: 20 }));
  expect(error.code).toBe(client.Code.DeadlineExceeded);
  await user.getProfile({});
  expect(device.logins).toBe(1);
});

test("an aborted call is stopped, also before it began and while it waits its turn", async () => {
  const { device, client, session } = phone();
  device.before = () => new Promise(() => {});
  const catalog = session.client(client.Catalog);
  const stop = new client.AbortController();
  const calls = Array.from({ length: 12 }, () => failure(catalog.list({}, { signal: stop.signal })));
  await eventually(
    async () => device.sent.length,
    (count) => count === 10,
  );
  stop.abort();
  for (const error of await Promise.all(calls)) expect(error.code).toBe(client.Code.Canceled);
  expect((await failure(catalog.list({}, { signal: stop.signal }))).code).toBe(client.Code.Canceled);
  expect(device.sent).toHaveLength(10);
  device.before = () => undefined;
  await catalog.list({});
});

for (const eleventh of ["fails", "waits"] as const) {
  test(`of thirty calls at once ten are under way where an eleventh ${eleventh}`, async () => {
    const { device, client, session } = phone({}, { eleventh });
    const user = session.client(client.User);
    await Promise.all(Array.from({ length: 30 }, () => user.getProfile({})));
    expect(device.most).toBe(10);
  });
}

test("interceptors see each call once, its headers, its answer and its error", async () => {
  const seen: string[] = [];
  const { device, client, session } = phone({
    interceptors: [
      (next) => async (request) => {
        request.header.set("X-Request-Id", "mine-1");
        try {
          const response = await next(request);
          seen.push(`${request.method.name} ${response.header.get("x-request-id")}`);
          return response;
        } catch (error) {
          seen.push(`${request.method.name} failed`);
          throw error;
        }
      },
    ],
  });
  await session.client(client.User).getProfile({});
  await failure(session.client(client.Order).get({ id: 1n }));
  expect(seen).toEqual(["GetProfile mine-1", "Get failed"]);
  expect(device.count("Wx/Login")).toBe(1);
});

test("what anyone may call signs nobody in", async () => {
  const { device, client, session } = phone();
  await session.client(client.Catalog).list({});
  await failure(session.client(client.Hall).token({ appid: "x", secret: "y" }));
  expect(device.logins).toBe(0);
  expect(device.sent.every(({ headers }) => !("authorization" in headers))).toBe(true);
});

test("a new person gets the role that was asked for", async () => {
  const { client, session } = phone({ role: "business" }, { code: () => "dev:merchant-new" });
  await session.client(client.Rail).listOpen({});
});

test("a lost answer of a sign-in is made good with another code", async () => {
  let codes = 0;
  const { device, client, session } = phone({}, { code: () => `dev:person-${++codes}` });
  device.after = ({ method }) =>
    method === "Wx/Login" && device.count(method) === 1 ? { fail: "request:fail interrupted" } : undefined;
  await session.client(client.User).getProfile({});
  expect(codes).toBe(2);
});

test("a sign-in that is refused tells why", async () => {
  const { device, client, session } = phone({}, { code: () => "dev:risky" });
  await app.sim("/sim/fault", { path: "/sns/jscode2session", errcode: 40226, times: 1 });
  const error = await failure(session.client(client.User).getProfile({}));
  expect(client.reasonOf(error)).toBe("WX_USER_RISKY");
  expect(device.logins).toBe(1);
});

test("the client makes no global", () => {
  expect(createDevice(bundle, { random: true }).start().newGlobals).toEqual([]);
});

test("its descriptors say the same as the server's", () => {
  const { client } = phone();
  const list = client.Ticket.method.list;
  expect(list.input.fields.map(({ name, number }) => [name, number])).toEqual(
    ServerTicket.method.list.input.fields.map(({ name, number }) => [name, number]),
  );
  expect(client.Ticket.method.watch.methodKind).toBe("server_streaming");
  expect(toJson(ServerTicket.method.list.input, create(ServerTicket.method.list.input))).toEqual({});
  expect(toBinary(ServerTicket.method.list.input, create(ServerTicket.method.list.input))).toHaveLength(0);
});
