import { randomBytes } from "node:crypto";
import type { DescService } from "@bufbuild/protobuf";
import { type Client, ConnectError, createClient, type Interceptor } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { expect } from "vitest";
import { ErrorInfoSchema } from "../gen/google/rpc/error_details_pb.ts";
import { Cart } from "../gen/liveuser/cart_pb.ts";
import { Catalog } from "../gen/liveuser/catalog_pb.ts";
import { Hall } from "../gen/liveuser/hall_pb.ts";
import { Measurement } from "../gen/liveuser/measurement_pb.ts";
import { Order } from "../gen/liveuser/order_pb.ts";
import { Rail } from "../gen/liveuser/rail_pb.ts";
import { Ticket } from "../gen/liveuser/ticket_pb.ts";
import { User } from "../gen/liveuser/user_pb.ts";
import { Wx } from "../gen/liveuser/wx_pb.ts";
import { type App, openApp, withWechat } from "../src/app.ts";
import { readSettings } from "../src/config.ts";
import type { Reason } from "../src/errors.ts";
import { createLogger } from "../src/log.ts";
import { startServer } from "../src/server.ts";
import { sandboxSettings } from "../src/wechat/simulator/sandbox-app.ts";
import { startSimulator } from "../src/wechat/simulator/server.ts";
import { openTestStore, type TestDatabase } from "./databases.ts";

const services = {
  user: User,
  wx: Wx,
  order: Order,
  catalog: Catalog,
  hall: Hall,
  cart: Cart,
  ticket: Ticket,
  rail: Rail,
  measurement: Measurement,
};

/** The generated clients of one caller. */
export type Caller = { [K in keyof typeof services]: Client<(typeof services)[K]> } & { token: string };

export interface TestApp extends AsyncDisposable {
  app: App;
  url: string;
  simulator: string;
  /** The clients of somebody with this access token, or with none. */
  as(token?: string): Caller;
  /** Signs a person in through the simulator. */
  signIn(name: string): Promise<Caller & { refreshToken: string; uid: string }>;
  /** The sandbox's machine identity with that role. */
  appWith(role: "service" | "operator" | "device" | "partner"): Promise<Caller>;
  /** Asks the simulator, or with a body tells it something; its JSON answer. */
  // biome-ignore lint/suspicious/noExplicitAny: what came is for the test to look at
  sim(path: string, body?: object): Promise<any>;
  /** A plain JSON call of the document's own kind. */
  post(
    path: string,
    body: unknown,
    token?: string,
  ): Promise<{ status: number; body: Record<string, unknown> }>;
}

export interface StartOptions {
  database?: TestDatabase;
  clock?: { now(): number };
  environment?: Record<string, string>;
  /** Where the log goes, at the level that the environment sets. */
  log?: { write(line: string): void };
}

/** The whole server in its sandbox, on ports of its own: `await using app = await startApp()`. */
export async function startApp({
  database = "sqlite",
  clock,
  environment = {},
  log,
}: StartOptions = {}): Promise<TestApp> {
  const settings = readSettings({
    PORT: "0",
    LOG_LEVEL: "silent",
    ENCRYPTION_KEY: randomBytes(32).toString("base64"),
    ...environment,
  });
  const simulator = await startSimulator({ port: 0 });
  const store = await openTestStore(database);
  const app = await openApp(
    withWechat(settings, sandboxSettings(simulator.url)),
    createLogger({ level: settings.LOG_LEVEL, ...(log ? { destination: log } : {}) }),
    { store, ...(clock ? { clock } : {}) },
  );
  const server = await startServer(app);
  simulator.setCallback(`${server.url}/wx/callback`);

  function as(token = ""): Caller {
    const authorize: Interceptor = (next) => (request) => {
      if (token) request.header.set("authorization", `Bearer ${token}`);
      return next(request);
    };
    const transport = createConnectTransport({
      baseUrl: server.url,
      httpVersion: "1.1",
      interceptors: [authorize],
    });
    const clients = Object.entries(services).map(([name, service]) => [
      name,
      createClient(service as DescService, transport),
    ]);
    return { ...Object.fromEntries(clients), token };
  }

  return {
    app,
    url: server.url,
    simulator: simulator.url,
    as,
    async signIn(name) {
      const { accessToken, refreshToken, uid } = await as().wx.login({ code: `dev:${name}` });
      return { ...as(accessToken), refreshToken, uid };
    },
    async appWith(role) {
      const { accessToken } = await as().hall.token({ appid: `sandbox-${role}`, secret: "sandbox" });
      return as(accessToken);
    },
    async sim(path, body) {
      const init = body && { method: "POST", body: JSON.stringify(body) };
      const response = await fetch(`${simulator.url}${path}`, init);
      const answer = await response.json();
      expect(response.ok, `${path}: ${JSON.stringify(answer)}`).toBe(true);
      return answer;
    },
    async post(path, body, token) {
      const response = await fetch(`${server.url}${path}`, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          ...(token ? { authorization: `Bearer ${token}` } : {}),
        },
        body: JSON.stringify(body),
      });
      return { status: response.status, body: (await response.json()) as Record<string, unknown> };
    },
    async [Symbol.asyncDispose]() {
      await server.close();
      await app.close();
      await store[Symbol.asyncDispose]();
      await simulator.close();
    },
  };
}

/** Expects the call to fail with this reason. */
export async function rejects(call: Promise<unknown>, reason: Reason): Promise<ConnectError> {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => ConnectError.from(thrown),
  );
  expect(error, `should have failed with ${reason}`).toBeDefined();
  expect(error?.findDetails(ErrorInfoSchema)[0]?.reason ?? String(error)).toBe(reason);
  return error as ConnectError;
}

/** Asks again and again until the answer is what it should be; fails with the last one after `ms`. */
export async function eventually<T>(
  ask: () => Promise<T>,
  check: (answer: T) => boolean,
  ms = 10_000,
): Promise<T> {
  const end = Date.now() + ms;
  for (;;) {
    const answer = await ask();
    if (check(answer)) return answer;
    if (Date.now() > end)
      throw new Error(`still ${JSON.stringify(answer, (_, v) => (typeof v === "bigint" ? `${v}` : v))}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** A clock that runs with the real one, ahead of it by as much as it is told to pass. */
export function movableClock() {
  let ahead = 0;
  return {
    now: () => Date.now() + ahead,
    pass(ms: number) {
      ahead += ms;
    },
  };
}
