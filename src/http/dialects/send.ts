import type { JsonValue, Message } from "@bufbuild/protobuf";
import { type AppError, httpStatus } from "../../errors.ts";
import { cookieText } from "../cookies.ts";
import { type Exchange, send } from "../exchange.ts";
import type { Answered, Dialect, Errors, Incoming, Route, Row } from "./table.ts";
import { writeValue } from "./write.ts";

/** What these systems answer is for the one who asked: tokens, openids, orders. */
const noStore = { "cache-control": "no-store" };
const plainText = "text/plain; charset=utf-8";

interface Answer extends Answered<Message, Message> {
  dialect: Dialect;
  route: Route;
}

/** Answers a call by its row of the table. */
export function sendAnswer(exchange: Exchange, answer: Answer): void {
  const { route } = answer;
  const json = bodyOf(answer);
  const text = route.text?.(answer);
  const location = route.redirect?.(answer);
  const attributes = answer.dialect.cookieAttributes ?? "Path=/; HttpOnly; SameSite=Lax";
  const cookies = route.cookies?.map((cookie) =>
    cookieText({
      name: cookie.name,
      value: cookie.value(answer),
      maxAge: cookie.maxAge?.(answer),
      attributes,
    }),
  );
  if (cookies) exchange.res.appendHeader("set-cookie", cookies);
  const headers = { ...noStore, ...route.headers };
  if (location !== undefined) send(exchange, 302, { ...headers, location: headerValue(location) }, "");
  else if (text !== undefined)
    send(exchange, 200, { ...headers, "content-type": route.textType ?? plainText }, text);
  else sendJson(exchange, 200, json, route.headers);
}

/** The JSON of an answer; undefined for none. */
export function bodyOf({ dialect, route, incoming, reply }: Answer): JsonValue | undefined {
  const json =
    route.answer === undefined
      ? undefined
      : writeValue(route.answer, { desc: route.rpc.output, message: reply, incoming });
  return dialect.wrap ? dialect.wrap(json, incoming) : json;
}

interface Refusing {
  dialect: Dialect;
  route?: Route;
  incoming: Incoming;
  error: AppError;
  /** Instead of the reason's own row. */
  row?: Row | undefined;
  /** HTTP's own: 404 and 405. */
  status?: number;
}

/** Answers a failure in the dialect's form. */
export function sendRefusal(exchange: Exchange, refusing: Refusing): void {
  const { dialect, route, incoming, error } = refusing;
  const errors = errorsOf(dialect, route);
  const row = refusing.row ?? errors.rows[error.reason] ?? errors.otherwise(error);
  const status = refusing.status ?? row.status ?? 200;
  const rule = ruleOf(error);
  const text = row.text ?? (rule === undefined ? error.message : `${error.message}: ${rule}`);
  const { reason, metadata } = error;
  const refusal = errors.write({ ...row, status, text, rule, reason, metadata, incoming });
  if (error.retryAfterMs !== undefined) {
    exchange.headers["retry-after"] = String(Math.ceil(error.retryAfterMs / 1000));
  }
  const headers = Object.entries(refusal.headers ?? {}).map(([name, value]) => [name, headerValue(value)]);
  sendJson(exchange, refusing.status ?? refusal.status ?? status, refusal.json, Object.fromEntries(headers));
}

/** How a route speaks of failures: as its dialect does, but for what is its own. */
export function errorsOf(dialect: Dialect, route: Route | undefined): Errors {
  const own = route?.errors;
  if (!own) return dialect.errors;
  return { ...dialect.errors, ...own, rows: { ...dialect.errors.rows, ...own.rows } };
}

function sendJson(
  exchange: Exchange,
  status: number,
  json: JsonValue | undefined,
  headers: Readonly<Record<string, string>> = {},
): void {
  const type: Record<string, string> = json === undefined ? {} : { "content-type": "application/json" };
  const body = json === undefined ? "" : JSON.stringify(json);
  send(exchange, status, { ...noStore, ...type, ...headers }, body);
}

/** What no header may hold, and could come from a caller, percent-encoded (RFC 9110, 5.5). */
function headerValue(text: string): string {
  return text.toWellFormed().replaceAll(/[^\x20-\x7e]/gu, encodeURIComponent);
}

/** A status for systems that use HTTP's: 400 for what the caller did, 500 for what we did. */
export function plainStatus({ reason }: AppError): 400 | 500 {
  return httpStatus(reason) >= 500 ? 500 : 400;
}

/** The first broken rule, with its parameter's name. */
function ruleOf({ violations: [first] }: AppError): string | undefined {
  return first && `${first.field ? `${first.field}: ` : ""}${first.description}`;
}
