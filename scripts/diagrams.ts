/** Draws the state machines into the READMEs that explain them: `node scripts/diagrams.ts`. */
import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Machine } from "../src/services/machine.ts";
import { railMachine } from "../src/services/rail/machine.ts";
import { ticketMachine } from "../src/services/ticket/machine.ts";

/** Every machine, and the file that shows it between `<!-- states -->` and `<!-- /states -->`. */
export const diagrams: readonly { machine: Machine<string, string>; file: string }[] = [
  { machine: ticketMachine, file: "src/services/ticket/README.md" },
  { machine: railMachine, file: "src/services/rail/README.md" },
];

/** The machine in Mermaid's language (https://mermaid.js.org/syntax/stateDiagram.html). */
export function diagramOf({ start, states, events }: Machine<string, string>): string {
  const lines = Object.entries(states).map(([state, meaning]) => `${state} : ${meaning}`);
  lines.push(`[*] --> ${start}`);
  for (const [event, { from, to }] of Object.entries(events)) {
    for (const state of from) lines.push(`${state} --> ${to} : ${event}`);
  }
  return ["```mermaid", "stateDiagram-v2", ...lines.map((line) => `  ${line}`), "```"].join("\n");
}

/** The file's text with the diagram in its place. */
export function drawn({ machine, file }: (typeof diagrams)[number]): string {
  const marks = /(<!-- states -->\n).*?(<!-- \/states -->)/s;
  const text = readFileSync(pathOf(file), "utf8");
  if (!marks.test(text)) throw new Error(`${file} has no place for a diagram`);
  return text.replace(marks, (_, open: string, close: string) => `${open}${diagramOf(machine)}\n${close}`);
}

/** Where a file of the repository is. */
export function pathOf(file: string): string {
  return resolve(import.meta.dirname, "..", file);
}

if (import.meta.main) {
  for (const diagram of diagrams) writeFileSync(pathOf(diagram.file), drawn(diagram));
}
