import type { Message } from "@bufbuild/protobuf";
import type { Identity } from "../../auth/identity.ts";
import { AppError } from "../../errors.ts";
import type { Logger } from "../../log.ts";
import { type Arrival, Call } from "../../rpc/call.ts";
import { toAppError } from "../../rpc/errors.ts";
import { discardRest, readBody } from "../body.ts";
import { toObserved } from "../errors.ts";
import { arrivalOf, type Exchange } from "../exchange.ts";
import type { FastDoorOptions } from "../fast.ts";
import { checkDialect } from "./check.ts";
import { incomingOf, percentDecoded, valuesAt, withBody } from "./incoming.ts";
import { inOldNames, readRequest } from "./read.ts";
import { sendAnswer, sendRefusal } from "./send.ts";
import {
  type Dialect,
  type HttpMethod,
  type Incoming,
  isBelow,
  methodsOf,
  namesOf,
  type Route,
  type Row,
} from "./table.ts";

/** A dialect with what only the deployment knows. */
export interface Mount {
  dialect: Dialect;
  /** Who calls that presents no credential: for the sandbox alone. A wrong credential is refused all the same. */
  identityWithoutCredential?: Identity | undefined;
  /** Says whom a request without a credential speaks for all the same, by its cookies. Asked only where it matters. */
  identify?(incoming: Incoming): Promise<Identity | undefined>;
}

export interface DialectDoor {
  /** What answers at a path; undefined if it is no dialect's. */
  find(path: string): ((exchange: Exchange) => Promise<void>) | undefined;
  /** Whether cookies may say who calls at a path. */
  readsCookies(path: string): boolean;
}

/** One path of a dialect. */
interface Endpoint {
  mount: Mount;
  routes: Map<HttpMethod, Route>;
}

/** A row with which a hook of the dialect refused. */
class Refused extends AppError {
  readonly row: Row;

  constructor(row: Row) {
    super("INVALID_REQUEST");
    this.row = row;
  }
}

/**
 * The door of the old systems' URLs. It reads a request by its dialect's table, sends it through the
 * pipeline like every other call, and writes the answer by the table.
 * @throws Error if a table does not fit its RPC
 */
export function createDialectDoor(
  { pipeline, limits, observe, log }: FastDoorOptions & { log: Logger },
  mounts: readonly Mount[],
): DialectDoor {
  for (const { dialect } of mounts) checkDialect(dialect);
  const endpoints = [...endpointsOf(mounts)];
  const exact = new Map(endpoints.filter(([path]) => !path.includes("{")));
  const patterns = endpoints.filter(([path]) => path.includes("{")).map(patternOf);

  /** What goes wrong before the pipeline has the call, the pipeline does not see. */
  async function read(exchange: Exchange, call: Call, step: Step): Promise<Message> {
    const { dialect, route } = step;
    try {
      const body = takesBody(exchange) ? await readBody(exchange, limits) : Buffer.alloc(0);
      step.incoming = withBody(step.incoming, body, dialect.envelope);
      const row = (await dialect.before?.(step.incoming)) ?? (await route.before?.(step.incoming));
      if (row) throw new Refused(row);
      return readRequest(route, step.incoming);
    } catch (thrown) {
      observe({ call, ms: performance.now() - exchange.started, error: toObserved(thrown) });
      throw thrown;
    }
  }

  async function answer(exchange: Exchange, mount: Mount, step: Step): Promise<void> {
    const call = new Call(step.route.rpc, arrivalBy(exchange, mount, step));
    let reply: Message | undefined;
    try {
      const request = await read(exchange, call, step);
      exchange.onGone = (reason) => call.end(reason);
      reply = await pipeline.invoke(call, request);
      sendAnswer(exchange, { ...step, request, reply });
    } catch (thrown) {
      if (reply) log.error({ err: thrown, requestId: exchange.requestId }, "an answer could not be written");
      const error = inOldNames(toAppError(thrown), step.route, step.incoming);
      const row = thrown instanceof Refused ? thrown.row : undefined;
      sendRefusal(exchange, { ...step, error, row });
    }
    discardRest(exchange, limits.bodyLimit);
  }

  /** A path that is not there, or not for that method. */
  async function refuse(exchange: Exchange, dialect: Dialect, allow?: string): Promise<void> {
    const status = allow === undefined ? 404 : 405;
    log.info({ path: exchange.path.slice(0, 100), status, requestId: exchange.requestId }, "refused");
    if (allow !== undefined) exchange.headers.allow = allow;
    const error = new AppError("NO_SUCH_METHOD");
    sendRefusal(exchange, { dialect, incoming: incomingOf(exchange), error, status });
    discardRest(exchange, limits.bodyLimit);
  }

  function at({ mount, routes }: Endpoint, params: Record<string, string> = {}) {
    return (exchange: Exchange): Promise<void> => {
      const { method = "" } = exchange.req;
      const route = routes.get((method === "HEAD" ? "GET" : method) as HttpMethod);
      if (!route) return refuse(exchange, mount.dialect, allowed(routes));
      const incoming = incomingOf(exchange, params);
      return answer(exchange, mount, { dialect: mount.dialect, route, incoming });
    };
  }

  return {
    find(path) {
      const plain = exact.get(path);
      if (plain) return at(plain);
      for (const { expression, endpoint } of patterns) {
        const params = decode(expression.exec(path)?.groups);
        if (params) return at(endpoint, params);
      }
      const mount = mounts.find(({ dialect }) => isBelow(dialect, path));
      return mount && ((exchange) => refuse(exchange, mount.dialect));
    },

    readsCookies: (path) => mounts.some(({ dialect, identify }) => identify && isBelow(dialect, path)),
  };
}

/** A request on its way to the pipeline. */
interface Step {
  dialect: Dialect;
  route: Route;
  /** With the body's parameters once the body is read. */
  incoming: Incoming;
}

function endpointsOf(mounts: readonly Mount[]): Map<string, Endpoint> {
  const endpoints = new Map<string, Endpoint>();
  for (const mount of mounts) {
    for (const route of mount.dialect.routes) {
      const endpoint = endpoints.get(route.path) ?? { mount, routes: new Map() };
      if (endpoint.mount !== mount) throw new Error(`${route.path} is a path of two dialects`);
      endpoints.set(route.path, endpoint);
      for (const method of methodsOf(route)) endpoint.routes.set(method, route);
    }
  }
  return endpoints;
}

function patternOf([path, endpoint]: [string, Endpoint]) {
  const source = path.replaceAll(/[.*+?^$()|[\]\\]/g, "\\$&").replaceAll(/\{(\w+)\}/g, "(?<$1>[^/]+)");
  return { expression: new RegExp(`^${source}$`), endpoint };
}

/** The parameters of a path; undefined if there are none or one is not valid percent-encoding. */
function decode(groups: Record<string, string> | undefined): Record<string, string> | undefined {
  if (!groups) return undefined;
  const params: Record<string, string> = {};
  for (const [name, value] of Object.entries(groups)) {
    const decoded = percentDecoded(value);
    if (decoded === undefined) return undefined;
    params[name] = decoded;
  }
  return params;
}

function allowed(routes: ReadonlyMap<HttpMethod, Route>): string {
  return [...routes.keys()].map((method) => (method === "GET" ? "GET, HEAD" : method)).join(", ");
}

function takesBody({ req }: Exchange): boolean {
  return req.method === "POST" || req.method === "PUT";
}

/** The pipeline reads tokens from the header `authorization`: there it finds the dialect's credential. */
function arrivalBy(exchange: Exchange, mount: Mount, step: Step): Arrival {
  const { dialect } = mount;
  const arrival = arrivalOf(exchange, dialect.name);
  const authorization = authorizationOf(dialect, step.incoming);
  return {
    ...arrival,
    header: (name: string) => (name === "authorization" ? authorization : arrival.header(name)),
    get identity() {
      if (authorization !== undefined) return undefined;
      return mount.identify ? mount.identify(step.incoming) : mount.identityWithoutCredential;
    },
    admit(identity: Identity | undefined) {
      const row = dialect.admit?.(step.incoming, { identity, peer: arrival.peer });
      if (row) throw new Refused(row);
    },
  };
}

function authorizationOf({ credential }: Dialect, incoming: Incoming): string | undefined {
  if (credential === "bearer") return incoming.header("authorization");
  const { place = "header", names = [] } = namesOf(credential) ?? {};
  const [token] = names.flatMap((name) => valuesAt(incoming, place, name));
  return token === undefined ? undefined : `Bearer ${token}`;
}
