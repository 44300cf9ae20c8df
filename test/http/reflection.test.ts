import { once } from "node:events";
import { type ClientHttp2Stream, connect as connectHttp2 } from "node:http2";
import { create, createFileRegistry, type DescFile, fromBinary, toBinary } from "@bufbuild/protobuf";
import { nestedTypes } from "@bufbuild/protobuf/reflect";
import { type FileDescriptorProto, FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  ServerReflection,
  type ServerReflectionRequest,
  ServerReflectionRequestSchema,
  type ServerReflectionResponse,
} from "../../gen/grpc/reflection/v1/reflection_pb.ts";
import { file_liveuser_options } from "../../gen/liveuser/options_pb.ts";
import { createReflection } from "../../src/http/reflection.ts";
import type { Outcome } from "../../src/rpc/pipeline.ts";
import { contract } from "../../src/services/index.ts";
import { sandboxApp } from "../../src/wechat/simulator/sandbox-app.ts";
import { startApp } from "../app.ts";
import { type Server, startHttp } from "./start.ts";

type Question = ServerReflectionRequest["messageRequest"];

async function start(idleMs = 5000) {
  const outcomes: Outcome[] = [];
  const observe = (outcome: Outcome) => void outcomes.push(outcome);
  const reflection = createReflection({ services: contract, observe, idleMs });
  const server = await startHttp({ pages: reflection.pages });
  const ended = () => expect.poll(() => outcomes.map(({ error }) => error?.reason ?? "OK"));
  return { server, reflection, outcomes, ended, [Symbol.asyncDispose]: () => server.close(100) };
}

let server: Server;
beforeAll(async () => {
  ({ server } = await start());
});
afterAll(() => server.close(100));

const reflector = (transport: Transport) => createClient(ServerReflection, transport);
const grpc = (to: Server = server) => reflector(createGrpcTransport({ baseUrl: to.url }));

async function* inTurn(questions: Question[]) {
  for (const messageRequest of questions) yield { host: "cinema", messageRequest };
}

/** Asks on one stream; the answers in turn. */
async function ask(questions: Question[], client = grpc()): Promise<ServerReflectionResponse[]> {
  return collect(client.serverReflectionInfo(inTurn(questions)));
}

async function collect<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const parts: T[] = [];
  for await (const part of stream) parts.push(part);
  return parts;
}

const symbol = (value: string): Question => ({ case: "fileContainingSymbol", value });
const filename = (value: string): Question => ({ case: "fileByFilename", value });
const extension = (containingType: string, extensionNumber: number): Question =>
  ({ case: "fileContainingExtension", value: { containingType, extensionNumber } }) as Question;
const extensionsOf = (value: string): Question => ({ case: "allExtensionNumbersOfType", value });
const listServices: Question = { case: "listServices", value: "" };

function filesOf(answer: ServerReflectionResponse | undefined): FileDescriptorProto[] {
  if (answer?.messageResponse.case !== "fileDescriptorResponse") expect.fail(JSON.stringify(answer));
  const { fileDescriptorProto } = answer.messageResponse.value as { fileDescriptorProto: Uint8Array[] };
  return fileDescriptorProto.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes));
}

const namesOf = (answer: ServerReflectionResponse | undefined) => filesOf(answer).map(({ name }) => name);

/** The name of the answered file, or the code of the error. */
function given({ messageResponse }: ServerReflectionResponse): string {
  if (messageResponse.case === "errorResponse") return Code[messageResponse.value.errorCode] as string;
  return namesOf({ messageResponse } as ServerReflectionResponse)[0] as string;
}

async function failure(stream: AsyncIterable<unknown>): Promise<string> {
  const error = await collect(stream).then(() => undefined, ConnectError.from);
  return error ? (Code[error.code] as string) : "OK";
}

test("the services are the contract's and its own", async () => {
  const [answer] = await ask([listServices]);
  expect(answer).toMatchObject({ validHost: "cinema", originalRequest: { messageRequest: listServices } });
  const expected = [...contract, ServerReflection].map(({ typeName: name }) =>
    expect.objectContaining({ name }),
  );
  expect(answer?.messageResponse).toMatchObject({
    case: "listServicesResponse",
    value: { service: expected },
  });
});

describe("a file is found by what it declares", () => {
  test.each([
    ["a service", "liveuser.Ticket", "liveuser/ticket.proto"],
    ["a method", "liveuser.Ticket.Watch", "liveuser/ticket.proto"],
    ["a message", "liveuser.TicketRecord", "liveuser/ticket.proto"],
    ["a field", "liveuser.TicketRecord.ticket_id", "liveuser/ticket.proto"],
    ["a nested enum", "liveuser.TicketRecord.Status", "liveuser/ticket.proto"],
    ["a value of a nested enum", "liveuser.TicketRecord.PENDING_PAYMENT", "liveuser/ticket.proto"],
    ["an enum", "liveuser.Access", "liveuser/options.proto"],
    ["a value of an enum", "liveuser.ACCESS_USER", "liveuser/options.proto"],
    ["an extension", "liveuser.access", "liveuser/options.proto"],
    ["a oneof", "buf.validate.StringRules.well_known", "buf/validate/validate.proto"],
    ["the details of errors", "google.rpc.ErrorInfo", "google/rpc/error_details.proto"],
    ["its own", "grpc.reflection.v1.ServerReflection", "grpc/reflection/v1/reflection.proto"],
  ])("%s", async (_, name, file) => {
    const [answer] = await ask([symbol(name)]);
    expect(answer && given(answer)).toBe(file);
  });

  test("everything that the contract declares", async () => {
    const files = new Set(contract.map(({ file }) => file));
    const declared = [...files].flatMap((file) =>
      [...nestedTypes(file)].flatMap((type): [string, DescFile][] => [
        [type.typeName, file],
        ...(type.kind === "message" ? type.fields : []).map(({ name }): [string, DescFile] => [
          `${type.typeName}.${name}`,
          file,
        ]),
        ...(type.kind === "service" ? type.methods : []).map(({ name }): [string, DescFile] => [
          `${type.typeName}.${name}`,
          file,
        ]),
      ]),
    );
    expect(declared.length).toBeGreaterThan(500);
    // One stream takes a thousand questions.
    for (let from = 0; from < declared.length; from += 1000) {
      const part = declared.slice(from, from + 1000);
      const answers = await ask(part.map(([name]) => symbol(name)));
      expect(answers.map(given)).toEqual(part.map(([, { proto }]) => proto.name));
    }
  });
});

test("a file is found by its name and by the extensions in it", async () => {
  const answers = await ask([
    filename("liveuser/order.proto"),
    extension("google.protobuf.MethodOptions", 50101),
    extension("google.protobuf.FieldOptions", 1159),
  ]);
  expect(answers.map(given)).toEqual([
    "liveuser/order.proto",
    "liveuser/options.proto",
    "buf/validate/validate.proto",
  ]);
});

test("the extensions of a message are told by number", async () => {
  const [methods, none] = await ask([
    extensionsOf("google.protobuf.MethodOptions"),
    extensionsOf("liveuser.TicketRecord"),
  ]);
  expect(methods?.messageResponse).toMatchObject({
    case: "allExtensionNumbersResponse",
    value: {
      baseTypeName: "google.protobuf.MethodOptions",
      extensionNumber: expect.arrayContaining(file_liveuser_options.extensions.map(({ number }) => number)),
    },
  });
  expect(none?.messageResponse).toMatchObject({
    case: "allExtensionNumbersResponse",
    value: { baseTypeName: "liveuser.TicketRecord", extensionNumber: [] },
  });
});

test("what there is not is answered so, and the stream goes on", async () => {
  const answers = await ask([
    symbol("liveuser.Nothing"),
    symbol(""),
    symbol("liveuser"),
    symbol("toString"),
    filename("liveuser/probe.proto"),
    filename("../../etc/passwd"),
    extension("google.protobuf.MethodOptions", 1),
    extension("liveuser.Nothing", 50101),
    { case: undefined },
    symbol("liveuser.User"),
  ]);
  expect(answers.map(given)).toEqual([...Array(8).fill("NotFound"), "Unimplemented", "liveuser/user.proto"]);
  const [unknown] = await ask([extensionsOf("liveuser.Nothing")]);
  expect(unknown && given(unknown)).toBe("NotFound");
});

test("a file comes with all that it imports, and each only once on a stream", async () => {
  const [ticket, order, again] = await ask([
    symbol("liveuser.Ticket"),
    symbol("liveuser.Order"),
    symbol("liveuser.Ticket"),
  ]);
  const files = filesOf(ticket);
  const names = files.map(({ name }) => name);
  expect(names[0]).toBe("liveuser/ticket.proto");
  expect(new Set(names).size).toBe(names.length);
  for (const { dependency } of files) expect(names).toEqual(expect.arrayContaining(dependency));
  expect(namesOf(order)).toContain("liveuser/order.proto");
  expect(namesOf(order)).not.toContain("buf/validate/validate.proto");
  expect(namesOf(again)).toEqual(["liveuser/ticket.proto"]);
});

test("what is served is the contract with its options, and nothing else", async () => {
  const answers = await ask(contract.map(({ typeName }) => symbol(typeName)));
  const files = new Map(answers.flatMap(filesOf).map((file) => [file.name, file]));
  for (const { file } of contract) {
    const served = files.get(file.proto.name) as FileDescriptorProto;
    expect(toBinary(FileDescriptorProtoSchema, served)).toEqual(
      toBinary(FileDescriptorProtoSchema, file.proto),
    );
  }
  const folders = new Set([...files.keys()].map((name) => name.replace(/\/[^/]+$/, "")));
  expect([...folders].sort()).toEqual(["buf/validate", "google/protobuf", "liveuser"]);
  const ticket = files.get("liveuser/ticket.proto") as FileDescriptorProto;
  const registry = createFileRegistry(ticket, (name) => files.get(name));
  expect(registry.getService("liveuser.Ticket")?.method.watch).toMatchObject({
    methodKind: "server_streaming",
  });
});

test.each([
  ["gRPC", () => createGrpcTransport({ baseUrl: server.url })],
  ["gRPC, JSON", () => createGrpcTransport({ baseUrl: server.url, useBinaryFormat: false })],
  ["gRPC-Web", () => createGrpcWebTransport({ baseUrl: server.url, httpVersion: "2" })],
  ["Connect", () => createConnectTransport({ baseUrl: server.url, httpVersion: "2" })],
] as const)("%s: each question is answered before the next one is asked", async (_, transport) => {
  const wanted = ["liveuser.Cart", "liveuser.Nothing", "liveuser.Rail"];
  const seen: string[] = [];
  async function* questions() {
    for (const [at, name] of wanted.entries()) {
      await expect.poll(() => seen.length).toBe(at);
      yield { messageRequest: symbol(name) };
    }
  }
  for await (const answer of reflector(transport()).serverReflectionInfo(questions()))
    seen.push(given(answer));
  expect(seen).toEqual(["liveuser/cart.proto", "NotFound", "liveuser/rail.proto"]);
});

test("it needs HTTP/2", async () => {
  const path = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
  const headers = { "content-type": "application/grpc-web+proto" };
  const response = await fetch(server.url + path, { method: "POST", headers, body: new Uint8Array(5) });
  expect(response.status).toBe(505);
  expect((await fetch(server.url + path)).status).toBe(405);
});

describe("limits", () => {
  test("a stream takes a thousand questions", async () => {
    await using own = await start();
    const many = (count: number) => inTurn(Array(count).fill(symbol("nothing")));
    expect(await failure(grpc(own.server).serverReflectionInfo(many(1000)))).toBe("OK");
    expect(await failure(grpc(own.server).serverReflectionInfo(many(1001)))).toBe("ResourceExhausted");
    await own.ended().toEqual(["OK", "RATE_LIMITED"]);
  });

  test("a question is short", async () => {
    await using own = await start();
    const stream = grpc(own.server).serverReflectionInfo(inTurn([symbol("x".repeat(20_000))]));
    expect(await failure(stream)).toBe("ResourceExhausted");
    await own.ended().toEqual(["BODY_TOO_LARGE"]);
  });

  test("what is no question is refused", async () => {
    await using own = await start();
    const stream = open(own.server);
    stream.end(envelope(Buffer.from([0xff, 0xff])));
    const [trailers] = await once(stream.resume(), "trailers");
    expect(trailers["grpc-status"]).toBe("3");
    await own.ended().toEqual(["INVALID_REQUEST"]);
  });

  test("a caller who asks nothing more is not waited for", async () => {
    await using own = await start(100);
    async function* questions() {
      yield { messageRequest: symbol("liveuser.User") };
      await new Promise(() => {});
    }
    const answers: string[] = [];
    const talk = async () => {
      for await (const answer of grpc(own.server).serverReflectionInfo(questions()))
        answers.push(given(answer));
    };
    await expect(talk()).rejects.toMatchObject({ code: Code.DeadlineExceeded });
    expect(answers).toEqual(["liveuser/user.proto"]);
    await own.ended().toEqual(["DEADLINE_PASSED"]);
  });

  test("a stream that was ended is closed, though its caller would ask on", async () => {
    await using own = await start(100);
    const stream = open(own.server);
    stream.write(question(symbol("nothing")));
    const trailers = once(stream, "trailers");
    await once(stream.resume(), "close");
    expect((await trailers)[0]["grpc-status"]).toBe("4");
    expect(stream.rstCode).toBe(0);
  });

  test("a caller who does not read the answers is not waited for", async () => {
    await using own = await start(100);
    const stream = open(own.server);
    for (let i = 0; i < 30; i += 1) stream.write(question(filename("buf/validate/validate.proto")));
    await own.ended().toEqual(["DEADLINE_PASSED"]);
  });

  test("a deadline ends the stream", async () => {
    await using own = await start();
    const stream = open(own.server, { "grpc-timeout": "100m" });
    const [trailers] = await once(stream.resume(), "trailers");
    expect(trailers["grpc-status"]).toBe("4");
    await own.ended().toEqual(["DEADLINE_PASSED"]);
  });
});

test("a caller who vanishes in the middle of an answer leaves nothing behind", async () => {
  await using own = await start();
  for (const moment of [0, 1, 5]) {
    const stream = open(own.server).on("error", () => {});
    for (let i = 0; i < 20; i += 1) stream.write(question(filename("buf/validate/validate.proto")));
    await new Promise((resolve) => setTimeout(resolve, moment));
    stream.session?.destroy();
  }
  const stream = open(own.server);
  stream.write(question(listServices));
  await once(stream, "data");
  stream.session?.destroy();
  await expect.poll(() => own.outcomes.at(-1)?.error?.reason).toBe("CALL_CANCELLED");
  expect(own.outcomes.filter(({ error }) => error?.reason === "INTERNAL")).toEqual([]);
});

test("open streams end when the server stops", async () => {
  await using own = await start();
  let asked = false;
  async function* questions() {
    yield { messageRequest: listServices };
    asked = true;
    await new Promise(() => {});
  }
  const stream = failure(grpc(own.server).serverReflectionInfo(questions()));
  await expect.poll(() => asked).toBe(true);
  own.reflection.endStreams();
  expect(await stream).toBe("Unavailable");
});

describe("who is shown the contract", () => {
  const { appid: WECHAT_APPID, secret: WECHAT_SECRET } = sandboxApp;
  test.each([
    ["in the sandbox, anybody", {}, "OK"],
    ["in the sandbox with REFLECTION=0, nobody", { REFLECTION: "0" }, "Unimplemented"],
    ["outside, nobody", { WECHAT_APPID, WECHAT_SECRET }, "Unimplemented"],
    ["outside with REFLECTION=1, anybody", { WECHAT_APPID, WECHAT_SECRET, REFLECTION: "1" }, "OK"],
  ])("%s", async (_, environment, result) => {
    await using app = await startApp({ environment });
    const client = reflector(createGrpcTransport({ baseUrl: app.url }));
    expect(await failure(client.serverReflectionInfo(inTurn([listServices])))).toBe(result);
  });
});

/** A stream of bare HTTP/2. */
function open({ url }: Server, headers: Record<string, string> = {}): ClientHttp2Stream {
  const session = connectHttp2(url).on("error", () => {});
  const stream = session.request({
    ":method": "POST",
    ":path": "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "content-type": "application/grpc",
    te: "trailers",
    ...headers,
  });
  return stream.on("close", () => session.destroy());
}

function question(messageRequest: Question): Buffer {
  return envelope(
    toBinary(ServerReflectionRequestSchema, create(ServerReflectionRequestSchema, { messageRequest })),
  );
}

function envelope(message: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}
