import { count } from "drizzle-orm";
import { TicketRecord_Status as Status, type TicketRecord } from "../../gen/liveuser/ticket_pb.ts";
import { type Caller, eventually, type TestApp } from "../app.ts";

/** The person scans a seat's code. */
export async function scan(app: TestApp, name: string, sceneId: number): Promise<void> {
  await app.sim("/sim/event", { openid: `sandbox_${name}`, event: "SCAN", scene_id: sceneId });
  const service = await app.appWith("service");
  await eventually(
    () => service.wx.getScene({ openId: `sandbox_${name}` }).catch(() => undefined),
    (scene) => scene?.sceneId === sceneId,
  );
}

/** Puts the movies into the person's cart and makes a ticket of it. */
export async function ticketOf(caller: Caller, ...movies: string[]): Promise<TicketRecord> {
  for (const movieId of movies) await caller.cart.add({ movieId });
  const { ticket } = await caller.cart.submit({});
  return ticket as TicketRecord;
}

/** Pays the ticket at WeChat, and waits until the server knows. */
export async function pay(app: TestApp, caller: Caller, { ticketId }: TicketRecord): Promise<void> {
  const params = await caller.wx.prepay({ ticketId });
  await app.sim("/sim/pay", { prepay_id: params.package.replace("prepay_id=", "") });
  await eventually(
    () => statusOf(caller, ticketId),
    (status) => status === Status.ALREADY_PAID,
  );
}

export async function statusOf(caller: Caller, ticketId: bigint): Promise<Status | undefined> {
  return (await caller.ticket.list({ ticketId })).tickets[0]?.status;
}

/** The sums that lists go by, and what counting the tickets would give. */
export async function sums(app: TestApp) {
  const { db, t } = app.app.store.read;
  const { userId, status } = t.tickets;
  const counted = await db.select({ userId, status, count: count() }).from(t.tickets).groupBy(userId, status);
  const names = ["pending", "paid", "overTime", "cancelled"] as const;
  const rows = await db.select().from(t.ticketTotals);
  const kept = rows
    .filter((row) => row.userId !== 0)
    .flatMap((row) => names.map((name, i) => ({ userId: row.userId, status: i, count: row[name] })))
    .filter((row) => row.count !== 0);
  const key = (row: { userId: number; status: number }) => `${row.userId} ${row.status}`;
  const sorted = (list: typeof counted) => list.toSorted((a, b) => key(a).localeCompare(key(b)));
  const all = rows.find((row) => row.userId === 0);
  const total = (i: number) => counted.filter((row) => row.status === i).reduce((n, row) => n + row.count, 0);
  return {
    kept: [sorted(kept), names.map((name) => all?.[name])],
    counted: [sorted(counted), names.map((_, i) => total(i))],
  };
}
