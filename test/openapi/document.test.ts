import { getOption } from "@bufbuild/protobuf";
import { Validator } from "@seriousme/openapi-schema-validator";
import { beforeAll, expect, test } from "vitest";
import { Access, access } from "../../gen/liveuser/options_pb.ts";
import { AppError } from "../../src/errors.ts";
import { errorBody } from "../../src/http/errors.ts";
import { toConnectError } from "../../src/rpc/errors.ts";
import { contract } from "../../src/services/index.ts";
import { contractDocument, type Document, schemaValidator } from "./kit.ts";

let document: Document;

beforeAll(async () => {
  document = await contractDocument();
});

function refsIn(node: unknown): string[] {
  if (typeof node !== "object" || node === null) return [];
  return Object.entries(node).flatMap(([key, value]) =>
    key === "$ref" && typeof value === "string" ? [value] : refsIn(value),
  );
}

test("the document is valid OpenAPI 3.1", async () => {
  const result = await new Validator().validate(structuredClone(document));
  expect(result).toMatchObject({ valid: true });
});

test("every method of the contract is in it, and nothing else", () => {
  const methods = contract.flatMap((service) => service.methods);
  expect(Object.keys(document.paths).sort()).toEqual(
    methods.map((method) => `/liveuser/${method.parent.name}/${method.name}`).sort(),
  );
  for (const method of methods) {
    const name = `${method.parent.name}.${method.name}`;
    const { post } = document.paths[`/liveuser/${method.parent.name}/${method.name}`] ?? {};
    const open = getOption(method, access).includes(Access.ANYONE);
    expect(post, name).toMatchObject({
      operationId: name,
      tags: [method.parent.name],
      security: open ? [] : [{ bearer: [] }],
    });
    if (method.methodKind !== "unary") continue;
    expect("401" in (post?.responses ?? {}) || open, name).toBe(true);
  }
});

test("every reference leads to a component, and every component is referred to", () => {
  const refs = new Set(refsIn(document));
  const components = Object.entries(document.components)
    .filter(([kind]) => kind !== "securitySchemes")
    .flatMap(([kind, named]) => Object.keys(named).map((name) => `#/components/${kind}/${name}`));
  expect([...refs].sort()).toEqual(components.sort());
});

test("a method says who may call it and how it fails", () => {
  const login = document.paths["/liveuser/Wx/Login"]?.post;
  expect(login).toMatchObject({
    summary: "Signs in with the code of wx.login()",
    "x-access": ["anyone"],
    "x-errors": [
      "WX_CODE_INVALID",
      "WX_CODE_USED",
      "WX_USER_RISKY",
      "WX_UNAVAILABLE",
      "WX_MISCONFIGURED",
      "USER_BANNED",
      "RATE_LIMITED",
    ],
  });
  expect(login?.description).toMatch("Who may call it: anyone, with or without a token.");
  expect(login?.description).toMatch("At most 600 calls a minute per address.");
  expect(Object.keys(login?.responses ?? {})).toEqual([
    "200",
    "400",
    "403",
    "413",
    "429",
    "500",
    "503",
    "504",
    "default",
  ]);
  expect(login?.responses["503"]?.description).toBe(
    "- `UNAVAILABLE`: The server, its database or WeChat is busy for the moment: try again.\n" +
      "- `WX_UNAVAILABLE`: WeChat does not answer, is busy or answers nonsense: try again.",
  );
  const add = document.paths["/liveuser/Cart/Add"]?.post;
  expect(add).toMatchObject({ "x-access": ["user", "service"] });
  expect(add?.description).toMatch(
    "Who may call it: a signed-in person, or a machine identity with the role service.",
  );
  expect(document.paths["/liveuser/User/Get"]?.post.responses["401"]).toEqual({
    $ref: "#/components/responses/Error401",
  });
});

test("a stream is no plain JSON call", () => {
  const watch = document.paths["/liveuser/Ticket/Watch"]?.post;
  expect(watch).toMatchObject({ requestBody: { content: { "application/connect+json": {} } } });
  expect(Object.keys(watch?.responses ?? {})).toEqual(["200", "default"]);
});

test("the example of an error is one that the server writes", () => {
  const wire = JSON.parse(errorBody(toConnectError(new AppError("TOKEN_EXPIRED"))));
  expect(document.components.schemas.Error?.examples).toEqual([wire]);
  expect(schemaValidator(document)("Error")(wire)).toBe(true);
});

test("what a message that is only answered always has is required", () => {
  const { Complaint, MeasurementPayResponse, UserListSessionsResponse } = document.components.schemas;
  expect(Complaint?.required).toEqual(["id", "ticket_id", "open_id", "content", "state", "created_at"]);
  expect(UserListSessionsResponse?.required).toEqual(["sessions"]);
  expect(MeasurementPayResponse).not.toHaveProperty("required");
});

test("rules that JSON Schema can't say stand in words", () => {
  const { UserRevokeSessionRequest, UserUnbindRequest } = document.components.schemas;
  expect(UserRevokeSessionRequest?.description).toBe("Rules: give either sid or all_others.");
  expect(UserUnbindRequest).toMatchObject({
    properties: { id: { description: "Rules: more than 0; less than 9007199254740992." } },
  });
});
