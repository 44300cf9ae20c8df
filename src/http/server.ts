import { randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { DescMethod } from "@bufbuild/protobuf";
import { AppError, invalid, type Reason } from "../errors.ts";
import type { Logger } from "../log.ts";
import { toAppError, toConnectError } from "../rpc/errors.ts";
import type { Outcome, Pipeline } from "../rpc/pipeline.ts";
import { type BodyLimits, discardRest } from "./body.ts";
import { createConnectDoor, envelopeType } from "./connect.ts";
import { createCors, isPreflight, preflightHeaders } from "./cors.ts";
import { createDialectDoor, type Mount } from "./dialects/dialect.ts";
import { errorBody, sendError, sendGrpcError } from "./errors.ts";
import { type Exchange, send } from "./exchange.ts";
import { answerHealth } from "./external/health.ts";
import { answerJwks } from "./external/jwks.ts";
import { answerMetrics, type MetricsAccess } from "./external/metrics.ts";
import { createFastDoor } from "./fast.ts";
import { createListener, type Listener } from "./listener.ts";
import type { Metrics } from "./metrics.ts";
import { createRequestIds } from "./request-id.ts";

export interface HttpOptions extends BodyLimits {
  pipeline: Pipeline;
  log: Logger;
  metrics: Metrics;
  /** Told of calls that fail before the pipeline has them; the pipeline tells it of the others. */
  observe(outcome: Outcome): void;
  metricsAccess: MetricsAccess;
  /** Origins of web pages that may call. */
  corsOrigins: readonly string[];
  /** How long a caller may take to send the headers (ms). */
  headerTimeoutMs: number;
  /** How many proxies stand before the server and add to X-Forwarded-For. */
  trustedProxies: number;
  /** The public keys of the tokens. */
  jwks(): unknown;
  /** Rejects when the server cannot serve. */
  healthy(): Promise<void>;
  /** What others' protocols want at paths of their own; goes before the contract's methods. */
  pages: Pages;
  /** The old systems' URLs; they go after the contract's methods. */
  dialects: readonly Mount[];
}

/** Answers a request that is no call of the contract. */
export type Page = (exchange: Exchange) => void | Promise<void>;
/** What answers at a path, or below one of a single name that ends with a slash; by method, GET answers HEAD too. */
export type Pages = Readonly<Record<string, Partial<Record<"GET" | "POST", Page>>>>;

const jsonType = /^application\/json\s*(?:;\s*charset\s*=\s*"?utf-?8"?\s*)?$/i;
const protoType = /^application\/proto$/i;

/**
 * The HTTP server: picks the door by path and content type. `close` lets running calls finish for
 * at most graceMs; meanwhile /healthz answers 503.
 */
export function createHttpServer(options: HttpOptions): Listener {
  const { pipeline, log, metrics, observe } = options;
  const doorOptions = { pipeline, limits: options, observe };
  const answerFast = createFastDoor(doorOptions);
  const connectDoor = createConnectDoor(doorOptions);
  const dialectDoor = createDialectDoor({ ...doorOptions, log }, options.dialects);
  const cors = createCors(options.corsOrigins, dialectDoor.readsCookies);
  const nameRequest = createRequestIds(randomBytes(4).toString("hex"));
  const methods = methodsByPath(pipeline.methods);
  let draining = false;

  async function healthy(): Promise<void> {
    if (draining) throw new Error("the server is stopping");
    await options.healthy();
  }

  const pages = new Map(
    Object.entries({
      "/healthz": { GET: (exchange) => answerHealth(exchange, healthy) },
      "/.well-known/jwks.json": { GET: (exchange) => answerJwks(exchange, options.jwks()) },
      "/metrics": { GET: (exchange) => answerMetrics(exchange, metrics, options.metricsAccess) },
      ...options.pages,
    } satisfies Pages as Pages),
  );

  function open(req: IncomingMessage, res: ServerResponse): Exchange {
    const requestId = nameRequest(req.headers["x-request-id"]);
    const headers: Record<string, string> = {
      "x-request-id": requestId,
      "x-content-type-options": "nosniff",
    };
    const path = pathOf(req.url ?? "");
    Object.assign(headers, cors.headersFor(req, path));
    if (draining && req.httpVersionMajor === 1) headers.connection = "close";
    const exchange: Exchange = {
      req,
      res,
      path,
      requestId,
      trustedProxies: options.trustedProxies,
      started: performance.now(),
      headers,
      closed: false,
      onGone: undefined,
    };
    metrics.inFlight.inc();
    res.on("close", () => {
      metrics.inFlight.dec();
      exchange.closed = true;
      if (!res.writableEnded) exchange.onGone?.(new AppError("CALL_CANCELLED"));
    });
    return exchange;
  }

  function answer(exchange: Exchange): void | Promise<void> {
    const { req, path } = exchange;
    if (isPreflight(req)) return answerPreflight(exchange);
    const page = pages.get(path);
    if (page) return answerPage(exchange, page);
    const method = methods.get(path);
    if (method) return answerCall(exchange, method);
    const folder = pages.get(path.slice(0, path.indexOf("/", 1) + 1));
    if (folder) return answerPage(exchange, folder);
    const answerDialect = dialectDoor.find(path);
    if (answerDialect) return answerDialect(exchange);
    return refuse(exchange, new AppError("NO_SUCH_METHOD"), 404);
  }

  function answerPage(exchange: Exchange, page: Pages[string]): void | Promise<void> {
    const { method } = exchange.req;
    const answerer =
      method === "GET" || method === "HEAD" ? page.GET : method === "POST" ? page.POST : undefined;
    if (answerer) return answerer(exchange);
    const allow = Object.keys(page).map((name) => (name === "GET" ? "GET, HEAD" : name));
    return refuse(exchange, new AppError("NO_SUCH_METHOD"), 405, { allow: allow.join(", ") });
  }

  function answerCall(exchange: Exchange, method: DescMethod): void | Promise<void> {
    const { req } = exchange;
    if (req.method !== "POST")
      return refuse(exchange, new AppError("NO_SUCH_METHOD"), 405, { allow: "POST" });
    const type = req.headers["content-type"] ?? (hasBody(req) ? "" : "application/json");
    if (method.methodKind === "unary") {
      if (type === "application/json" || jsonType.test(type)) return answerFast(exchange, method, false);
      if (protoType.test(type)) return answerFast(exchange, method, true);
    }
    const streams = method.methodKind === "server_streaming";
    if (envelopeType.test(type) && (streams || !/^application\/connect/i.test(type))) {
      return connectDoor.answer(exchange, method);
    }
    const accepted = streams
      ? "application/connect+json, application/connect+proto"
      : "application/json, application/proto";
    const violation = { field: "content-type", description: `expected one of ${accepted}` };
    return refuse(exchange, invalid(violation), 415, { "accept-post": accepted });
  }

  function answerPreflight(exchange: Exchange): void {
    const allowed = "access-control-allow-origin" in exchange.headers;
    send(exchange, 204, allowed ? preflightHeaders : {}, "");
  }

  /** Answers a request that reaches no method. Its query stays out of the log: it may hold secrets. */
  function refuse(
    exchange: Exchange,
    error: AppError,
    status: number,
    headers: Record<string, string> = {},
  ): void {
    const { req, path, requestId } = exchange;
    log.info({ path: path.slice(0, 100), status, requestId }, "refused");
    if (/^application\/grpc/i.test(req.headers["content-type"] ?? "")) sendGrpcError(exchange, error);
    else sendError(exchange, error, { status, headers });
    discardRest(exchange, options.bodyLimit);
  }

  function fail(exchange: Exchange, thrown: unknown): void {
    const { res, requestId } = exchange;
    if (exchange.closed) return;
    log.error({ err: thrown, requestId }, "a request could not be answered");
    if (res.headersSent) res.destroy();
    else sendError(exchange, toAppError(thrown));
  }

  const listener = createListener({
    requestTimeoutMs: options.requestTimeoutMs,
    headerTimeoutMs: options.headerTimeoutMs,
    onRequest(req, res) {
      const exchange = open(req, res);
      try {
        answer(exchange)?.catch((thrown) => fail(exchange, thrown));
      } catch (thrown) {
        fail(exchange, thrown);
      }
    },
    onBroken(error) {
      const requestId = nameRequest(undefined);
      const [status, reason, description] = brokenBy(error.code);
      log.info({ status, error: error.code, requestId }, "refused");
      const wire = toConnectError(
        reason === "INVALID_REQUEST" ? invalid({ field: "", description }) : new AppError(reason),
      );
      return rawResponse(status, requestId, errorBody(wire));
    },
  });

  return {
    listen: (port, host) => listener.listen(port, host),
    async close(graceMs) {
      draining = true;
      connectDoor.endStreams();
      await listener.close(graceMs);
    },
  };
}

/** Each method at both of its paths: `/liveuser.User/Get` (Connect, gRPC) and `/liveuser/User/Get`. */
function methodsByPath(methods: readonly DescMethod[]): Map<string, DescMethod> {
  return new Map(
    methods.flatMap((method) => {
      const { typeName } = method.parent;
      return [
        [`/${typeName}/${method.name}`, method],
        [`/${typeName.replaceAll(".", "/")}/${method.name}`, method],
      ];
    }),
  );
}

/** The path of a request target (RFC 9112, 3.2), without its query and, in absolute form, its host. */
function pathOf(url: string): string {
  const target = url.startsWith("/") ? url : url.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, "");
  const query = target.indexOf("?");
  return query < 0 ? target : target.slice(0, query);
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
}

/** Status, reason and public text for what Node's parser says of a request. */
function brokenBy(code: string | undefined): [status: string, reason: Reason, description: string] {
  switch (code) {
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return ["408 Request Timeout", "DEADLINE_PASSED", ""];
    case "HPE_HEADER_OVERFLOW":
      return ["431 Request Header Fields Too Large", "INVALID_REQUEST", "the headers are too large"];
    case "HPE_CHUNK_EXTENSIONS_OVERFLOW":
      return ["413 Content Too Large", "BODY_TOO_LARGE", ""];
    default:
      return ["400 Bad Request", "INVALID_REQUEST", "not HTTP"];
  }
}

function rawResponse(status: string, requestId: string, body: string): string {
  const headers = [
    "content-type: application/json",
    `content-length: ${Buffer.byteLength(body)}`,
    `x-request-id: ${requestId}`,
    "connection: close",
  ];
  return `HTTP/1.1 ${status}\r\n${headers.join("\r\n")}\r\n\r\n${body}`;
}
