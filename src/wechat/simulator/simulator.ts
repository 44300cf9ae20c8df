import { randomBytes } from "node:crypto";
import { faultRoutes, withFault } from "./faults.ts";
import { loginRoutes } from "./login.ts";
import { pageRoutes } from "./page.ts";
import { BadRequest, json, ours, type Routes, route, type SimReply, type SimRequest } from "./router.ts";
import { emptyState, type Simulation } from "./state.ts";

/** The one app of the sandbox. Both sides know it; neither value opens anything else. */
export const sandboxApp = { appid: "wx5a4db0c500000000", secret: "sandbox" } as const;

export interface SimulatorOptions {
  appid?: string;
  secret?: string;
  /** How many times faster than WeChat's its waiting times run; 1 unless told. */
  timeScale?: number;
  clock?: { now(): number };
  /** As many random bytes as asked for. */
  random?: (size: number) => Buffer;
}

export interface Simulator {
  /** @returns undefined when the connection is to be broken. */
  handle(request: SimRequest): Promise<SimReply | undefined>;
}

/**
 * A WeChat that remembers its people, codes and faults, without the network around it.
 * @throws RangeError when the time scale is no number above 0.
 */
export function createSimulator({
  appid = sandboxApp.appid,
  secret = sandboxApp.secret,
  timeScale = 1,
  clock = { now: () => Date.now() },
  random = randomBytes,
}: SimulatorOptions = {}): Simulator {
  if (!(timeScale > 0 && Number.isFinite(timeScale))) throw new RangeError("timeScale must be above 0");
  const sim: Simulation = {
    state: emptyState(),
    appid,
    secret,
    now: () => clock.now(),
    random,
    scaled: (ms) => ms / timeScale,
  };
  const routes: Routes = { ...loginRoutes(sim), ...faultRoutes(sim), ...pageRoutes(sim) };

  async function handle(request: SimRequest): Promise<SimReply | undefined> {
    const work = () => route(sim, routes, request);
    try {
      return ours(request.path) ? await work() : await withFault(sim, request.path, work);
    } catch (error) {
      if (error instanceof BadRequest) return json({ error: error.message }, 400);
      throw error;
    }
  }

  return { handle };
}
