import type { DescMethod } from "@bufbuild/protobuf";
import { Order } from "../../gen/liveuser/order_pb.ts";
import { User, type UserRecord } from "../../gen/liveuser/user_pb.ts";
import type { Identity } from "../../src/auth/identity.ts";
import { AppError } from "../../src/errors.ts";
import { createMetrics } from "../../src/http/metrics.ts";
import { observeCalls } from "../../src/http/observe.ts";
import { createHttpServer, type HttpOptions } from "../../src/http/server.ts";
import { createLogger } from "../../src/log.ts";
import type { Call } from "../../src/rpc/call.ts";
import { createPipeline, type Outcome } from "../../src/rpc/pipeline.ts";
import type { Handler, Service } from "../../src/rpc/service.ts";
import { Probe, type ProbeRequest } from "./probe.ts";

const identities: Record<string, Identity> = {
  alice: { kind: "user", uid: 7, sid: "s1", appid: "wx", role: "customer" },
  partner: { kind: "app", appid: "shop", role: "partner" },
};

/** Everything that the server under test was seen to do. */
export interface Seen {
  outcomes: Outcome[];
  /** Lines of the log, parsed. */
  log: Record<string, unknown>[];
  /** Calls of Probe.Wait and Probe.Hang while they run. */
  waiting: Call[];
}

/** Starts the HTTP server with a few services that keep everything in memory. */
export async function startHttp(overrides: Partial<HttpOptions> = {}) {
  const seen: Seen = { outcomes: [], log: [], waiting: [] };
  const log = createLogger({
    level: "info",
    destination: { write: (line) => void seen.log.push(JSON.parse(line)) },
  });
  const metrics = createMetrics();
  const observe = observeCalls({ log, metrics });
  const pipeline = createPipeline({
    services: [users(), orders(), probes(seen)],
    authenticate(token) {
      const identity = identities[token];
      if (!identity) throw new AppError("TOKEN_INVALID");
      return identity;
    },
    observe(outcome) {
      seen.outcomes.push(outcome);
      observe(outcome);
    },
  });
  const server = createHttpServer({
    pipeline,
    log,
    metrics,
    observe,
    bodyLimit: 256 * 1024,
    corsOrigins: [],
    requestTimeoutMs: 5000,
    headerTimeoutMs: 5000,
    trustedProxies: 0,
    jwks: () => ({ keys: [] }),
    healthy: async () => {},
    metricsAccess: "anyone",
    pages: {},
    dialects: [],
    ...overrides,
  });
  const { port } = await server.listen(0, "127.0.0.1");
  return {
    seen,
    port,
    url: `http://127.0.0.1:${port}`,
    close: (graceMs = 1000) => server.close(graceMs),
    [Symbol.asyncDispose]: () => server.close(100),
  };
}

export type Server = Awaited<ReturnType<typeof startHttp>>;

/** POSTs to a method; a body that is neither text nor bytes is sent as JSON. */
export function post(server: Server, path: string, body: unknown, headers: Record<string, string> = {}) {
  const ready = typeof body === "string" || body instanceof Uint8Array ? body : JSON.stringify(body);
  return fetch(server.url + path, {
    method: "POST",
    headers: { authorization: "Bearer alice", "content-type": "application/json", ...headers },
    body: ready as string,
  });
}

function serve(desc: Service["desc"], handlers: Record<string, unknown>): Service {
  const methods = desc.method as Record<string, DescMethod>;
  return {
    desc,
    handlers: new Map(
      Object.entries(handlers).map(([name, run]) => [methods[name] as DescMethod, run as Handler]),
    ),
  };
}

function users(): Service {
  const records = new Map<number, UserRecord>();
  return serve(User, {
    get: async (_: unknown, call: Call) => ({
      user: records.get(call.user.uid) ?? { uid: String(call.user.uid) },
    }),
    async set({ user }: { user: UserRecord }, call: Call) {
      records.set(call.user.uid, { ...user, uid: String(call.user.uid), updateAt: 1700000000000n });
      return {};
    },
  });
}

function orders(): Service {
  return serve(Order, {
    create: async ({ products }: { products: object[] }) => ({ order: { id: 12345678901n, products } }),
    get: async ({ id }: { id: bigint }) => {
      throw new AppError("ORDER_NOT_FOUND", { id: String(id) });
    },
  });
}

function probes(seen: Seen): Service {
  const ended = (call: Call) =>
    new Promise<never>((_, reject) => {
      seen.waiting.push(call);
      call.signal.addEventListener("abort", () => {
        seen.waiting.splice(seen.waiting.indexOf(call), 1);
        reject(call.signal.reason);
      });
    });
  return serve(Probe, {
    echo: async ({ text, big }: ProbeRequest, call: Call) => ({
      text: text || call.arrival.peer,
      bigCount: big,
    }),
    async wait({ count }: ProbeRequest, call: Call) {
      if (count === 0) return ended(call);
      seen.waiting.push(call);
      await new Promise((resolve) => setTimeout(resolve, count));
      seen.waiting.splice(seen.waiting.indexOf(call), 1);
      return { text: "done" };
    },
    async crash() {
      throw new Error('SQLITE_ERROR: near "SELECT secret FROM tokens": syntax error');
    },
    async limited() {
      throw new AppError("RATE_LIMITED", {}, { retryAfterMs: 1500 });
    },
    async *count({ count, text }: ProbeRequest) {
      for (let i = 1; i <= count; i += 1) yield { text, bigCount: BigInt(i) };
      if (text === "fail") throw new AppError("TICKET_STATE", { status: "OVER_TIME" });
    },
    async *hang(_: ProbeRequest, call: Call) {
      yield { text: "first" };
      await ended(call);
    },
  });
}
