import { create, type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { AppError, errorTable, type Reason } from "../../src/errors.ts";
import type { Mount } from "../../src/http/dialects/dialect.ts";
import type { AnyRequestTable } from "../../src/http/dialects/read.ts";
import { bodyOf, errorsOf } from "../../src/http/dialects/send.ts";
import {
  type Dialect,
  type Incoming,
  methodsOf,
  namesOf,
  type Place,
  type Route,
  type Source,
} from "../../src/http/dialects/table.ts";
import { type AnyWriter, fieldAt } from "../../src/http/dialects/write.ts";
import type { CommentedContract } from "./contract.ts";
import { sampleOf } from "./sample.ts";

const preface = `# Dialects

The URLs of older systems, at which the methods of [PROTOCOL.md](PROTOCOL.md) answer too: with those systems' \
parameter names, answers and error codes, so that their clients can move here without a change. Written from the \
tables in src/http/dialects by \`npm run generate\`.

Of several names of a parameter any one will do. Bodies are JSON or \`application/x-www-form-urlencoded\`. \
Every call also takes and answers \`X-Request-Id\`.`;

/** Reasons with which any URL can fail. */
const always: Reason[] = ["INVALID_REQUEST", "BODY_TOO_LARGE", "INTERNAL", "UNAVAILABLE"];
/** Reasons with which any URL can fail that needs a credential. */
const withCredential: Reason[] = ["TOKEN_MISSING", "TOKEN_INVALID", "TOKEN_EXPIRED", "ACCESS_DENIED"];

/** Where the contract speaks of what only its own doors have. */
const plainer: Partial<Record<Reason, string>> = {
  INVALID_REQUEST: "A parameter is missing or malformed; the text goes on with its name.",
};

const placeWords: Record<Place, string> = {
  query: "query",
  body: "body",
  param: "body or query",
  outer: "body",
  path: "path",
  header: "header",
  cookie: "cookie",
};

/** Writes gen/DIALECTS.md. */
export function dialectsDocument(mounts: readonly Mount[], contract: CommentedContract): string {
  const parts = mounts.map((mount) => dialectPart(mount, contract));
  return `${[preface, ...parts].join("\n\n")}\n`;
}

function dialectPart(
  { dialect, identityWithoutCredential, identify }: Mount,
  contract: CommentedContract,
): string {
  const { name, doc, routes } = dialect;
  const inSandbox = identityWithoutCredential ? " The sandbox needs none." : "";
  const index = table(
    ["URL", "method"],
    routes.map((route) => [`\`${titleOf(route)}\``, methodName(route)]),
  );
  const common = [
    ...always,
    ...(routes.some((route) => needsCredential(route, contract)) ? withCredential : []),
  ];
  return [
    `## ${name}`,
    doc,
    `Credential: ${credentialText(dialect)}${identify ? ", or the cookie of a session" : ""}.${inSandbox}`,
    index,
    "What any of them can fail with:",
    failures(dialect, undefined, common, contract),
    ...routes.map((route) => routePart(dialect, route, contract)),
  ].join("\n\n");
}

function routePart(dialect: Dialect, route: Route, contract: CommentedContract): string {
  const facts = contract.options.facts(contract.methodOf(route.rpc));
  const parameters = parameterRows(route.rpc.input, route.request ?? {}, contract);
  const own = facts.errors.map(({ name }) => name as Reason);
  return [
    `### ${titleOf(route)}`,
    `\`${methodName(route)}\`: ${route.doc ?? contract.method(route.rpc)}`,
    `Who may call it: ${facts.callers}.`,
    parameters.length > 0
      ? table(["parameter", "where", "type", "needed", ""], parameters)
      : "It has no parameters.",
    answerPart(dialect, route, contract),
    own.length > 0 ? `Besides, it can fail with:\n\n${failures(dialect, route, own, contract)}` : "",
  ]
    .filter((part) => part !== "")
    .join("\n\n");
}

function answerPart(dialect: Dialect, route: Route, contract: CommentedContract): string {
  const cookies = (route.cookies ?? []).map(({ name }) => `\`${name}\``).join(", ");
  const setsCookies = cookies && ` It sets or deletes cookies: ${cookies}.`;
  if (route.redirect) return `It answers 302, a redirect.${setsCookies}`;
  if (route.text) return `It answers 200 with a text.${setsCookies}`;
  const reply = sampleOf(route.rpc.output, route.example);
  const json = bodyOf({ dialect, route, incoming: nobody, request: create(route.rpc.input), reply });
  if (json === undefined) return `It answers 200 without a body.${setsCookies}`;
  const example = `It answers 200:${setsCookies}\n\n\`\`\`json\n${JSON.stringify(json, null, 2)}\n\`\`\``;
  const rows = route.answer === undefined ? [] : answerRows("", route.rpc.output, route.answer, contract);
  return rows.length > 0 ? `${example}\n\n${table(["field", ""], rows)}` : example;
}

/** The parameters of a table, with what the contract says of their fields. */
function parameterRows(desc: DescMessage, request: AnyRequestTable, contract: CommentedContract): string[][] {
  return Object.entries(request).flatMap(([localName, source]) => {
    const field = desc.field[localName] as DescField;
    if ("fields" in source) return parameterRows(field.message as DescMessage, source.fields, contract);
    return parameterRow(field, source, contract);
  });
}

function parameterRow(field: DescField, source: Source, contract: CommentedContract): string[][] {
  const found = namesOf(source);
  if (!found || "value" in source || "given" in source) return [];
  const needed = source.required ? "yes" : source.default === undefined ? "" : `else ${source.default}`;
  // The form that a function reads is told by the meaning.
  const form = typeof source.as === "object" ? Object.keys(source.as).join(" / ") : "";
  return [
    [
      found.names.map((name) => `\`${name}\``).join(" or "),
      placeWords[found.place],
      source.as ? form : typeOf(field),
      needed,
      source.doc ?? contract.field(field),
    ],
  ];
}

/** The fields of an answer that come from the reply, with what the contract says of them. */
function answerRows(
  name: string,
  desc: DescMessage,
  writer: AnyWriter,
  contract: CommentedContract,
): string[][] {
  if (typeof writer === "string") return answerRow(name, fieldAt(desc, writer), contract);
  if (typeof writer !== "object" || writer === null || "value" in writer || "given" in writer) return [];
  if (!("fields" in writer)) return answerRow(name, fieldAt(desc, writer.from), contract, writer.doc);
  const from = writer.from === undefined ? undefined : fieldAt(desc, writer.from);
  const inner = from?.message ?? desc;
  const prefix = from?.fieldKind === "list" ? `${name}[].` : name && `${name}.`;
  return Object.entries(writer.fields).flatMap(([key, each]) =>
    answerRows(prefix + key, inner, each, contract),
  );
}

function answerRow(name: string, field: DescField, contract: CommentedContract, doc?: string): string[][] {
  const words = field.enum ? `${wordsOf(field)}.` : "";
  const meaning = doc ?? [contract.field(field), words].filter(Boolean).join(" ");
  return name && meaning ? [[`\`${name}\``, meaning]] : [];
}

function failures(
  dialect: Dialect,
  route: Route | undefined,
  reasons: readonly Reason[],
  contract: CommentedContract,
): string {
  const errors = errorsOf(dialect, route);
  const rows = reasons.map((reason) => {
    const row = errors.rows[reason] ?? errors.otherwise(new AppError(reason));
    const { status = 200, text = errorTable[reason][1] } = row;
    const refusal = errors.write({
      ...row,
      status,
      text,
      rule: undefined,
      reason,
      metadata: {},
      incoming: nobody,
    });
    const body = refusal.json === undefined ? "" : `\`${JSON.stringify(refusal.json)}\``;
    const meaning = plainer[reason] ?? contract.options.reason(reason).description;
    return [String(refusal.status ?? status), body, meaning];
  });
  return table(["status", "body", ""], rows);
}

/** A request that nobody sent. */
const nobody: Incoming = {
  requestId: "…",
  method: "",
  path: "",
  params: {},
  query: new URLSearchParams(),
  header: () => undefined,
  cookie: () => undefined,
  body: {},
  outer: {},
  text: "",
};

function typeOf(field: DescField): string {
  if (field.fieldKind === "list") return `list of ${typeOfValue(field)}`;
  return field.fieldKind === "map" ? "object" : typeOfValue(field);
}

function typeOfValue(field: DescField): string {
  if (field.enum) return wordsOf(field);
  if (field.message) return `object (${field.message.name})`;
  switch (field.scalar) {
    case ScalarType.STRING:
      return "string";
    case ScalarType.BOOL:
      return "bool";
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return "number";
    default:
      return "integer";
  }
}

function wordsOf(field: DescField): string {
  return (field.enum?.values ?? [])
    .filter(({ name }) => !name.endsWith("_UNSPECIFIED"))
    .map(({ name }) => name)
    .join(" / ");
}

function credentialText({ credential }: Dialect): string {
  const token = "an access token of the contract";
  if (credential === "bearer") return `${token} in \`Authorization: Bearer\``;
  const { place = "header", names = [] } = namesOf(credential) ?? {};
  return `${token} as \`${names.join("` or `")}\` (${placeWords[place]})`;
}

function needsCredential(route: Route, contract: CommentedContract): boolean {
  return !contract.options.facts(contract.methodOf(route.rpc)).access.includes("anyone");
}

function titleOf(route: Route): string {
  return `${methodsOf(route).join(", ")} ${route.path}`;
}

function methodName({ rpc }: Route): string {
  return `${rpc.parent.name}.${rpc.name}`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), `|${"---|".repeat(head.length)}`, ...rows.map(line)].join("\n");
}
