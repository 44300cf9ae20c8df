import { strayPayRequest } from "./pay/handler.ts";
import type { Simulation } from "./state.ts";

export interface SimRequest {
  method: string;
  path: string;
  /** Path and query as they came: WeChat Pay's signature is over them. */
  target: string;
  query: URLSearchParams;
  /** Names in lower case. */
  headers: Readonly<Record<string, string | undefined>>;
  /** As it came: some protocols sign the raw text. */
  body: string;
  /** What stood in the place of a route's `{name}`, decoded; empty before the route is found. */
  params: Readonly<Record<string, string>>;
}

export interface SimReply {
  status: number;
  type: string;
  body: string;
  headers?: Readonly<Record<string, string>>;
}

export type Handler = (request: SimRequest) => SimReply | Promise<SimReply>;

/** `GET /path` or `GET /path/{name}` → what answers it. Each area of WeChat has a file that makes one of these. */
export type Routes = Record<string, Handler>;

/** A `/sim/` request that makes no sense; its message is the answer. WeChat's own paths have errcodes. */
export class BadRequest extends Error {}

/** What WeChat refuses: answered with its errcode, HTTP 200. `more` goes behind the code's text. */
export class Refusal extends Error {
  readonly errcode: number;
  readonly more: string;

  constructor(errcode: number, more = "") {
    super(`errcode ${errcode}`);
    this.errcode = errcode;
    this.more = more;
  }
}

/** WeChat's texts (https://developers.weixin.qq.com/doc/oplatform/developers/errCode/errCode.html). */
const errmsgs: Record<number, string> = {
  [-1]: "system error",
  40001: "invalid credential, access_token is invalid or not latest",
  40002: "invalid grant_type",
  40003: "invalid openid",
  40013: "invalid appid",
  40014: "invalid access_token",
  40029: "invalid code",
  40030: "invalid refresh_token",
  40035: "invalid parameter",
  40037: "invalid template_id",
  40052: "invalid action name",
  40053: "invalid action info",
  40066: "invalid url",
  40125: "invalid appsecret",
  40163: "code been used",
  40226: "code blocked",
  40243: "appsecret frozen",
  41001: "access_token missing",
  41002: "appid missing",
  41003: "refresh_token missing",
  41004: "appsecret missing",
  41008: "missing code",
  41009: "missing openid",
  41030: "invalid page",
  42001: "access_token expired",
  42002: "refresh_token expired",
  43001: "require GET method",
  43002: "require POST method",
  43004: "require subscribe",
  43101: "user refuse to accept the msg",
  44002: "empty post data",
  45009: "reach max api daily quota limit",
  45011: "api minute-quota reach limit, must slower, retry next minute",
  47001: "data format error",
  47003: "argument invalid!",
  48001: "api unauthorized",
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
 * The JSON object that one of WeChat's own paths was sent.
 * @throws Refusal 44002 (no body), 47001 (no JSON object)
 */
export function posted(request: SimRequest): Record<string, unknown> {
  if (request.body === "") throw new Refusal(44002);
  let value: unknown;
  try {
    value = JSON.parse(request.body);
  } catch {
    throw new Refusal(47001);
  }
  if (!isObject(value)) throw new Refusal(47001);
  return value;
}

/** What WeChat says when a call went well. */
export function ok(answer: object = {}): SimReply {
  return json({ errcode: 0, errmsg: "ok", ...answer });
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
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
  if (!isObject(value)) throw new BadRequest("the body is not a JSON object");
  const strange = Object.keys(value).find((field) => !known.includes(field));
  if (strange !== undefined) throw new BadRequest(`unknown field ${JSON.stringify(strange)}`);
  return value;
}

interface Found {
  handlers: ReadonlyMap<string, Handler>;
  params: Record<string, string>;
}

/** Makes the function that finds who answers; unknown paths and wrong methods are refused as WeChat does it. */
export function createRouter(sim: Simulation, routes: Routes) {
  const byPattern = Map.groupBy(Object.entries(routes), ([route]) => route.slice(route.indexOf(" ") + 1));
  const patterns = [...byPattern].map(([pattern, entries]) => ({
    segments: pattern.split("/"),
    handlers: new Map(entries.map(([route, handler]) => [route.slice(0, route.indexOf(" ")), handler])),
  }));

  function find(path: string): Found | undefined {
    const segments = path.split("/");
    for (const pattern of patterns) {
      const params = matched(pattern.segments, segments);
      if (params) return { handlers: pattern.handlers, params };
    }
    return undefined;
  }

  return async function route(request: SimRequest): Promise<SimReply> {
    const found = find(request.path);
    const handler = found?.handlers.get(request.method);
    if (found && handler) {
      try {
        return await handler({ ...request, params: found.params });
      } catch (error) {
        if (error instanceof Refusal) return refuse(sim, error.errcode, error.more);
        throw error;
      }
    }
    const [other] = found?.handlers.keys() ?? [];
    if (request.path.startsWith("/v3/")) return strayPayRequest(sim, request, other);
    if (other === undefined) return { ...refuse(sim, 40066), status: 404 };
    if (ours(request.path)) return json({ error: `this path takes ${other}` }, 405);
    return refuse(sim, other === "GET" ? 43001 : 43002);
  };
}

function matched(pattern: readonly string[], path: readonly string[]): Record<string, string> | undefined {
  if (pattern.length !== path.length) return undefined;
  const params: Record<string, string> = {};
  for (const [i, segment] of pattern.entries()) {
    const given = path[i] ?? "";
    const name = /^\{(\w+)\}$/.exec(segment)?.[1];
    if (name === undefined ? segment !== given : given === "") return undefined;
    if (name !== undefined) params[name] = decoded(given);
  }
  return params;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Whether a path is the simulator's own, and none of WeChat's. */
export function ours(path: string): boolean {
  return path.startsWith("/sim/") || path === "/healthz" || path === "/";
}
