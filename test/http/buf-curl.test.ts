import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import {
  type DescField,
  type DescMessage,
  type DescMethod,
  fromBinary,
  getOption,
  ScalarType,
} from "@bufbuild/protobuf";
import type { Code } from "@connectrpc/connect";
import { codeFromString } from "@connectrpc/connect/protocol-connect";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { Access, access } from "../../gen/liveuser/options_pb.ts";
import { contract } from "../../src/services/index.ts";
import { startApp, type TestApp } from "../app.ts";

// buf itself, which knows nothing of the contract but what the server tells it.

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app[Symbol.asyncDispose]());

interface Result {
  exitCode: number;
  stdout: string;
  stderr: string;
}

function curl(path: string, ...args: string[]): Promise<Result> {
  return new Promise((resolve) => {
    execFile("buf", ["curl", ...args, `${app.url}${path}`], { cwd: "/" }, (error, stdout, stderr) =>
      resolve({ exitCode: error ? Number(error.code) : 0, stdout, stderr }),
    );
  });
}

/** Calls with a body; the answer, parsed, or the reason it failed for. */
async function call(method: string, body: unknown, { token = "", protocol = "grpc" } = {}) {
  const authorize = token ? ["-H", `authorization: Bearer ${token}`] : [];
  const data = ["-d", JSON.stringify(body)];
  const result = await curl(`/liveuser.${method}`, "--protocol", protocol, ...authorize, ...data);
  if (result.exitCode === 0) return { answer: JSON.parse(result.stdout) };
  const error = JSON.parse(result.stderr) as { code: string; details: { type: string; value: string }[] };
  // "If the RPC fails, the exit code is the gRPC code, shifted three bits to the left."
  expect(result.exitCode, result.stderr).toBe((codeFromString(error.code) as Code) << 3);
  const info = error.details.find(({ type }) => type === "google.rpc.ErrorInfo");
  return { reason: fromBinary(ErrorInfoSchema, Buffer.from(info?.value ?? "", "base64")).reason };
}

test("lists the services", async () => {
  const { stdout, exitCode } = await curl("", "--list-services");
  const names = [...contract.map(({ typeName }) => typeName), "grpc.reflection.v1.ServerReflection"];
  expect([exitCode, stdout.trim().split("\n")]).toEqual([0, names.sort()]);
});

const methods = contract.flatMap((service) => service.methods);

test("lists the methods", async () => {
  const { stdout, exitCode } = await curl("", "--list-methods");
  const names = methods.map(({ parent, name }) => `${parent.typeName}/${name}`);
  const own = "grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
  expect([exitCode, stdout.trim().split("\n").sort()]).toEqual([0, [...names, own].sort()]);
});

/** A value of every field, so that all of a message's description is needed to write it. */
function filled(message: DescMessage, depth = 0): Record<string, unknown> {
  const fields = message.fields.filter(
    (field) => depth < 3 && (!field.oneof || field.oneof.fields[0] === field),
  );
  return Object.fromEntries(fields.map((field) => [field.name, sampleOf(field, depth)]));
}

function sampleOf(field: DescField, depth: number): unknown {
  if (field.fieldKind === "map") return {};
  const one = field.message
    ? filled(field.message, depth + 1)
    : field.enum
      ? field.enum.values.at(-1)?.name
      : field.scalar === ScalarType.STRING
        ? "1"
        : field.scalar === ScalarType.BOOL
          ? false
          : 1;
  return field.fieldKind === "list" ? [one] : one;
}

const roles = {
  [Access.SERVICE]: "service",
  [Access.OPERATOR]: "operator",
  [Access.DEVICE]: "device",
  [Access.PARTNER]: "partner",
} as const;

/** A token of somebody who may call the method; none where anybody may. */
async function tokenFor(method: DescMethod): Promise<string> {
  const [first = Access.USER] = getOption(method, access);
  if (first === Access.ANYONE) return "";
  if (first in roles) return (await app.appWith(roles[first as keyof typeof roles])).token;
  const role = first === Access.MERCHANT ? "business" : "customer";
  return (await app.as().wx.login({ code: `dev:${role}`, role })).accessToken;
}

describe("calls every method", () => {
  const unary = methods.filter(({ methodKind }) => methodKind === "unary");
  const protocols = ["grpc", "grpcweb", "connect"];
  test.concurrent.each(
    unary.map((method, i) => [`${method.parent.name}.${method.name}`, method, i] as const),
  )(
    "%s",
    async (name, method, i) => {
      const token = await tokenFor(method);
      const protocol = protocols[i % protocols.length] as string;
      const result = await call(`${method.parent.name}/${method.name}`, filled(method.input), {
        token,
        protocol,
      });
      if ("answer" in result) return;
      const wrong = ["", "INTERNAL", "NO_SUCH_METHOD", "TOKEN_MISSING", "TOKEN_INVALID"];
      expect(wrong, `${name} over ${protocol}`).not.toContain(result.reason);
    },
    30_000,
  );
});

test.each(["grpc", "grpcweb", "connect"])("a customer buys tea over %s", async (protocol) => {
  const login = await call("Wx/Login", { code: "dev:bob" }, { protocol });
  const token = login.answer.accessToken;
  expect((await call("User/Get", {}, { protocol })).reason).toBe("TOKEN_MISSING");
  const { answer } = await call("Catalog/List", { kind: "PRODUCT" }, { token, protocol });
  const [{ productId }] = answer.products;
  const products = [{ product_id: productId, count: 2 }];
  const created = await call("Order/Create", { products }, { token, protocol });
  expect(created.answer.order).toMatchObject({ products: [{ productId, count: 2 }] });
  const missing = await call("Order/Get", { id: "1" }, { token, protocol });
  expect(missing.reason).toBe("ORDER_NOT_FOUND");
});

test.each(["grpc", "grpcweb", "connect"])("follows a stream over %s", async (protocol) => {
  const carol = await app.signIn(`carol-${protocol}`);
  const args = ["curl", "--protocol", protocol, "-H", `authorization: Bearer ${carol.token}`];
  const watching: ChildProcess = spawn("buf", [...args, "-d", "{}", `${app.url}/liveuser.Ticket/Watch`], {
    cwd: "/",
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(watching, "exit");
  try {
    const lines = createInterface({ input: watching.stdout as NodeJS.ReadableStream });
    // The first message comes at once.
    await once(lines, "line");
  } finally {
    watching.kill();
    await ended;
  }
});

test("says what is wrong with a request that does not fit the contract", async () => {
  const { exitCode, stderr } = await curl("/liveuser.Wx/Login", "-d", '{"cod":"dev:bob"}');
  expect([exitCode, stderr]).toEqual([1, expect.stringContaining('unknown field "cod"')]);
  const unknown = await curl("/liveuser.Wx/Nothing", "-d", "{}");
  expect([unknown.exitCode, unknown.stderr]).toEqual([1, expect.stringContaining("Nothing")]);
});

test("without reflection it is told that there is none", async () => {
  await using closed = await startApp({ environment: { REFLECTION: "0" } });
  const { url } = app;
  app = { ...app, url: closed.url };
  try {
    const { exitCode, stderr } = await curl("", "--list-services");
    expect([exitCode > 0, stderr]).toEqual([true, expect.stringContaining("unimplemented")]);
  } finally {
    app = { ...app, url };
  }
});
