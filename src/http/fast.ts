import type { DescMethod } from "@bufbuild/protobuf";
import { compressionNegotiate } from "@connectrpc/connect/protocol";
import { invalid } from "../errors.ts";
import { Call } from "../rpc/call.ts";
import { toAppError } from "../rpc/errors.ts";
import type { Outcome, Pipeline } from "../rpc/pipeline.ts";
import { type BodyLimits, compressions, readBody } from "./body.ts";
import { readBinary, readJson, writeMessage } from "./codec.ts";
import { isProtocolError, sendError, toObserved } from "./errors.ts";
import { arrivalOf, type Exchange, headerText, send } from "./exchange.ts";

/** Responses below this size are not worth compressing (bytes). */
const compressFrom = 1024;

export interface FastDoorOptions {
  pipeline: Pipeline;
  limits: BodyLimits;
  /** Told of calls that fail before the pipeline has them. */
  observe(outcome: Outcome): void;
}

/** Answers one unary call: a POST with a JSON or protobuf body. */
export type FastDoor = (exchange: Exchange, method: DescMethod, binary: boolean) => Promise<void>;

/**
 * The door for plain unary calls: Connect's unary protocol and `POST /liveuser/Service/Method`
 * alike (https://connectrpc.com/docs/protocol#unary-request). It is nothing but Node's request, one
 * parse, the pipeline, one write, because most calls come this way.
 */
export function createFastDoor({ pipeline, limits, observe }: FastDoorOptions): FastDoor {
  /** The call and its message. What goes wrong here, the pipeline does not see. */
  async function read(exchange: Exchange, method: DescMethod, binary: boolean) {
    const { headers } = exchange.req;
    const timeoutMs = readTimeout(headerText(headers["connect-timeout-ms"]));
    const call = new Call(method, arrivalOf(exchange, binary ? "proto" : "json", timeoutMs));
    try {
      if (Number.isNaN(timeoutMs)) {
        throw invalid({ field: "connect-timeout-ms", description: "expected ms, at most ten digits" });
      }
      const version = headers["connect-protocol-version"];
      if (version !== undefined && version !== "1") {
        throw invalid({ field: "connect-protocol-version", description: "expected 1" });
      }
      let bytes = await readBody(exchange, limits);
      const encoding = headers["content-encoding"];
      if (encoding !== undefined) bytes = await decompress(bytes, encoding, limits.bodyLimit);
      const request = binary ? readBinary(method.input, bytes) : readJson(method.input, bytes);
      return { call, request };
    } catch (thrown) {
      observe({ call, ms: performance.now() - exchange.started, error: toObserved(thrown) });
      throw thrown;
    }
  }

  return async function answer(exchange, method, binary) {
    try {
      const { call, request } = await read(exchange, method, binary);
      exchange.onGone = (reason) => call.end(reason);
      const message = await pipeline.invoke(call, request);
      const body = writeMessage(method.output, message, binary);
      const headers = { "content-type": binary ? "application/proto" : "application/json" };
      if (body.length < compressFrom) return send(exchange, 200, headers, body);
      await sendLarge(exchange, headers, body);
    } catch (thrown) {
      sendError(exchange, isProtocolError(thrown) ? thrown : toAppError(thrown));
    }
  };
}

/** Connect-Timeout-Ms in ms; NaN if it is not one. */
function readTimeout(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  return /^\d{1,10}$/.test(value) ? Number(value) : Number.NaN;
}

/** @throws AppError INVALID_REQUEST, BODY_TOO_LARGE; ConnectError for an unknown encoding */
async function decompress(bytes: Buffer, encoding: string, limit: number): Promise<Buffer> {
  const { request, error } = compressionNegotiate(compressions, encoding, null, "accept-encoding");
  if (error) throw error;
  if (!request) return bytes;
  try {
    const plain = await request.decompress(bytes, limit);
    return Buffer.from(plain.buffer, plain.byteOffset, plain.byteLength);
  } catch (thrown) {
    const error = toAppError(thrown);
    if (error.reason === "BODY_TOO_LARGE") throw error;
    throw invalid({ field: "", description: `not ${encoding}` }, thrown);
  }
}

async function sendLarge(exchange: Exchange, headers: Record<string, string>, body: string | Uint8Array) {
  const accepted = headerText(exchange.req.headers["accept-encoding"]);
  const { response } = compressionNegotiate(compressions, null, accepted ?? null, "accept-encoding");
  if (!response) return send(exchange, 200, headers, body);
  const plain = typeof body === "string" ? Buffer.from(body) : body;
  const small = await response.compress(new Uint8Array(plain));
  send(exchange, 200, { ...headers, "content-encoding": response.name }, small);
}
