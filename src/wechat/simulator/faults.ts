import { setTimeout as sleep } from "node:timers/promises";
import { BadRequest, fields, html, json, ours, type Routes, refuse, type SimReply } from "./router.ts";
import type { Fault, Simulation } from "./state.ts";

const mostFaults = 100;
const longestDelayMs = 60_000;
const fieldNames = ["path", "errcode", "status", "drop", "delay_ms", "after", "times"] as const;

/** Making WeChat fail on demand. */
export function faultRoutes(sim: Simulation): Routes {
  return {
    "POST /sim/fault": (request) => {
      const fault = readFault(fields(request, fieldNames));
      if (sim.state.faults.length >= mostFaults) throw new BadRequest(`${mostFaults} faults wait already`);
      sim.state.faults.push(fault);
      return json({ path: fault.path, times: fault.left });
    },

    "DELETE /sim/fault": () => json({ forgotten: sim.state.faults.splice(0).length }),
  };
}

/**
 * Answers a request of WeChat's, with the oldest fault that waits for its path. An errcode, a status or
 * a drop stands in the answer's place, a delay alone is followed by the true answer; the work is left out
 * unless the fault says `after`.
 * @returns undefined when the connection is to be broken.
 */
export async function withFault(
  sim: Simulation,
  path: string,
  work: () => SimReply | Promise<SimReply>,
): Promise<SimReply | undefined> {
  const fault = take(sim, path);
  if (!fault) return work();
  const done = fault.after ? await work() : undefined;
  if (fault.delayMs > 0) await sleep(fault.delayMs, undefined, { ref: false });
  if (fault.drop) return undefined;
  if (fault.status !== undefined) {
    return html(`<html><head><title>${fault.status}</title></head></html>\n`, fault.status);
  }
  if (fault.errcode !== undefined) return refuse(sim, fault.errcode);
  return done ?? work();
}

function take({ state }: Simulation, path: string): Fault | undefined {
  const fault = state.faults.find((waiting) => covers(waiting.path, path));
  if (!fault) return undefined;
  fault.left -= 1;
  if (fault.left === 0) state.faults.splice(state.faults.indexOf(fault), 1);
  return fault;
}

/** A path that ends in `*` stands for all that begin so. */
function covers(pattern: string, path: string): boolean {
  return pattern.endsWith("*") ? path.startsWith(pattern.slice(0, -1)) : pattern === path;
}

function readFault(body: Record<string, unknown>): Fault {
  const { path } = body;
  if (typeof path !== "string" || !/^\/[\x21-\x7e]{1,200}$/.test(path) || ours(path)) {
    throw new BadRequest("path must be one of WeChat's paths");
  }
  const fault = {
    path,
    errcode: whole(body, "errcode", -99_999_999, 99_999_999),
    status: whole(body, "status", 200, 599),
    drop: flag(body, "drop"),
    delayMs: whole(body, "delay_ms", 0, longestDelayMs) ?? 0,
    after: flag(body, "after"),
    left: whole(body, "times", 1, 1_000) ?? 1,
  };
  const instead = [fault.errcode, fault.status, fault.drop || undefined].filter((x) => x !== undefined);
  if (instead.length > 1) throw new BadRequest("errcode, status and drop exclude each other");
  if (instead.length === 0 && fault.delayMs === 0) {
    throw new BadRequest("one of errcode, status, drop and delay_ms is needed");
  }
  return fault;
}

function whole(body: Record<string, unknown>, field: string, least: number, most: number) {
  const value = body[field];
  if (value === undefined) return undefined;
  if (typeof value !== "number" || !Number.isInteger(value) || value < least || value > most) {
    throw new BadRequest(`${field} must be a whole number from ${least} to ${most}`);
  }
  return value;
}

function flag(body: Record<string, unknown>, field: string): boolean {
  const value = body[field] ?? false;
  if (typeof value !== "boolean") throw new BadRequest(`${field} must be true or false`);
  return value;
}
