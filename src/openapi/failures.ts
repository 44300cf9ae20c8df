import type { DescMethod } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { codeToString } from "@connectrpc/connect/protocol-connect";
import type { Reason } from "../errors.ts";
import type { Contract, ReasonFacts } from "./contract.ts";
import type { Json } from "./json.ts";

/** The reasons with which any method can fail. */
const always: Reason[] = ["INVALID_REQUEST", "BODY_TOO_LARGE", "INTERNAL", "UNAVAILABLE", "DEADLINE_PASSED"];

/** The reasons with which any method can fail that asks for an access token. */
const withToken: Reason[] = [
  "TOKEN_MISSING",
  "TOKEN_INVALID",
  "TOKEN_EXPIRED",
  "SESSION_REVOKED",
  "ACCESS_DENIED",
  "USER_BANNED",
];

const codes = Object.values(Code).filter((code) => typeof code === "number");

/** An error as Connect writes it (https://connectrpc.com/docs/protocol#error-end-stream). */
export const errorSchemas: Json = {
  Error: {
    type: "object",
    description: "Every answer whose status is not 200.",
    properties: {
      code: { type: "string", enum: codes.map(codeToString), description: "The kind of error." },
      message: { type: "string", description: "What went wrong, for people." },
      details: { type: "array", items: { $ref: "#/components/schemas/ErrorDetail" } },
    },
    required: ["code"],
    examples: [
      {
        code: "unauthenticated",
        message: "the access token ran out",
        details: [
          {
            type: "google.rpc.ErrorInfo",
            value: "Cg1UT0tFTl9FWFBJUkVEEghsaXZldXNlcg",
            debug: { reason: "TOKEN_EXPIRED", domain: "liveuser" },
          },
        ],
      },
    ],
  },
  ErrorDetail: {
    type: "object",
    description:
      "google.rpc.ErrorInfo names the reason; google.rpc.BadRequest the fields that break a rule; " +
      "google.rpc.RetryInfo the time to wait.",
    properties: {
      type: { type: "string", description: "The message's full name." },
      value: {
        type: "string",
        contentEncoding: "base64",
        description: "The message in binary, without padding.",
      },
      debug: { type: "object", description: "The same message in JSON." },
    },
    required: ["type", "value"],
  },
};

const errorContent: Json = { "application/json": { schema: { $ref: "#/components/schemas/Error" } } };

const anyResponse: Json = {
  description: "Any other failure: 415 for a content type that the method does not take, for one.",
  content: errorContent,
};

/** For every status that is not listed by itself. */
export const otherResponses: Json = { default: { $ref: "#/components/responses/Error" } };

/** The responses that methods have in common, to stand in components. */
export function sharedResponses(contract: Contract): Json {
  const responses = byStatus(facts(contract, [...always, ...withToken])).map(([status, reasons]) => [
    sharedName(status),
    response(reasons),
  ]);
  return { ...Object.fromEntries(responses), Error: anyResponse };
}

/** A method's responses other than 200, one for each HTTP status, with the reasons that have it. */
export function errorResponses(contract: Contract, method: DescMethod): Json {
  const { access, errors } = contract.facts(method);
  const common = facts(contract, access.includes("anyone") ? always : [...always, ...withToken]);
  const own = errors.filter(({ name }) => !common.some((reason) => reason.name === name));
  const responses = byStatus([...common, ...own]).map(([status, reasons]) => {
    const special = reasons.some((reason) => own.includes(reason));
    return [status, special ? response(reasons) : { $ref: `#/components/responses/${sharedName(status)}` }];
  });
  return { ...Object.fromEntries(responses), ...otherResponses };
}

function facts(contract: Contract, reasons: Reason[]): ReasonFacts[] {
  return reasons.map((name) => contract.reason(name));
}

function byStatus(reasons: ReasonFacts[]): [status: number, reasons: ReasonFacts[]][] {
  const groups = Map.groupBy(reasons, ({ status }) => status);
  return [...groups].sort(([a], [b]) => a - b);
}

function sharedName(status: number): string {
  return `Error${status}`;
}

function response(reasons: ReasonFacts[]): Json {
  const lines = reasons.map(({ name, description }) => `- \`${name}\`: ${description}`);
  return { description: lines.join("\n"), content: errorContent };
}
