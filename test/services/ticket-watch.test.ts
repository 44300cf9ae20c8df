import { createClient, type Transport } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import { expect, test } from "vitest";
import {
  type TicketRecord_Status as Status,
  Ticket,
  type TicketWatchResponse,
} from "../../gen/liveuser/ticket_pb.ts";
import { deleteOldChanges, record } from "../../src/services/ticket/changes.ts";
import { standingOf } from "../../src/services/ticket/machine.ts";
import { insert, type TicketRow } from "../../src/services/ticket/store.ts";
import { happen } from "../../src/services/ticket/transition.ts";
import { type FeedMessage, ticketFeed } from "../../src/services/ticket/watch.ts";
import { openStore } from "../../src/storage/open.ts";
import type { Store } from "../../src/storage/store.ts";
import { type Caller, movableClock, rejects, startApp, type TestApp } from "../app.ts";
import { databases, openTestStore } from "../databases.ts";
import { testIds } from "../storage/test-ids.ts";
import { pay, scan, ticketOf } from "./cinema.ts";

const log = { error: expect.fail } as never;
const ids = testIds();

async function addPerson(store: Store): Promise<number> {
  const id = ids.next();
  await store.tx(({ db, t }) => db.insert(t.users).values({ id, createdAt: 1 }));
  return id;
}

/** Makes a ticket without cart, scene and movies. */
async function addTicket(store: Store, userId: number, vrClientId = "vr-1"): Promise<number> {
  const ticket: TicketRow = {
    id: ids.next(),
    userId,
    ...standingOf.pending,
    price: 1,
    actualPrice: 1,
    payMode: "",
    payTime: null,
    viewerOpenid: "o",
    viewerNickName: "",
    sceneId: 1,
    vrClientId,
    seatNumber: "1",
    cinemaName: "c",
    hallName: "h",
    movieIds: "[]",
    createdAt: 1,
    expiresAt: Number.MAX_SAFE_INTEGER,
  };
  await store.tx(async (tx) => {
    await insert(tx, ticket);
    await record(tx, [{ ticket }], Date.now());
  });
  return ticket.id;
}

async function cancel(store: Store, id: number): Promise<void> {
  await store.tx((tx) => happen(tx, "cancel", { id, now: Date.now() }));
}

/** What a watcher was told, until `enough` says so; heartbeats are left out of `told`. */
async function watched(
  messages: AsyncIterable<FeedMessage>,
  enough: (told: FeedMessage[], message: FeedMessage) => boolean,
) {
  const told: FeedMessage[] = [];
  let cursor = 0;
  for await (const message of messages) {
    cursor = message.cursor;
    if (message.ticket) told.push(message);
    if (enough(told, message)) break;
  }
  return { told: told.map(({ ticket }) => [ticket?.id, ticket?.status]), cursor };
}

const signal = () => AbortSignal.timeout(20_000);
const usual = { heartbeatMs: 5_000, pollMs: 20 };

for (const database of databases) {
  test(`a watcher that leaves and comes back after every few changes misses none, whoever writes (${database})`, async () => {
    await using store = await openTestStore(database);
    // Two feeds on one database are what two processes are; each writes, and knows nothing of the other.
    const other = store.url ? await openStore({ url: store.url, ids: testIds() }) : store;
    const feeds = [ticketFeed({ store, log }, usual), ticketFeed({ store: other, log }, usual)];
    const alice = await addPerson(store);
    const all = feeds[0]?.watch({ filter: {}, cursor: 0, signal: signal() }) as AsyncGenerator<FeedMessage>;
    let { cursor } = (await all.next()).value as FeedMessage;
    expect(cursor).toBeGreaterThan(0);
    const writing = Array.from({ length: 8 }, async (_, writer) => {
      const mine = writer % 2 ? store : other;
      for (let i = 0; i < 10; i++) await cancel(mine, await addTicket(mine, alice));
    });
    const told: unknown[] = [];
    for (let turn = 0; told.length < 160; turn++) {
      const feed = feeds[turn % 2] as (typeof feeds)[number];
      const some = await watched(
        feed.watch({ filter: {}, cursor, signal: signal() }),
        (some) => some.length === 7 || told.length + some.length === 160,
      );
      told.push(...some.told);
      cursor = some.cursor;
    }
    await Promise.all(writing);
    expect(new Set(told.map((one) => JSON.stringify(one))).size).toBe(160);
    // Each ticket is made before it is cancelled, and nobody was told twice.
    const order = told as [number, number][];
    for (const [id, status] of order) {
      if (status === 3)
        expect(order.findIndex((one) => one[0] === id && one[1] === 0)).toBeGreaterThanOrEqual(0);
    }
    // The one that stayed was told the same, in the same order.
    const stayed = await watched(all, (some) => some.length >= 160);
    expect(stayed.told).toEqual(told);
    if (other !== store) await other.close();
  });

  test(`filters, heartbeats that move on, and cursors that are refused (${database})`, async () => {
    await using store = await openTestStore(database);
    const feed = ticketFeed({ store, log }, { heartbeatMs: 50, pollMs: 10 });
    const [alice, bob] = [await addPerson(store), await addPerson(store)];
    const mine = [await addTicket(store, alice, "vr-1"), await addTicket(store, alice, "vr-2")];
    await addTicket(store, bob, "vr-1");
    const from = (filter: { userId?: number; vrClientId?: string }, cursor = 1) =>
      watched(
        feed.watch({ filter, cursor, signal: signal() }),
        (told, { ticket }) => told.length > 0 && !ticket,
      );
    expect((await from({ userId: alice })).told).toEqual(mine.map((id) => [id, 0]));
    expect((await from({ userId: alice, vrClientId: "vr-2" })).told).toEqual([[mine[1], 0]]);
    const device = await from({ vrClientId: "vr-1" });
    expect(device.told).toHaveLength(2);
    // The heartbeat's cursor is past what concerns somebody else.
    expect((await from({ userId: alice })).cursor).toBe(4);
    expect(device.cursor).toBe(4);

    // "As it was after the change", however it is now.
    await cancel(store, mine[0] as number);
    expect((await from({ userId: alice })).told).toEqual([...mine.map((id) => [id, 0]), [mine[0], 3]]);

    const refused = (cursor: number) =>
      expect(feed.watch({ filter: {}, cursor, signal: signal() }).next()).rejects.toThrow("not valid");
    await refused(6);
    // Deleted only with what came before it, and not to be had any more.
    for (let i = 0; i < 500; i++) await addTicket(store, bob);
    await deleteOldChanges({ store, clock: { now: () => Date.now() + 6 * 86400_000 } });
    expect((await from({ userId: alice })).told).toHaveLength(3);
    await deleteOldChanges({ store, clock: { now: () => Date.now() + 8 * 86400_000 } });
    await refused(1);
    await refused(500);
    expect((await from({ userId: bob }, 501)).told).toHaveLength(4);
  });
}

test("a watcher that goes away leaves no timer and no listener behind", async () => {
  await using store = await openTestStore("sqlite");
  const feed = ticketFeed({ store, log }, { heartbeatMs: 60_000, pollMs: 5 });
  let looks = 0;
  const counting = ticketFeed(
    {
      store: {
        ...store,
        get read() {
          looks++;
          return store.read;
        },
      } as Store,
      log,
    },
    { heartbeatMs: 60_000, pollMs: 5 },
  );
  const gone = new AbortController();
  const running = Array.from({ length: 20 }, () =>
    watched(counting.watch({ filter: {}, cursor: 0, signal: gone.signal }), () => false),
  );
  await new Promise((resolve) => setTimeout(resolve, 100));
  const before = looks;
  await new Promise((resolve) => setTimeout(resolve, 100));
  // One look at a time, not one for each watcher.
  expect(looks - before).toBeLessThan(25);
  gone.abort();
  await Promise.all(running);
  await new Promise((resolve) => setTimeout(resolve, 20));
  const after = looks;
  await new Promise((resolve) => setTimeout(resolve, 60));
  expect(looks).toBe(after);
  feed.changed();
});

test("a watcher who does not take what comes finds it all later", async () => {
  await using store = await openTestStore("sqlite");
  const feed = ticketFeed({ store, log }, usual);
  const alice = await addPerson(store);
  const slow = feed.watch({ filter: { userId: alice }, cursor: 0, signal: signal() });
  await slow.next();
  const made: number[] = [];
  for (let i = 0; i < 250; i++) made.push(await addTicket(store, alice));
  feed.changed();
  const { told } = await watched(slow, (some) => some.length === 250);
  expect(told.map(([id]) => id)).toEqual(made);
});

const transports: Record<string, (app: TestApp) => Transport> = {
  "Connect, JSON": ({ url }) =>
    createConnectTransport({ baseUrl: url, httpVersion: "1.1", useBinaryFormat: false }),
  gRPC: ({ url }) => createGrpcTransport({ baseUrl: url }),
  "gRPC-Web": ({ url }) => createGrpcWebTransport({ baseUrl: url, httpVersion: "1.1" }),
};

for (const [name, transport] of Object.entries(transports)) {
  test(`a device follows its seat's ticket from the cart to the last picture (${name})`, async () => {
    await using app = await startApp();
    const alice = await app.signIn("alice");
    const bob = await app.signIn("bob");
    const operator = await app.appWith("operator");
    const device = await app.appWith("device");
    const leave = new AbortController();
    const watch = (caller: Caller, request: { vrClientId?: string; cursor?: bigint }) =>
      createClient(Ticket, transport(app))
        .watch(request, { headers: { authorization: `Bearer ${caller.token}` }, signal: leave.signal })
        [Symbol.asyncIterator]();
    const next = async (messages: AsyncIterator<TicketWatchResponse>) =>
      (await messages.next()).value as TicketWatchResponse;
    const seat = watch(device, { vrClientId: "vr-001" });
    const own = watch(alice, {});
    const { cursor: first, ticket: none } = await next(seat);
    expect([first > 0n, none]).toEqual([true, undefined]);
    expect((await next(own)).ticket).toBeUndefined();

    await scan(app, "alice", 1);
    await scan(app, "bob", 2);
    await ticketOf(bob, "rally");
    const ticket = await ticketOf(alice, "orbit");
    await pay(app, alice, ticket);
    await operator.ticket.distribute({ ticketId: ticket.ticketId });
    await device.ticket.report({ vrClientId: "vr-001", progressPhase: 3 });
    await device.ticket.report({ vrClientId: "vr-001", progressPhase: 4 });
    const stands = async (messages: AsyncIterator<TicketWatchResponse>) => {
      const seen: [Status | undefined, number | undefined][] = [];
      for (let i = 0; i < 5; i++) {
        const message = await next(messages);
        expect(message.ticket?.ticketId).toBe(ticket.ticketId);
        seen.push([message.ticket?.status, message.ticket?.progressPhase]);
      }
      return seen;
    };
    const story = [
      [0, 0],
      [1, 1],
      [1, 2],
      [1, 3],
      [1, 4],
    ];
    expect(await stands(seat)).toEqual(story);
    expect(await stands(own)).toEqual(story);
    // Once more from the beginning, as after a broken connection.
    const again = watch(device, { vrClientId: "vr-001", cursor: first });
    expect((await next(again)).ticket).toBeUndefined();
    expect(await stands(again)).toEqual(story);
    await rejects(next(watch(device, { cursor: 4711n })), "INVALID_REQUEST");
    leave.abort();
  });
}

test("a stream ends with its session or its token, and goes on after a renewal", async () => {
  const clock = movableClock();
  await using app = await startApp({ database: "sqlite", clock });
  const [phone, tablet] = [await app.signIn("alice"), await app.signIn("alice")];
  const streams = [phone, tablet].map((on) => on.ticket.watch({})[Symbol.asyncIterator]());
  const [first] = await Promise.all(streams.map((stream) => stream.next()));
  const rest = streams.map((stream) => stream.next());

  await phone.user.revokeSession({ allOthers: true });
  await rejects(rest[1] as Promise<unknown>, "SESSION_REVOKED");
  clock.pass(3700_000);
  await rejects(rest[0] as Promise<unknown>, "TOKEN_EXPIRED");

  const { accessToken } = await app.as().wx.renewToken({ refreshToken: phone.refreshToken });
  const { cursor = 0n } = first?.value ?? {};
  const again = app.as(accessToken).ticket.watch({ cursor })[Symbol.asyncIterator]();
  expect((await again.next()).done).toBe(false);
  await again.return?.();
});
