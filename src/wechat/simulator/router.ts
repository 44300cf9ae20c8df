import type { Simulation } from "./state.ts";

export interface SimRequest {
  method: string;
  path: string;
  query: URLSearchParams;
  /** As it came: some protocols sign the raw text. */
  body: string;
}

export interface SimReply {
  status: number;
  type: string;
  body: string;
}

export type Handler = (request: SimRequest) => SimReply | Promise<SimReply>;

/** `GET /path` → what answers it. Each area of WeChat has a file that makes one of these. */
export type Routes = Record<string, Handler>;

/** A `/sim/` request that makes no sense; its message is the answer. WeChat's own paths have errcodes. */
export class BadRequest extends Error {}

/** WeChat's texts (https://developers.weixin.qq.com/doc/oplatform/developers/errCode/errCode.html). */
const errmsgs: Record<number, string> = {
  [-1]: "system error",
  40002: "invalid grant_type",
  40013: "invalid appid",
  40029: "invalid code",
  40066: "invalid url",
  40125: "invalid appsecret",
  40163: "code been used",
  40226: "code blocked",
  41002: "appid missing",
  41004: "appsecret missing",
  41008: "missing code",
  43001: "require GET method",
  43002: "require POST method",
  45011: "api minute-quota reach limit, must slower, retry next minute",
};

export function json(value: unknown, status = 200): SimReply {
  return { status, type: "application/json; charset=utf-8", body: `${JSON.stringify(value)}\n` };
}

export function html(body: string, status = 200): SimReply {
  return { status, type: "text/html; charset=utf-8", body };
}

/** WeChat's refusal: HTTP 200, and an errmsg that ends in `, rid: …`. */
export function refuse(sim: Simulation, errcode: number, more = ""): SimReply {
  const word = () => sim.random(4).toString("hex");
  const seconds = Math.floor(sim.now() / 1000).toString(16);
  const rid = `${seconds}-${word()}-${word()}`;
  return json({ errcode, errmsg: `${errmsgs[errcode] ?? "error"}${more}, rid: ${rid}` });
}

/**
 * The fields of a `/sim/` request.
 * @throws BadRequest when the body is no JSON object, or has a field that is not among `known`.
 */
export function fields(request: SimRequest, known: readonly string[]): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(request.body);
  } catch {
    throw new BadRequest("the body is not JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new BadRequest("the body is not a JSON object");
  }
  const strange = Object.keys(value).find((field) => !known.includes(field));
  if (strange !== undefined) throw new BadRequest(`unknown field ${JSON.stringify(strange)}`);
  return value as Record<string, unknown>;
}

/** Finds who answers; unknown paths and wrong methods are refused as WeChat does it. */
export function route(sim: Simulation, routes: Routes, request: SimRequest): SimReply | Promise<SimReply> {
  const handler = routes[`${request.method} ${request.path}`];
  if (handler) return handler(request);
  const other = ["GET", "POST"].find((method) => routes[`${method} ${request.path}`]);
  if (other === undefined) return { ...refuse(sim, 40066), status: 404 };
  if (ours(request.path)) return json({ error: `this path takes ${other}` }, 405);
  return refuse(sim, other === "GET" ? 43001 : 43002);
}

/** Whether a path is the simulator's own, and none of WeChat's. */
export function ours(path: string): boolean {
  return path.startsWith("/sim/") || path === "/healthz" || path === "/";
}
