import { expect, test } from "vitest";
import { RailOrder_State as State } from "../../gen/liveuser/rail_pb.ts";
import { type RailEvent, type RailState, railMachine } from "../../src/services/rail/machine.ts";
import * as orders from "../../src/services/rail/store.ts";
import { happen } from "../../src/services/rail/transition.ts";
import type { Store } from "../../src/storage/store.ts";
import { databases, openTestStore } from "../databases.ts";

const events = Object.keys(railMachine.events) as RailEvent[];
const states = Object.keys(railMachine.states) as RailState[];
const now = 1_800_000_000_000;
/** Where a refund may be asked for the first time. */
const askable: RailState[] = railMachine.events.refund.from.filter((state) => state !== "returned_return");

async function putOrder(store: Store, id: number): Promise<void> {
  await store.tx((tx) =>
    orders.insert(tx, {
      id,
      userId: 1,
      amount: 100,
      identitySealed: new Uint8Array(1),
      identityLast4: "002X",
      documentType: 0,
      passengerType: 0,
      passengerName: "Wang Wu",
      fromSite: "Beijing",
      toSite: "Zhengzhou",
      details: "[]",
      idempotencyKey: null,
      createdAt: now,
      expiresAt: now + 1,
    }),
  );
}

/** Puts an order into a state, past the machine. */
async function force(store: Store, state: RailState, refundFrom: RailState | null): Promise<void> {
  await store.tx(({ db, t }) =>
    db
      .update(t.railOrders)
      .set({ state: State[state], refundFrom: refundFrom && State[refundFrom] })
      .execute(),
  );
}

test("the machine has every state of the contract, comes to each of them, and ends in two", () => {
  expect(states.toSorted()).toEqual(Object.keys(State).toSorted());
  const left = new Set(events.flatMap((event) => [...railMachine.events[event].from]));
  expect(states.filter((state) => !left.has(state))).toEqual(["success", "returned_amount"]);
  const reached = new Set<RailState>([railMachine.start]);
  for (const _ of states) {
    for (const { from, to } of Object.values(railMachine.events)) {
      if (from.some((state) => reached.has(state))) reached.add(to);
    }
  }
  expect([...reached].toSorted()).toEqual(states.toSorted());
});

test("a rejected refund closes no way: what leaves a state in which one may ask leaves returned_return too", () => {
  for (const event of events) {
    const { from } = railMachine.events[event];
    const leaves = from.some((state) => askable.includes(state));
    expect(from.includes("returned_return"), event).toBe(leaves);
  }
});

for (const database of databases) {
  test(`each event happens in the states of the table, and in no other (${database})`, async () => {
    await using store = await openTestStore(database);
    await store.tx(async ({ db, t }) => {
      await db.insert(t.users).values({ id: 1, openid: "o", createdAt: now });
    });
    await putOrder(store, 7);
    for (const event of events) {
      const { from, to } = railMachine.events[event];
      for (const state of states) {
        // A rejected refund counts where the customer asked for it.
        for (const asked of state === "returned_return" ? askable : [null]) {
          await force(store, state, asked);
          const order = await store.tx((tx) => happen(tx, event, { id: 7, now }));
          const expected = from.includes(asked ?? state);
          expect(order !== undefined, `${event} in ${state} (${asked})`).toBe(expected);
          expect(order?.state).toBe(expected ? State[to] : undefined);
        }
      }
    }
    expect(await store.tx((tx) => happen(tx, "pay", { id: 8, now }))).toBeUndefined();
  });
}
