import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { diagrams, drawn, pathOf } from "../../scripts/diagrams.ts";
import {
  standingOf,
  type TicketEvent,
  type TicketState,
  ticketMachine,
} from "../../src/services/ticket/machine.ts";

for (const diagram of diagrams) {
  test(`${diagram.file} shows the machine as it is`, () => {
    expect(
      drawn(diagram) === readFileSync(pathOf(diagram.file), "utf8"),
      "run: node scripts/diagrams.ts",
    ).toBe(true);
  });
}

test("every state is another on the wire, and can be reached", () => {
  const states = Object.keys(ticketMachine.states) as TicketState[];
  expect(new Set(states.map((state) => JSON.stringify(standingOf[state]))).size).toBe(states.length);
  const reached = new Set<TicketState>([ticketMachine.start]);
  for (let size = 0; size < reached.size; ) {
    size = reached.size;
    for (const event of Object.keys(ticketMachine.events) as TicketEvent[]) {
      const { from, to } = ticketMachine.events[event];
      if (from.some((state) => reached.has(state))) reached.add(to);
    }
  }
  expect([...reached].sort()).toEqual(states.sort());
});
