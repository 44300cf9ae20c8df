import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DescMethodUnary } from "@bufbuild/protobuf";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import Sqlite from "better-sqlite3";
import pino from "pino";
import { openApp, withWechat } from "../src/app.ts";
import { readSettings } from "../src/config.ts";
import { jsonOptions } from "../src/http/json-options.ts";
import { createMetrics } from "../src/http/metrics.ts";
import { observeCalls } from "../src/http/observe.ts";
import { createLogger } from "../src/log.ts";
import { createPayments } from "../src/payments/payments.ts";
import { Call } from "../src/rpc/call.ts";
import { createPipeline } from "../src/rpc/pipeline.ts";
import { startServer as startLiveuser } from "../src/server.ts";
import { payables, services } from "../src/services/index.ts";
import { createAnalyst } from "../src/services/measurement/analyst.ts";
import { reportPort, startServer } from "./child.ts";
import { runLoad } from "./load.ts";

/**
 * User.Get (one read) and Order.Create (one durable transaction) over 64 connections, each server in a
 * process of its own: `npm run bench [-- seconds]`.
 */
const connections = 64;

const log = createLogger({
  level: "info",
  destination: pino.destination({ dest: "/dev/null", sync: false, minLength: 4096 }),
});

/** The app of the sandbox; it is never asked to reach WeChat here. */
async function appOn(folder: string) {
  const settings = readSettings({
    PORT: "0",
    DATABASE_URL: `file:${join(folder, "bench.db")}`,
    ENCRYPTION_KEY: randomBytes(32).toString("base64"),
  });
  return openApp(withWechat(settings, { WECHAT_APPID: "wx", WECHAT_SECRET: "s" }), log);
}

interface Serving {
  port: number;
  token: string;
}

async function signIn(app: Awaited<ReturnType<typeof appOn>>): Promise<string> {
  const id = app.ids.next();
  await app.store.tx(({ db, t }) =>
    db.insert(t.users).values({ id, createdAt: app.clock.now(), name: "alice" }),
  );
  return (await app.auth.sessions.create({ uid: id, appid: "bench", device: "bench" })).accessToken;
}

async function listen(listener: RequestListener): Promise<number> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

/** Nothing but Node and prepared statements: no tokens, no rules, no snapshots, one commit an order. */
function bare(folder: string): RequestListener {
  const db = new Sqlite(join(folder, "bare.db"));
  db.pragma("journal_mode = wal");
  db.pragma("synchronous = full");
  db.exec(`
    create table users (id integer primary key, name text, agent text, avatar text, update_at integer);
    create table products (id text primary key, name text, price integer);
    create table orders (id integer primary key, user_id integer, amount integer, created_at integer);
    create table lines (order_id integer, product_id text, name text, price integer, count integer);
    insert into users values (7, 'alice', '', '', 0);
    insert into products values ('tea', 'Longjing tea, 100 g', 6800);`);
  const user = db.prepare("select id, name, agent, avatar, update_at from users where id = ?");
  const product = db.prepare<[string], { name: string; price: number }>(
    "select name, price from products where id = ?",
  );
  const insertOrder = db.prepare("insert into orders (user_id, amount, created_at) values (?, ?, ?)");
  const insertLine = db.prepare("insert into lines values (?, ?, ?, ?, ?)");
  const order = db.transaction((wanted: { product_id: string; count: number }[]) => {
    const lines = wanted.map((line) => ({
      ...line,
      ...(product.get(line.product_id) as { name: string; price: number }),
    }));
    const amount = lines.reduce((sum, { price, count }) => sum + price * count, 0);
    const id = Number(insertOrder.run(7, amount, Date.now()).lastInsertRowid);
    for (const line of lines) insertLine.run(id, line.product_id, line.name, line.price, line.count);
    return { id: `${id}`, amount, products: lines };
  });
  return (req, res) => {
    const chunks: Buffer[] = [];
    req.on("data", (chunk) => chunks.push(chunk));
    req.on("end", () => {
      const request = JSON.parse(Buffer.concat(chunks).toString());
      const answer = req.url?.endsWith("/Get")
        ? { user: user.get(7) }
        : { order: order.immediate(request.products) };
      const body = JSON.stringify(answer);
      res.writeHead(200, { "content-type": "application/json", "content-length": Buffer.byteLength(body) });
      res.end(body);
    });
  };
}

const servers: Record<string, (folder: string) => Promise<Serving>> = {
  "node:http and better-sqlite3, bare": async (folder) => ({ port: await listen(bare(folder)), token: "" }),

  liveuser: async (folder) => {
    const app = await appOn(folder);
    const { url } = await startLiveuser(app);
    return { port: Number(new URL(url).port), token: await signIn(app) };
  },

  "connect-node, the same handlers": async (folder) => {
    const app = await appOn(folder);
    // Once, for the sandbox's catalogue.
    await (await startLiveuser(app)).close();
    const pipeline = createPipeline({
      services: services(app, {
        payments: createPayments({ ...app, payables: payables(app), notifyUrl: () => "" }),
        analyst: createAnalyst(app),
        hallReturnUrl: () => "",
      }),
      authenticate: app.auth.authenticate,
      observe: observeCalls({ log, metrics: createMetrics() }),
    });
    const adapter = connectNodeAdapter({
      jsonOptions,
      routes(router) {
        for (const method of pipeline.methods) {
          if (method.methodKind !== "unary") continue;
          router.rpc(method as DescMethodUnary, (request, context) => {
            const header = (name: string) => context.requestHeader.get(name) ?? undefined;
            return pipeline.invoke(
              new Call(method, { requestId: "x", peer: "", header }),
              request,
            ) as Promise<never>;
          });
        }
      },
    });
    return { port: await listen(adapter), token: await signIn(app) };
  },
};

const calls = {
  "User.Get": { path: "/liveuser.User/Get", body: "{}" },
  "Order.Create": { path: "/liveuser.Order/Create", body: '{"products":[{"product_id":"tea","count":2}]}' },
};

async function compare(seconds: number): Promise<void> {
  const rows: Record<string, Record<string, string | number>> = {};
  for (const name of Object.keys(servers)) {
    const folder = mkdtempSync(join(tmpdir(), "liveuser-bench-"));
    const server = await startServer(import.meta.filename, ["--serve", name, folder]);
    const token = readFileSync(join(folder, "token"), "utf8");
    rows[name] = {};
    for (const [call, { path, body }] of Object.entries(calls)) {
      const headers = { authorization: `Bearer ${token}` };
      const result = await runLoad({ port: server.port, path, headers, body, connections, seconds });
      rows[name][`${call} /s`] = Math.round(result.perSecond);
      rows[name][`${call} p99 ms`] = Number(result.p99.toFixed(1));
      if (result.failed > 0) rows[name][`${call} failed`] = result.failed;
    }
    server.stop();
    rmSync(folder, { recursive: true });
  }
  console.table(rows);
}

const [first, name = "", folder = ""] = process.argv.slice(2);
if (first === "--serve") {
  const start = servers[name];
  if (!start) throw new Error(`one of: ${Object.keys(servers).join("; ")}`);
  const { port, token } = await start(folder);
  writeFileSync(join(folder, "token"), token);
  reportPort(port);
} else {
  await compare(Number(first ?? 5));
}
