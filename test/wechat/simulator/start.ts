import { sandboxApp } from "../../../src/wechat/simulator/sandbox-app.ts";
import { startSimulator } from "../../../src/wechat/simulator/server.ts";
import type { SimulatorOptions } from "../../../src/wechat/simulator/simulator.ts";

export type Answer = Record<string, unknown>;

export const { appid, secret } = sandboxApp;

/** A clock that stands until it is told to pass. */
export function standingClock() {
  let ms = Date.UTC(2030, 0, 1);
  return {
    now: () => ms,
    pass(more: number) {
      ms += more;
    },
  };
}

/** A simulator with its callers: `await using sim = await start()`. */
export async function start(options: SimulatorOptions = {}) {
  const simulator = await startSimulator({ port: 0, ...options });

  /** The answer's fields, and its HTTP status as `http`. */
  async function read(response: Response): Promise<Answer> {
    return { ...((await response.json()) as Answer), http: response.status };
  }
  async function get(path: string, query: Record<string, string> = {}): Promise<Answer> {
    return read(await fetch(`${simulator.url}${path}?${new URLSearchParams(query)}`));
  }
  async function post(path: string, body: unknown, query: Record<string, string> = {}): Promise<Answer> {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const url = `${simulator.url}${path}?${new URLSearchParams(query)}`;
    return read(await fetch(url, { method: "POST", body: text }));
  }
  async function token(): Promise<string> {
    const app = { grant_type: "client_credential", appid, secret };
    return (await post("/cgi-bin/stable_token", app)).access_token as string;
  }
  return { ...simulator, get, post, token };
}
