import type { DescEnum, DescField, DescFile, DescMessage } from "@bufbuild/protobuf";
import fc from "fast-check";
import { expect, test } from "vitest";
import { file_google_rpc_error_details } from "../../gen/client/google/rpc/error_details_pb.ts";
import { file_liveuser_ticket } from "../../gen/client/liveuser/ticket_pb.ts";
import { file_liveuser_wx } from "../../gen/client/liveuser/wx_pb.ts";
import { bundleForDevices } from "../../scripts/client/bundle.ts";
import { AbortController as OwnController } from "../../src/client/shims/abort.ts";
import { Headers as OwnHeaders } from "../../src/client/shims/headers.ts";
import { TextDecoder as OwnDecoder, TextEncoder as OwnEncoder } from "../../src/client/shims/text.ts";
import { createDevice } from "./device.ts";

test("UTF-8 is encoded as the platform's own does", () => {
  const units = fc.array(fc.nat(0xffff)).map((list) => String.fromCharCode(...list));
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: "binary" }), units), (text) => {
      const theirs = new TextEncoder().encode(text);
      expect(Buffer.compare(new OwnEncoder().encode(text), theirs)).toBe(0);
    }),
  );
});

test("UTF-8 is decoded as the platform's own does, wrong bytes too", () => {
  const text = fc.string({ unit: "binary" }).map((it) => new TextEncoder().encode(it));
  const broken = fc.array(
    fc.constantFrom(0x41, 0x80, 0xbf, 0xc0, 0xc3, 0xe0, 0xa0, 0xed, 0xef, 0xbb, 0xf0, 0x90, 0xf4, 0xff),
  );
  const any = fc.oneof(
    text,
    fc.uint8Array(),
    broken.map((list) => new Uint8Array(list)),
  );
  fc.assert(
    fc.property(any, fc.boolean(), (bytes, ignoreBOM) => {
      expect(new OwnDecoder("utf-8", { ignoreBOM }).decode(bytes)).toBe(
        new TextDecoder("utf-8", { ignoreBOM }).decode(bytes),
      );
      const fatal = { fatal: true, ignoreBOM };
      let wrong = false;
      try {
        new TextDecoder("utf-8", fatal).decode(bytes);
      } catch {
        wrong = true;
      }
      if (wrong) expect(() => new OwnDecoder("utf-8", fatal).decode(bytes)).toThrow(TypeError);
      else new OwnDecoder("utf-8", fatal).decode(bytes);
    }),
    { numRuns: 1000 },
  );
  const long = "é👍中x".repeat(5000);
  expect(new OwnDecoder().decode(new TextEncoder().encode(long))).toBe(long);
});

test("headers know no case, join what comes twice and are read like the platform's own", () => {
  for (const make of [() => new OwnHeaders(), () => new Headers()]) {
    const headers = make();
    headers.append("Content-TYPE", " application/json ");
    headers.append("x-two", "1");
    headers.append("X-Two", "2");
    headers.set("gone", "x");
    headers.delete("GONE");
    expect([headers.get("content-type"), headers.get("x-two"), headers.get("gone")]).toEqual([
      "application/json",
      "1, 2",
      null,
    ]);
    expect([headers.has("X-TWO"), headers.has("gone")]).toEqual([true, false]);
    expect(Object.fromEntries(headers)).toEqual({ "content-type": "application/json", "x-two": "1, 2" });
  }
  expect(new OwnHeaders([["A", "1"]]).get("a")).toBe("1");
  expect(new OwnHeaders({ A: "1" }).get("a")).toBe("1");
  expect(new OwnHeaders(new OwnHeaders({ A: "1" })).get("a")).toBe("1");
});

test("a signal fires once, for those who still listen, with its reason", () => {
  for (const make of [() => new OwnController(), () => new AbortController()]) {
    const { signal, abort } = ((controller) => ({
      signal: controller.signal,
      abort: (reason?: unknown) => controller.abort(reason),
    }))(make());
    const heard: unknown[] = [];
    const left = () => heard.push("left");
    signal.addEventListener("abort", left);
    signal.addEventListener("abort", function (this: unknown) {
      heard.push(this === signal);
    });
    signal.removeEventListener("abort", left);
    expect([signal.aborted, signal.reason]).toEqual([false, undefined]);
    signal.throwIfAborted();
    abort("enough");
    abort("again");
    expect(heard).toEqual([true]);
    expect([signal.aborted, signal.reason]).toEqual([true, "enough"]);
    expect(() => signal.throwIfAborted()).toThrow("enough");
    const other = make();
    other.abort();
    expect(other.signal.reason.name).toBe("AbortError");
  }
});

test("the bundle's short descriptors say what the generated ones say", async () => {
  const bundle = await bundleForDevices(`
    export { file_google_rpc_error_details } from "../../gen/client/google/rpc/error_details_pb.ts";
    export { file_liveuser_ticket } from "../../gen/client/liveuser/ticket_pb.ts";
    export { file_liveuser_wx } from "../../gen/client/liveuser/wx_pb.ts";
  `);
  const files = { file_google_rpc_error_details, file_liveuser_ticket, file_liveuser_wx };
  const short = createDevice(bundle).start() as unknown as typeof files;
  for (const [name, file] of Object.entries(files)) {
    expect(described(short[name as keyof typeof files])).toEqual(described(file));
  }
});

/** Everything that reading, writing and calling look at. */
function described({ messages, enums, services }: DescFile): unknown {
  return {
    messages: messages.map(describedMessage),
    enums: enums.map(describedEnum),
    services: services.map(({ typeName, methods }) => [
      typeName,
      methods.map(({ name, localName, methodKind, idempotency, input, output, proto }) => [
        [name, localName, methodKind, idempotency, input.typeName, output.typeName],
        proto.options?.$unknown?.map(({ no, wireType, data }) => [no, wireType, [...data]]) ?? [],
      ]),
    ]),
  };
}

function describedMessage({ typeName, fields, nestedMessages, nestedEnums }: DescMessage): unknown {
  return [
    typeName,
    fields.map(describedField),
    nestedMessages.map(describedMessage),
    nestedEnums.map(describedEnum),
  ];
}

function describedField(field: DescField): unknown {
  const { kind: _, parent: _parent, proto: _proto, ...rest } = field;
  return Object.entries(rest).map(([name, value]) => [
    name,
    typeof value === "object" ? `${value}` : typeof value === "function" ? "" : value,
  ]);
}

function describedEnum({ typeName, open, values, sharedPrefix }: DescEnum): unknown {
  return [
    typeName,
    open,
    sharedPrefix,
    values.map(({ name, localName, number }) => [name, localName, number]),
  ];
}
