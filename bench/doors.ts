import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import pino from "pino";
import { User } from "../gen/liveuser/user_pb.ts";
import { jsonOptions } from "../src/http/json-options.ts";
import { createListener } from "../src/http/listener.ts";
import { createMetrics } from "../src/http/metrics.ts";
import { observeCalls } from "../src/http/observe.ts";
import { createHttpServer } from "../src/http/server.ts";
import { createLogger } from "../src/log.ts";
import { Call } from "../src/rpc/call.ts";
import { createPipeline } from "../src/rpc/pipeline.ts";
import type { Handler } from "../src/rpc/service.ts";
import { reportPort, startServer } from "./child.ts";
import { runLoad } from "./load.ts";

/**
 * What each way into the server costs: a call that does next to nothing, over 32 connections.
 * `node bench/doors.ts [seconds]`; `node bench/doors.ts --serve NAME` runs one server alone.
 */
const timeouts = { requestTimeoutMs: 30_000, headerTimeoutMs: 30_000 };
const answer = { user: { uid: "7", name: "alice", agent: "bench", updateAt: 1700000000000n, avatar: "" } };

const metrics = createMetrics();
const log = createLogger({
  level: "info",
  destination: pino.destination({ dest: "/dev/null", sync: false, minLength: 4096 }),
});
const observe = observeCalls({ log, metrics });
const getUser: Handler = async () => answer;
const pipeline = createPipeline({
  services: [{ desc: User, handlers: new Map([[User.method.get, getUser]]) }],
  authenticate: () => ({ kind: "user", uid: 7, sid: "s", appid: "bench", role: "customer" }),
  observe,
});

const bare: RequestListener = (req, res) => {
  const chunks: Buffer[] = [];
  req.on("data", (chunk) => chunks.push(chunk));
  req.on("end", () => {
    JSON.parse(Buffer.concat(chunks).toString());
    const body = JSON.stringify({
      user: { ...answer.user, updateAt: undefined, update_at: "1700000000000" },
    });
    res.writeHead(200, { "content-type": "application/json", "content-length": Buffer.byteLength(body) });
    res.end(body);
  });
};

const adapter = connectNodeAdapter({
  jsonOptions,
  routes(router) {
    router.rpc(User.method.get, (request, context) => {
      const call = new Call(User.method.get, {
        requestId: "x",
        peer: "",
        header: (name) => context.requestHeader.get(name) ?? undefined,
      });
      return pipeline.invoke(call, request) as Promise<never>;
    });
  },
});

async function listen(listener: RequestListener): Promise<number> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

const variants: Record<string, () => Promise<number>> = {
  "node:http and JSON, nothing else": () => listen(bare),
  "the same behind our listener": async () =>
    (await createListener({ ...timeouts, onRequest: bare, onBroken: () => "" }).listen(0, "127.0.0.1")).port,
  "liveuser's server": async () => {
    const server = createHttpServer({
      ...timeouts,
      pipeline,
      log,
      metrics,
      observe,
      bodyLimit: 4 * 1024 * 1024,
      trustedProxies: 0,
      corsOrigins: [],
      jwks: () => ({}),
      healthy: async () => {},
      metricsAccess: "nobody",
      pages: {},
      dialects: [],
    });
    return (await server.listen(0, "127.0.0.1")).port;
  },
  "connectNodeAdapter and our pipeline": () => listen(adapter),
};

async function compare(seconds: number): Promise<void> {
  const rows: Record<string, object> = {};
  for (const name of Object.keys(variants)) {
    const server = await startServer(import.meta.filename, ["--serve", name]);
    const before = await server.cpu();
    const result = await runLoad({
      port: server.port,
      path: "/liveuser.User/Get",
      headers: { authorization: "Bearer alice" },
      body: "{}",
      connections: 32,
      seconds,
    });
    // The server worked while warming up too: about a third more than what was counted.
    const cpu = ((await server.cpu()) - before) / (result.requests * (4 / 3));
    server.stop();
    rows[name] = {
      "requests/s": Math.round(result.perSecond),
      "CPU us a call": Math.round(cpu),
      "p50 ms": result.p50.toFixed(1),
      "p99 ms": result.p99.toFixed(1),
      failed: result.failed,
    };
  }
  console.table(rows);
}

const [first, name] = process.argv.slice(2);
if (first === "--serve") {
  const start = variants[name ?? ""];
  if (!start) throw new Error(`one of: ${Object.keys(variants).join("; ")}`);
  const port = await start();
  if (process.send) reportPort(port);
  else console.log(port);
} else {
  await compare(Number(first ?? 5));
}
