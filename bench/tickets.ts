import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Sqlite from "better-sqlite3";
import pino from "pino";
import { type App, openApp, withWechat } from "../src/app.ts";
import { readSettings } from "../src/config.ts";
import { createLogger } from "../src/log.ts";
import { startServer as startLiveuser } from "../src/server.ts";
import { reportPort, startServer } from "./child.ts";
import { runLoad } from "./load.ts";

/**
 * Ticket.List over a thousand tickets and over a million, each on a server of its own: `node
 * bench/tickets.ts [seconds]`. A tenth of the tickets is one person's.
 */
const sizes = [1_000, 1_000_000];
const connections = 4;
const rounds = 5;

const lists: [name: string, who: "person" | "service", request: object][] = [
  ["one person's", "person", {}],
  ["one person's, paid", "person", { status: ["ALREADY_PAID"] }],
  ["one person's, over or cancelled", "person", { status: ["OVER_TIME", "CANCELLED"] }],
  ["everybody's", "service", {}],
  ["everybody's, waiting", "service", { status: ["PENDING_PAYMENT"] }],
  ["everybody's, over or cancelled", "service", { status: ["OVER_TIME", "CANCELLED"] }],
  ["everybody's, page 5", "service", { start: 80 }],
];

const log = createLogger({
  level: "info",
  destination: pino.destination({ dest: "/dev/null", sync: false, minLength: 4096 }),
});

/** Of a hundred tickets 5 are PENDING_PAYMENT, 60 ALREADY_PAID, 20 OVER_TIME, 15 CANCELLED. */
const upTo = [5, 65, 85, 100];

/** Fills the tables as `count` submitted carts would have. */
function fill(file: string, people: readonly number[], count: number): void {
  const db = new Sqlite(file);
  const now = Date.now();
  const insert = db.prepare(`insert into tickets (id, user_id, status, phase, price, actual_price, pay_mode,
    pay_time, viewer_openid, viewer_nick_name, scene_id, vr_client_id, seat_number, cinema_name, hall_name,
    movie_ids, created_at, expires_at) values (?, ?, ?, ?, 6000, 6000, 'WEIXIN', ?, 'sandbox_alice', 'alice',
    1, 'vr-001', '001', 'Sandbox VR Cinema', 'Hall 1', '["orbit","rally"]', ?, ?)`);
  const sums = new Map<number, number[]>();
  db.transaction(() => {
    for (let i = 1; i <= count; i++) {
      const userId = i % 10 === 0 ? people[0] : people[1 + (i % (people.length - 1))];
      const at = (i * 37) % 100;
      const status = upTo.findIndex((end) => at < end);
      insert.run(i, userId, status, status === 1 ? 1 : 0, status === 1 ? now : null, now, now + 86400_000);
      for (const whose of [userId ?? 0, 0]) {
        const of = sums.get(whose) ?? [0, 0, 0, 0];
        of[status] = (of[status] ?? 0) + 1;
        sums.set(whose, of);
      }
    }
    const sum = db.prepare("insert into ticket_totals values (?, ?, ?, ?, ?, 0)");
    for (const [userId, of] of sums) sum.run(userId, ...of);
  })();
  db.pragma("wal_checkpoint(truncate)");
  db.close();
}

async function addPerson({ store, ids }: App): Promise<number> {
  const id = ids.next();
  await store.tx(async ({ db, t }) => {
    await db.insert(t.users).values({ id, createdAt: 1 });
    await db.insert(t.identities).values({ id: ids.next(), userId: id, appid: "wx", openid: `o${id}` });
  });
  return id;
}

async function serve(folder: string, count: number): Promise<void> {
  const file = join(folder, "bench.db");
  const settings = readSettings({
    PORT: "0",
    DATABASE_URL: `file:${file}`,
    ENCRYPTION_KEY: randomBytes(32).toString("base64"),
  });
  const app = await openApp(withWechat(settings, { WECHAT_APPID: "wx", WECHAT_SECRET: "s" }), log);
  const { url } = await startLiveuser(app);
  const people: number[] = [];
  for (let i = 0; i < 100; i++) people.push(await addPerson(app));
  fill(file, people, count);
  const person = await app.auth.sessions.create({ uid: people[0] ?? 0, appid: "wx", device: "bench" });
  const service = await app.auth.apps.issueToken("sandbox-service", "sandbox");
  const tokens = { person: person.accessToken, service: service.accessToken };
  writeFileSync(join(folder, "tokens"), JSON.stringify(tokens));
  reportPort(Number(new URL(url).port));
}

interface Side {
  port: number;
  folder: string;
  tokens: Record<"person" | "service", string>;
  stop(): void;
}

async function start(count: number): Promise<Side> {
  const folder = mkdtempSync(join(tmpdir(), "liveuser-bench-"));
  const { port, stop } = await startServer(import.meta.filename, ["--serve", folder, `${count}`]);
  return { port, folder, stop, tokens: JSON.parse(readFileSync(join(folder, "tokens"), "utf8")) };
}

/** The middle of several medians (ms), since other programs run too. */
async function medians(sides: readonly Side[], [, who, request]: (typeof lists)[number], seconds: number) {
  const found = sides.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [i, { port, tokens }] of sides.entries()) {
      const headers = { authorization: `Bearer ${tokens[who]}` };
      const body = JSON.stringify(request);
      const path = "/liveuser/Ticket/List";
      const result = await runLoad({ port, path, headers, body, connections, seconds });
      if (result.failed > 0) throw new Error(`${body}: ${result.failed} failed`);
      found[i]?.push(result.p50);
    }
  }
  return found.map((times) => times.sort((a, b) => a - b)[Math.floor(rounds / 2)] ?? Number.NaN);
}

async function compare(seconds: number): Promise<void> {
  const sides = await Promise.all(sizes.map(start));
  const rows: Record<string, Record<string, number>> = {};
  for (const list of lists) {
    const [few = Number.NaN, many = Number.NaN] = await medians(sides, list, seconds);
    rows[list[0]] = {
      "ms over 1,000": Number(few.toFixed(2)),
      "ms over 1,000,000": Number(many.toFixed(2)),
      ratio: Number((many / few).toFixed(2)),
    };
  }
  for (const { stop, folder } of sides) {
    stop();
    rmSync(folder, { recursive: true });
  }
  console.table(rows);
}

const [first, folder = "", count = ""] = process.argv.slice(2);
if (first === "--serve") await serve(folder, Number(count));
else await compare(Number(first ?? 1));
