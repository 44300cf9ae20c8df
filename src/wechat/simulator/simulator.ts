import { randomBytes } from "node:crypto";
import { authorizeRoutes } from "./authorize.ts";
import { eventRoutes } from "./events.ts";
import { faultRoutes, withFault } from "./faults.ts";
import { loginRoutes } from "./login.ts";
import { messageRoutes } from "./message.ts";
import { oauthRoutes } from "./oauth.ts";
import { pageRoutes } from "./page.ts";
import { payRoutes } from "./pay/pay.ts";
import { phoneRoutes } from "./phone.ts";
import {
  BadRequest,
  createRouter,
  json,
  ours,
  type Routes,
  type SimReply,
  type SimRequest,
} from "./router.ts";
import { sandboxApp } from "./sandbox-app.ts";
import { sceneRoutes } from "./scene.ts";
import { emptyState, type Simulation } from "./state.ts";
import { tokenRoutes } from "./token.ts";

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
  /** Sends events to this URL from now on. */
  setCallback(url: string): void;
  /** Ends the work that waits. */
  close(): void;
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
  const timers = new Set<NodeJS.Timeout>();
  let closed = false;
  const sim: Simulation = {
    state: emptyState(),
    appid,
    secret,
    now: () => clock.now(),
    random,
    scaled: (ms) => ms / timeScale,
    later(ms, work) {
      if (closed) return;
      const timer = setTimeout(async () => {
        timers.delete(timer);
        try {
          await work();
        } catch {}
      }, ms / timeScale);
      timers.add(timer);
    },
  };
  const routes: Routes = {
    ...loginRoutes(sim),
    ...tokenRoutes(sim),
    ...authorizeRoutes(sim),
    ...oauthRoutes(sim),
    ...phoneRoutes(sim),
    ...messageRoutes(sim),
    ...sceneRoutes(sim),
    ...eventRoutes(sim),
    ...payRoutes(sim),
    ...faultRoutes(sim),
    ...pageRoutes(sim),
  };

  const route = createRouter(sim, routes);

  async function handle(request: SimRequest): Promise<SimReply | undefined> {
    if (ours(request.path) && isForeign(request)) return json({ error: "from another page" }, 403);
    const work = () => route(request);
    try {
      return ours(request.path) ? readable(request, await work()) : await withFault(sim, request.path, work);
    } catch (error) {
      if (error instanceof BadRequest) return readable(request, json({ error: error.message }, 400));
      throw error;
    }
  }

  return {
    handle,
    setCallback(url) {
      sim.state.callbackUrl = url;
    },
    close() {
      closed = true;
      for (const timer of timers) clearTimeout(timer);
      timers.clear();
    },
  };
}

const loopback = /^(?:127\.\d+\.\d+\.\d+|\[::1\]|localhost)$/;

/** An answer that the page which asks may read, on whatever port it is. */
function readable({ headers: { origin } }: SimRequest, reply: SimReply | undefined): SimReply | undefined {
  if (!reply || origin === undefined) return reply;
  return { ...reply, headers: { ...reply.headers, "access-control-allow-origin": origin, vary: "Origin" } };
}

/** Whether a web page of another machine asks, on whose behalf a browser does it unasked. */
function isForeign({ headers }: SimRequest): boolean {
  const { origin, host } = headers;
  if (origin === undefined) return false;
  const page = URL.parse(origin);
  return page === null || (page.host !== host && !loopback.test(page.hostname));
}
