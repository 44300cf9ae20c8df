/**
 * Runs a rail order that a merchant is paid for and one whose money goes back, and writes what the ledger
 * has of both into the rail service's README: `node scripts/rail-ledger.ts`.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type App, openApp, withWechat } from "../src/app.ts";
import { readSettings } from "../src/config.ts";
import { type Account, available, held } from "../src/ledger/accounts.ts";
import { balance, entriesAbout } from "../src/ledger/ledger.ts";
import { createLogger } from "../src/log.ts";
import { startServer } from "../src/server.ts";
import { referenceOf } from "../src/services/rail/money.ts";
import { sandboxSettings } from "../src/wechat/simulator/sandbox-app.ts";
import { startSimulator } from "../src/wechat/simulator/server.ts";

const readme = resolve(import.meta.dirname, "../src/services/rail/README.md");
const amount = 8001;
const benefitRate = 333;

// biome-ignore lint/suspicious/noExplicitAny: answers are JSON
type Answer = any;

interface World {
  url: string;
  simulator: string;
}

async function post(url: string, body: object, token?: string): Promise<Answer> {
  const headers: Record<string, string> = { "content-type": "application/json" };
  if (token) headers.authorization = `Bearer ${token}`;
  const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
  const answer: Answer = await response.json();
  if (!response.ok) throw new Error(`${url}: ${JSON.stringify(answer)}`);
  return answer;
}

function caller({ url }: World, token?: string) {
  return (method: string, body: object) => post(`${url}/liveuser/${method}`, body, token);
}

interface Played {
  customer: number;
  merchant: number;
  /** The orders' ids. */
  done: string;
  returned: string;
}

/** Plays both orders through the server's own methods and the simulator's. */
async function play(world: World): Promise<Played> {
  const { simulator } = world;
  const anyone = caller(world);
  const signIn = async (name: string, role: string) => {
    const { access_token: token, uid } = await anyone("Wx/Login", { code: `dev:${name}`, role });
    return { call: caller(world, token), uid: Number(uid) };
  };
  const alice = await signIn("alice", "customer");
  const mei = await signIn("mei", "business");
  const { access_token: token } = await anyone("Hall/Token", {
    appid: "sandbox-operator",
    secret: "sandbox",
  });
  const operator = caller(world, token);
  await operator("Rail/SetBenefitRate", { uid: `${mei.uid}`, benefit_rate: benefitRate });

  const state = async (id: string) => (await alice.call("Rail/Get", { id })).order.state;
  const until = async (id: string, wanted: string) => {
    while ((await state(id)) !== wanted) await new Promise((resolve) => setTimeout(resolve, 20));
  };
  const paid = async () => {
    const { order, pay } = await alice.call("Rail/Create", {
      identity_number: "11010519491231002X",
      passenger_name: "Wang Wu",
      from_site: "Beijing",
      to_site: "Zhengzhou",
      details: [{ seat_type: "hard seat", departure_date: "2026-12-01", train_num: "K180" }],
      amount,
    });
    await post(`${simulator}/sim/pay`, { prepay_id: pay.package.slice("prepay_id=".length) });
    await until(order.id, "wait_rob");
    return order.id as string;
  };

  const done = await paid();
  await mei.call("Rail/Grab", { id: done });
  await mei.call("Rail/Submit", { id: done, ticket_no: "E123456789" });
  await operator("Rail/AuditTicket", { id: done, approve: true });
  await alice.call("Rail/Confirm", { id: done });

  const returned = await paid();
  await alice.call("Rail/Refund", { id: returned });
  await operator("Rail/AuditRefund", { id: returned, approve: true });
  const { refunds }: Answer = await (await fetch(`${simulator}/sim/refunds`)).json();
  await post(`${simulator}/sim/refund/${refunds[0].out_refund_no}`, {});
  await until(returned, "returned_amount");
  return { customer: alice.uid, merchant: mei.uid, done, returned };
}

/** The ledger's lines of both orders as a table, and what is in the accounts in the end. */
async function traceOf({ store }: App, { customer, merchant, done, returned }: Played): Promise<string> {
  const columns: [heading: string, account: Account][] = [
    ["wechat", "wechat"],
    ["held:alice", held(customer)],
    ["available:mei", available(merchant)],
    ["fees", "fees"],
  ];
  const row = (label: string, cells: (string | number | undefined)[]) =>
    (label.padEnd(15) + cells.map((cell) => `${cell ?? ""}`.padStart(15)).join("")).trimEnd();
  const lines = [
    row(
      "",
      columns.map(([heading]) => heading),
    ),
  ];
  for (const id of [done, returned]) {
    lines.push("", `rail_order:${id}`);
    for (const { kind, lines: entry } of await entriesAbout(store.read, referenceOf(Number(id)))) {
      const cells = columns.map(([, account]) => entry.find((line) => line.account === account)?.amount);
      lines.push(row(kind, cells));
    }
  }
  const sums = await Promise.all(columns.map(([, account]) => balance(store.read, account)));
  return [...lines, "", row("balances", sums)].join("\n");
}

const folder = mkdtempSync(join(tmpdir(), "liveuser-rail-"));
const simulator = await startSimulator({ port: 0 });
const settings = readSettings({
  PORT: "0",
  LOG_LEVEL: "error",
  DATABASE_URL: `file:${folder}/liveuser.db`,
});
const app = await openApp(
  withWechat(settings, sandboxSettings(simulator.url)),
  createLogger({ level: "error" }),
);
const server = await startServer(app);
try {
  const played = await play({ url: server.url, simulator: simulator.url });
  const trace = await traceOf(app, played);
  const marks = /(<!-- ledger -->\n).*?(<!-- \/ledger -->)/s;
  const text = readFileSync(readme, "utf8");
  if (!marks.test(text)) throw new Error("the README has no place for the ledger's lines");
  const filled = text.replace(
    marks,
    (_, open: string, close: string) => `${open}\`\`\`\n${trace}\n\`\`\`\n${close}`,
  );
  writeFileSync(readme, filled);
  console.log(trace);
} finally {
  await server.close();
  await app.close();
  await simulator.close();
  rmSync(folder, { recursive: true });
}
