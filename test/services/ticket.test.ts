import { expect, test } from "vitest";
import {
  TicketProgress_Phase as Phase,
  TicketRecord_Status as Status,
  type TicketRecord,
} from "../../gen/liveuser/ticket_pb.ts";
import { type Caller, eventually, movableClock, rejects, startApp } from "../app.ts";
import { databases } from "../databases.ts";
import { pay, scan, statusOf, sums, ticketOf } from "./cinema.ts";

async function idsOf(caller: Caller, request: Parameters<Caller["ticket"]["list"]>[0] = {}) {
  const { tickets, totalCount } = await caller.ticket.list(request);
  return { ids: tickets.map(({ ticketId }) => ticketId), totalCount };
}

for (const database of databases) {
  test(`a cancelled ticket's movies go back in front, without doubles, once (${database})`, async () => {
    await using app = await startApp({ database });
    const alice = await app.signIn("alice");
    await scan(app, "alice", 1);
    const { ticketId } = await ticketOf(alice, "orbit", "rally");
    for (const movieId of ["glacier", "rally"]) await alice.cart.add({ movieId });
    const cancelled = await Promise.all(Array.from({ length: 5 }, () => alice.ticket.cancel({ ticketId })));
    for (const { ticket } of cancelled) {
      expect(ticket).toMatchObject({
        ticketId,
        status: Status.CANCELLED,
        progressPhase: Phase.PENDING_PAYMENT,
      });
    }
    expect((await alice.cart.get({})).movieIds).toEqual(["orbit", "rally", "glacier"]);
    expect(await idsOf(alice, { status: [Status.CANCELLED] })).toEqual({ ids: [ticketId], totalCount: 1 });
    expect(await idsOf(alice, { status: [Status.PENDING_PAYMENT] })).toEqual({ ids: [], totalCount: 0 });
    const { kept, counted } = await sums(app);
    expect(kept).toEqual(counted);
  });

  test(`a ticket that is not paid in time is OVER_TIME from that ms on, in every list and count (${database})`, async () => {
    const clock = movableClock();
    await using app = await startApp({ database, clock, environment: { TICKET_EXPIRE: "600" } });
    const alice = await app.signIn("alice");
    const bob = await app.signIn("bob");
    const service = await app.appWith("service");
    await scan(app, "alice", 1);
    await scan(app, "bob", 2);
    const old = await ticketOf(alice, "orbit");
    expect(old.expireTime).toBe(600);
    const bobs = await ticketOf(bob, "rally");
    clock.pass(300_000);
    const young = await ticketOf(alice, "rally");
    clock.pass(299_000);
    expect(await statusOf(alice, old.ticketId)).toBe(Status.PENDING_PAYMENT);
    clock.pass(Number(old.startTime) + 600_000 - clock.now());
    // The sweep may or may not have been here yet: nobody can tell.
    const over = { ids: [old.ticketId], totalCount: 1 };
    const waiting = { ids: [young.ticketId], totalCount: 1 };
    expect(await statusOf(alice, old.ticketId)).toBe(Status.OVER_TIME);
    expect(await idsOf(alice, { status: [Status.OVER_TIME] })).toEqual(over);
    expect(await idsOf(alice, { status: [Status.PENDING_PAYMENT] })).toEqual(waiting);
    await rejects(alice.wx.prepay({ ticketId: old.ticketId }), "TICKET_STATE");
    const error = await rejects(alice.ticket.cancel({ ticketId: old.ticketId }), "TICKET_STATE");
    expect(JSON.stringify(error.details)).toMatch(/OVER_TIME.*PENDING_PAYMENT/);
    clock.pass(10_000);
    const both = await idsOf(service, { status: [Status.OVER_TIME] });
    expect(both).toEqual({ ids: [bobs.ticketId, old.ticketId], totalCount: 2 });
    // Once it was, the rows and the sums say the same.
    await eventually(
      () => sums(app),
      ({ counted }) => JSON.stringify(counted[1]) === "[1,0,2,0]",
    );
    const { kept, counted } = await sums(app);
    expect(kept).toEqual(counted);
    expect(await idsOf(alice, { status: [Status.OVER_TIME] })).toEqual(over);
    expect(await idsOf(service, { status: [Status.OVER_TIME] })).toEqual(both);
  });

  test(`lists: filters, start, limit and total_count, the newest first (${database})`, async () => {
    await using app = await startApp({ database });
    const alice = await app.signIn("alice");
    const bob = await app.signIn("bob");
    const service = await app.appWith("service");
    await scan(app, "alice", 1);
    await scan(app, "bob", 2);
    const made: TicketRecord[] = [];
    for (let i = 0; i < 9; i++) {
      made.unshift(await ticketOf(alice, "orbit"));
      if (i % 3 === 1) await alice.ticket.cancel({ ticketId: made[0]?.ticketId });
    }
    await ticketOf(bob, "rally");
    const ids = made.map(({ ticketId }) => ticketId);
    const cancelled = ids.filter((_, i) => (8 - i) % 3 === 1);
    const pending = ids.filter((id) => !cancelled.includes(id));
    expect(await idsOf(alice)).toEqual({ ids, totalCount: 9 });
    expect(await idsOf(alice, { start: 2, limit: 3 })).toEqual({ ids: ids.slice(2, 5), totalCount: 9 });
    expect(await idsOf(alice, { start: 9 })).toEqual({ ids: [], totalCount: 9 });
    const status = [Status.CANCELLED, Status.PENDING_PAYMENT, Status.OVER_TIME];
    expect(await idsOf(alice, { status })).toEqual({ ids, totalCount: 9 });
    expect(await idsOf(alice, { status, start: 4, limit: 2 })).toEqual({
      ids: ids.slice(4, 6),
      totalCount: 9,
    });
    expect(await idsOf(alice, { status: [Status.CANCELLED] })).toEqual({ ids: cancelled, totalCount: 3 });
    expect(await idsOf(alice, { status: [Status.PENDING_PAYMENT], start: 1, limit: 2 })).toEqual({
      ids: pending.slice(1, 3),
      totalCount: 6,
    });
    expect(await idsOf(alice, { status: [Status.ALREADY_PAID] })).toEqual({ ids: [], totalCount: 0 });
    expect(await idsOf(alice, { ticketId: ids[3] })).toEqual({ ids: [ids[3]], totalCount: 1 });
    expect(await idsOf(alice, { ticketId: ids[3], start: 1 })).toEqual({ ids: [], totalCount: 1 });
    expect(await idsOf(alice, { ticketId: cancelled[0], status: [Status.ALREADY_PAID] })).toEqual({
      ids: [],
      totalCount: 0,
    });
    await rejects(alice.ticket.list({ limit: 101 }), "INVALID_REQUEST");
    await rejects(alice.ticket.list({ start: -1 }), "INVALID_REQUEST");

    const all = await idsOf(service, { limit: 2 });
    expect([all.ids[1], all.totalCount]).toEqual([ids[0], 10]);
    expect((await idsOf(service, { status, limit: 100 })).ids).toHaveLength(10);
    expect((await idsOf(service, { openId: "sandbox_bob" })).totalCount).toBe(1);
    expect(await idsOf(service, { openId: "sandbox_alice", limit: 1 })).toEqual({
      ids: [ids[0]],
      totalCount: 9,
    });
    expect(await idsOf(service, { openId: "nobody" })).toEqual({ ids: [], totalCount: 0 });
    expect(await idsOf(service, { openId: "sandbox_bob", ticketId: ids[0] })).toEqual({
      ids: [],
      totalCount: 0,
    });
  });
}

test("nobody sees, cancels or complains about another's ticket", async () => {
  await using app = await startApp();
  const alice = await app.signIn("alice");
  const mallory = await app.signIn("mallory");
  const service = await app.appWith("service");
  await scan(app, "alice", 1);
  const { ticketId } = await ticketOf(alice, "orbit");
  expect(await idsOf(mallory, { ticketId })).toEqual({ ids: [], totalCount: 0 });
  await rejects(mallory.ticket.list({ openId: "sandbox_alice" }), "ACCESS_DENIED");
  await rejects(mallory.ticket.cancel({ ticketId }), "TICKET_NOT_FOUND");
  await rejects(mallory.ticket.complain({ ticketId, content: "x" }), "TICKET_NOT_FOUND");
  await rejects(mallory.wx.prepay({ ticketId }), "TICKET_NOT_FOUND");
  await rejects(service.ticket.complain({ ticketId, content: "x" }), "INVALID_REQUEST");
  for (const openId of ["sandbox_mallory", "nobody"]) {
    await rejects(service.ticket.complain({ ticketId, content: "x", openId }), "TICKET_NOT_FOUND");
  }
  for (const call of [
    alice.ticket.listComplaints({}),
    alice.ticket.distribute({ ticketId }),
    service.ticket.terminate({ ticketId }),
    alice.ticket.report({ vrClientId: "vr-001", progressPhase: Phase.PLAYING }),
    service.ticket.setSeat({
      seat: { sceneId: 1, cinemaName: "c", hallName: "h", seatNumber: "s", vrClientId: "v" },
    }),
  ]) {
    await rejects(call, "ACCESS_DENIED");
  }
  expect((await service.ticket.cancel({ ticketId })).ticket?.status).toBe(Status.CANCELLED);
  expect((await alice.cart.get({})).movieIds).toEqual(["orbit"]);
});

test("complaints are kept with time and state, and listed for the operator", async () => {
  await using app = await startApp();
  const alice = await app.signIn("alice");
  const service = await app.appWith("service");
  const operator = await app.appWith("operator");
  await scan(app, "alice", 1);
  const { ticketId } = await ticketOf(alice, "orbit");
  const before = Date.now();
  const { complaint } = await alice.ticket.complain({ ticketId, content: "影片没有播放完就终止了" });
  expect(complaint).toMatchObject({
    ticketId,
    openId: "sandbox_alice",
    content: "影片没有播放完就终止了",
    state: 0,
  });
  expect(Number(complaint?.createdAt)).toBeGreaterThanOrEqual(before);
  await service.ticket.complain({ ticketId, content: "second", openId: "sandbox_alice" });
  await alice.ticket.complain({ ticketId, content: "third" });
  await rejects(alice.ticket.complain({ ticketId, content: "" }), "INVALID_REQUEST");
  const first = await operator.ticket.listComplaints({ limit: 2 });
  expect(first.complaints.map(({ content }) => content)).toEqual(["third", "second"]);
  const second = await operator.ticket.listComplaints({ limit: 2, cursor: first.cursor });
  expect(second).toMatchObject({ complaints: [complaint], cursor: 0n });
});

test("a scene stands for one seat, a device belongs to one", async () => {
  await using app = await startApp();
  const operator = await app.appWith("operator");
  const first = await operator.ticket.listSeats({});
  expect([first.seats.length, first.cursor]).toEqual([20, 0]);
  const seat = {
    sceneId: 4_294_967_295,
    cinemaName: "西单vr影院",
    hallName: "001厅",
    seatNumber: "001",
    vrClientId: "fdj3",
  };
  await operator.ticket.setSeat({ seat });
  await operator.ticket.setSeat({ seat: { ...seat, seatNumber: "002" } });
  const error = await rejects(operator.ticket.setSeat({ seat: { ...seat, sceneId: 21 } }), "INVALID_REQUEST");
  expect(JSON.stringify(error.details)).toContain("vr_client_id");
  const page = await operator.ticket.listSeats({});
  expect(page.cursor).toBe(20);
  expect(await operator.ticket.listSeats({ cursor: page.cursor })).toMatchObject({
    seats: [{ ...seat, seatNumber: "002" }],
    cursor: 0,
  });
});

test("from the payment to the last picture, and no way around", async () => {
  await using app = await startApp();
  const alice = await app.signIn("alice");
  const operator = await app.appWith("operator");
  const device = await app.appWith("device");
  await scan(app, "alice", 5);
  const { ticketId } = await ticketOf(alice, "orbit");
  const vrClientId = "vr-005";
  const report = (progressPhase: Phase, id = 0n) =>
    device.ticket.report({ vrClientId, progressPhase, ticketId: id });
  const refused = async (call: Promise<unknown>, phase: string) => {
    const error = await rejects(call, "TICKET_STATE");
    expect(JSON.stringify(error.details)).toContain(phase);
  };

  await refused(operator.ticket.distribute({ ticketId }), "PENDING_PAYMENT");
  await rejects(report(Phase.PLAYING), "TICKET_NOT_FOUND");
  const ticket = { ticketId } as TicketRecord;
  await pay(app, alice, ticket);
  const [paid] = (await alice.ticket.list({ ticketId })).tickets;
  expect(paid).toMatchObject({
    status: Status.ALREADY_PAID,
    progressPhase: Phase.TO_DISTRIBUTE,
    payMode: "WEIXIN",
  });
  expect(Math.abs(Number(paid?.payTime) - Date.now())).toBeLessThan(60_000);
  await refused(alice.ticket.cancel({ ticketId }), "TO_DISTRIBUTE");
  await refused(report(Phase.PLAYING, ticketId), "TO_DISTRIBUTE");
  await refused(operator.ticket.terminate({ ticketId }), "TO_DISTRIBUTE");
  await rejects(operator.ticket.distribute({ ticketId: 5n }), "TICKET_NOT_FOUND");

  // The seat got another headset meanwhile.
  const { seats } = await operator.ticket.listSeats({ cursor: 4, limit: 1 });
  await operator.ticket.setSeat({ seat: { ...seats[0], vrClientId: "vr-105" } as (typeof seats)[number] });
  expect((await operator.ticket.distribute({ ticketId })).ticket?.vrClientId).toBe("vr-105");
  await operator.ticket.setSeat({ seat: seats[0] as (typeof seats)[number] });
  await refused(operator.ticket.distribute({ ticketId }), "DISTRIBUTED");
  await rejects(report(Phase.PLAYING, ticketId), "TICKET_NOT_FOUND");

  const other = (progressPhase: Phase, id = 0n) =>
    device.ticket.report({ vrClientId: "vr-105", progressPhase, ticketId: id });
  await refused(other(Phase.COMPLETED), "DISTRIBUTED");
  expect((await other(Phase.PLAYING)).ticket).toMatchObject({ ticketId, progressPhase: Phase.PLAYING });
  expect((await other(Phase.PLAYING)).ticket).toMatchObject({ ticketId, progressPhase: Phase.PLAYING });
  await rejects(other(Phase.DISTRIBUTED), "INVALID_REQUEST");
  const left = await Promise.all(Array.from({ length: 4 }, () => other(Phase.TO_TERMINATE)));
  expect(left.map((answer) => answer.ticket?.progressPhase)).toEqual(Array(4).fill(Phase.TO_TERMINATE));
  await refused(other(Phase.COMPLETED), "TO_TERMINATE");
  await refused(other(Phase.PLAYING, ticketId), "TO_TERMINATE");
  expect((await operator.ticket.terminate({ ticketId })).ticket).toMatchObject({
    status: Status.ALREADY_PAID,
    progressPhase: Phase.TERMINATED,
  });
  await refused(operator.ticket.terminate({ ticketId }), "TERMINATED");
});

test("a report without a number means the ticket that plays at the seat, or is the next to", async () => {
  await using app = await startApp();
  const alice = await app.signIn("alice");
  const operator = await app.appWith("operator");
  const device = await app.appWith("device");
  await scan(app, "alice", 9);
  const tickets = [await ticketOf(alice, "orbit"), await ticketOf(alice, "rally")];
  for (const ticket of tickets) {
    await pay(app, alice, ticket);
    await operator.ticket.distribute({ ticketId: ticket.ticketId });
  }
  const said: [Phase, number][] = [
    [Phase.PLAYING, 0],
    [Phase.PLAYING, 0],
    [Phase.COMPLETED, 0],
    [Phase.COMPLETED, 0],
    [Phase.PLAYING, 1],
    [Phase.COMPLETED, 1],
    [Phase.COMPLETED, 1],
  ];
  for (const [progressPhase, which] of said) {
    const { ticket } = await device.ticket.report({ vrClientId: "vr-009", progressPhase });
    expect(ticket).toMatchObject({ ticketId: tickets[which]?.ticketId, progressPhase });
  }
  await rejects(
    device.ticket.report({ vrClientId: "vr-009", progressPhase: Phase.PLAYING }),
    "TICKET_NOT_FOUND",
  );
});
