import { isUtf8 } from "node:buffer";
import type { JsonValue } from "@bufbuild/protobuf";
import { invalid } from "../../errors.ts";
import { cookieValues } from "../cookies.ts";
import { type Exchange, headerText } from "../exchange.ts";
import type { Fields, Incoming, Place } from "./table.ts";

const formType = /^application\/x-www-form-urlencoded\b/i;
const jsonType = /^(application\/([\w.-]+\+)?json|text\/(plain|json))\b/i;

/** What a request says before its body is read. */
export function incomingOf(exchange: Exchange, params: Readonly<Record<string, string>> = {}): Incoming {
  const { url = "", headers, method = "" } = exchange.req;
  const at = url.indexOf("?");
  return {
    requestId: exchange.requestId,
    method,
    path: exchange.path,
    params,
    query: new URLSearchParams(at < 0 ? "" : url.slice(at + 1)),
    header: (name) => headerText(headers[name]),
    cookie(name) {
      const [value] = cookieValues(headers.cookie ?? "", name);
      return value && (percentDecoded(value) ?? "");
    },
    body: {},
    outer: {},
    text: "",
  };
}

/**
 * The same with the body's parameters: a JSON object or a form. `envelope` names the field that holds
 * the parameters, as an object or as its JSON text.
 * @throws AppError INVALID_REQUEST
 */
export function withBody(incoming: Incoming, bytes: Buffer, envelope: string | undefined): Incoming {
  if (!isUtf8(bytes)) throw invalid({ field: "", description: "not valid UTF-8" });
  const text = bytes.toString();
  const outer = readFields(text, incoming.header("content-type") ?? "");
  if (envelope === undefined) return { ...incoming, text, outer, body: outer };
  const inner = Object.hasOwn(outer, envelope) ? outer[envelope] : undefined;
  if (inner === undefined || inner === null || inner === "") return { ...incoming, text, outer };
  return { ...incoming, text, outer, body: objectOf(inner, envelope) };
}

/** Everything that goes by a name in a place; several where the caller gave several. */
export function valuesAt(incoming: Incoming, place: Place, name: string): readonly JsonValue[] {
  switch (place) {
    case "query":
      return inQuery(incoming, name);
    case "body":
      return own(incoming.body, name);
    case "outer":
      return own(incoming.outer, name);
    case "path":
      return own(incoming.params, name);
    case "param":
      return [...own(incoming.body, name), ...inQuery(incoming, name)];
    case "header":
      return some(incoming.header(name.toLowerCase()));
    case "cookie":
      return some(incoming.cookie(name));
  }
}

function inQuery({ query }: Incoming, name: string): readonly string[] {
  return query.getAll(name).filter((value) => value !== "");
}

function own(fields: Fields, name: string): readonly JsonValue[] {
  return Object.hasOwn(fields, name) ? some(fields[name]) : [];
}

/** null and an empty text count as not given. */
function some(value: JsonValue | undefined): readonly JsonValue[] {
  return value === undefined || value === null || value === "" ? [] : [value];
}

function readFields(text: string, type: string): Fields {
  if (text.trim() === "") return {};
  // Clients that name no type, or leave a library's default one, send JSON all the same. No form
  // begins with a brace: it would be escaped.
  const json = /^\s*\{/.test(text);
  if (!json && formType.test(type)) return formFields(new URLSearchParams(text));
  if (!json && type !== "" && !jsonType.test(type)) {
    throw invalid({
      field: "content-type",
      description: "expected application/json or application/x-www-form-urlencoded",
    });
  }
  return objectOf(text, "");
}

/** @throws AppError INVALID_REQUEST if it is neither an object nor the JSON text of one */
function objectOf(value: JsonValue, field: string): Fields {
  const parsed = typeof value === "string" ? parseJson(value) : value;
  if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)) return parsed;
  throw invalid({ field, description: "expected a JSON object" });
}

/** A JSON text's value; undefined if it is none. */
export function parseJson(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function formFields(form: URLSearchParams): Fields {
  return Object.fromEntries(
    [...new Set(form.keys())].map((name) => {
      const values = form.getAll(name);
      return [name, values.length === 1 ? (values[0] as string) : values];
    }),
  );
}

/** A text without its percent-encoding; undefined if that is not valid. */
export function percentDecoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
