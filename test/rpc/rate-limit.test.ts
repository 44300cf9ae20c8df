import { getOption } from "@bufbuild/protobuf";
import { afterEach, expect, test, vi } from "vitest";
import { RetryInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { ErrorReason } from "../../gen/liveuser/errors_pb.ts";
import { Hall } from "../../gen/liveuser/hall_pb.ts";
import { Access, access, errors, Limit_Per, limit } from "../../gen/liveuser/options_pb.ts";
import { Order } from "../../gen/liveuser/order_pb.ts";
import { User } from "../../gen/liveuser/user_pb.ts";
import { Wx } from "../../gen/liveuser/wx_pb.ts";
import type { AppError } from "../../src/errors.ts";
import { createRateLimits, networkOf } from "../../src/rpc/rate-limit.ts";
import { contract } from "../../src/services/index.ts";
import { rejects, startApp } from "../app.ts";

afterEach(() => void vi.useRealTimers());

const methods = contract.flatMap((service) => service.methods);

test("a limit in the contract makes sense, and its method says that it may refuse", () => {
  const limited = methods.filter((method) => getOption(method, limit).length > 0);
  expect(limited).toContain(Wx.method.login);
  expect(limited).toContain(Hall.method.token);
  expect(limited).toContain(Order.method.create);
  for (const method of limited) {
    const name = `${method.parent.name}.${method.name}`;
    expect(getOption(method, errors), name).toContain(ErrorReason.RATE_LIMITED);
    for (const { per, count, seconds } of getOption(method, limit)) {
      expect([Limit_Per.PERSON, Limit_Per.ADDRESS], name).toContain(per);
      expect(Math.min(count, seconds), name).toBeGreaterThan(0);
      // Nobody knows the person where no token is asked for.
      const anyone = getOption(method, access).includes(Access.ANYONE);
      expect(anyone && per === Limit_Per.PERSON, name).toBe(false);
    }
  }
});

test("a method without a limit, and any method without limits, costs nothing", () => {
  expect(createRateLimits(1)(User.method.get)).toBeUndefined();
  expect(methods.map(createRateLimits(0))).toEqual(methods.map(() => undefined));
  expect(createRateLimits(1)(Wx.method.login)).toEqual({ address: expect.any(Function), person: undefined });
  const both = createRateLimits(1)(User.method.sendPhoneCode);
  expect(both).toEqual({ address: expect.any(Function), person: expect.any(Function) });
});

test("who calls oftener is refused until the window ends; others are not", async () => {
  vi.useFakeTimers({ toFake: ["Date", "setTimeout", "clearTimeout"] });
  const count = createRateLimits(0.1)(Order.method.create)?.person; // 6 a minute
  const call = async (uid: string) => {
    try {
      await count?.(uid);
      return "let through";
    } catch (error) {
      return (error as AppError).retryAfterMs;
    }
  };
  for (let i = 0; i < 6; i += 1) expect(await call("7")).toBe("let through");
  expect(await call("7")).toBe(60_000);
  vi.advanceTimersByTime(59_999);
  expect(await call("7")).toBe(1);
  expect(await call("8")).toBe("let through");
  vi.advanceTimersByTime(1);
  for (let i = 0; i < 6; i += 1) expect(await call("7")).toBe("let through");
  expect(await call("7")).toBe(60_000);
});

test("an address is an IPv4 address or a /64", () => {
  for (const [address, network] of [
    ["192.0.2.1", "192.0.2.1"],
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:0DB8:0001:0002::1", "2001:db8:1:2::/64"],
    ["2001:db8::2:0:0:0:1", "2001:db8:0:2::/64"],
    ["2001:db8::1", "2001:db8:0:0::/64"],
    ["fe80::1%eth0", "fe80:0:0:0::/64"],
    ["::1", "0:0:0:0::/64"],
    ["64:ff9b::192.0.2.1", "64:ff9b:0:0::/64"],
    ["::", "0:0:0:0::/64"],
    ["::2:3:4:5:6:7:8", "0:2:3:4::/64"],
    ["", ""],
  ] as const) {
    expect([address, networkOf(address)]).toEqual([address, network]);
  }
});

test("sign-ins are counted by address, behind trusted proxies by the caller's", async () => {
  await using app = await startApp({ environment: { RATE_LIMITS: "0.005", TRUSTED_PROXIES: "1" } });
  const signIn = (address: string, code = "dev:alice") =>
    fetch(`${app.url}/liveuser/Wx/Login`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-forwarded-for": `192.0.2.99, ${address}` },
      body: JSON.stringify({ code }),
    });
  // 3 a minute. What is wrong with a call is not looked at before it is counted.
  for (const code of ["dev:alice", "dev:bob", ""]) await signIn("192.0.2.1", code);
  const refused = await signIn("192.0.2.1");
  expect([refused.status, await refused.json()]).toMatchObject([429, { code: "resource_exhausted" }]);
  expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(50);
  expect((await signIn("192.0.2.2")).status).toBe(200);
  for (let i = 0; i < 2; i += 1) await signIn(`2001:db8::${i}`);
  expect((await signIn("2001:db8::ffff")).status).toBe(200);
  expect((await signIn("2001:db8::fffe")).status).toBe(429);
});

test("orders are counted by person, at every door", async () => {
  await using app = await startApp({ environment: { RATE_LIMITS: "0.05" } });
  const [alice, bob] = [await app.signIn("alice"), await app.signIn("bob")];
  const products = [{ productId: "tea", count: 1 }];
  await alice.order.create({ products });
  await rejects(alice.order.create({ products: [] }), "INVALID_REQUEST");
  const { status } = await app.post(
    "/liveuser/Order/Create",
    { products: [{ product_id: "tea", count: 1 }] },
    alice.token,
  );
  expect(status).toBe(200);
  const error = await rejects(alice.order.create({ products }), "RATE_LIMITED");
  expect(Number(error.findDetails(RetryInfoSchema)[0]?.retryDelay?.seconds)).toBeGreaterThan(50);
  await bob.order.create({ products });
  expect((await alice.order.list({})).orders).toHaveLength(2);
});

test("the sandbox has no limits unless they are set", async () => {
  await using app = await startApp();
  const alice = await app.signIn("alice");
  const created = Array.from({ length: 100 }, () =>
    alice.order.create({ products: [{ productId: "tea", count: 1 }] }),
  );
  expect(await Promise.all(created)).toHaveLength(100);
});
