import type { DescMethod, DescMethodBiDiStreaming, Message } from "@bufbuild/protobuf";
import {
  Code,
  ConnectError,
  createContextKey,
  createContextValues,
  type HandlerContext,
  type MethodImplSpec,
} from "@connectrpc/connect";
import {
  createUniversalMethodHandler,
  type ProtocolHandlerFactory,
  type UniversalHandler,
  type UniversalHandlerOptions,
} from "@connectrpc/connect/protocol";
import { createHandlerFactory as connectHandlers } from "@connectrpc/connect/protocol-connect";
import { createHandlerFactory as grpcHandlers } from "@connectrpc/connect/protocol-grpc";
import { createHandlerFactory as grpcWebHandlers } from "@connectrpc/connect/protocol-grpc-web";
import { universalRequestFromNodeRequest, universalResponseToNodeResponse } from "@connectrpc/connect-node";
import { AppError, invalid } from "../errors.ts";
import { Call } from "../rpc/call.ts";
import { toAppError, toConnectError } from "../rpc/errors.ts";
import type { Outcome, Pipeline } from "../rpc/pipeline.ts";
import { callerAddress } from "./address.ts";
import { type BodyLimits, compressions, discardRest } from "./body.ts";
import { invalidBinary, readJson } from "./codec.ts";
import { isProtocolError, toObserved } from "./errors.ts";
import type { Exchange } from "./exchange.ts";
import { inTime } from "./in-time.ts";
import { jsonOptions } from "./json-options.ts";

export interface ConnectDoorOptions {
  pipeline: Pipeline;
  limits: BodyLimits;
  /** Told of calls that fail before the pipeline has them. */
  observe(outcome: Outcome): void;
}

export interface ConnectDoor {
  /** Answers a call in one of the protocols that put messages in envelopes. */
  answer(exchange: Exchange, method: DescMethod): Promise<void>;
  /** Ends the streams that would else go on for ever; their callers come again, to another server. */
  endStreams(): void;
}

/** Content types of this door: gRPC, gRPC-Web, Connect's streams. */
export const envelopeType = /^application\/(grpc|connect\+)/i;

const exchangeKey = createContextKey<Exchange | undefined>(undefined);

/**
 * The door for gRPC, gRPC-Web and Connect's streaming protocol, on Connect's own handlers. Each
 * method is given to them as if its caller streamed: so the request is read by a function of ours,
 * and whatever is wrong with it gets the same error as at the other door.
 */
export function createConnectDoor({ pipeline, limits, observe }: ConnectDoorOptions): ConnectDoor {
  const streams = new Set<Call>();

  function handlerOf(method: DescMethod): UniversalHandler {
    // The decoder is an option that Connect's types do not name.
    const json = { ...jsonOptions, textDecoder: checkingDecoder(method) };
    const options: Partial<UniversalHandlerOptions> = {
      acceptCompression: compressions,
      readMaxBytes: limits.bodyLimit,
      jsonOptions: json,
    };
    const factories: ProtocolHandlerFactory[] = [grpcHandlers(options), grpcWebHandlers(options)];
    if (method.methodKind === "server_streaming") factories.push(connectHandlers(options));
    const spec: MethodImplSpec = {
      kind: "bidi_streaming",
      method: method as DescMethodBiDiStreaming,
      impl: (requests, context) => serve(method, requests, context),
    };
    return createUniversalMethodHandler(spec, factories);
  }

  async function* serve(method: DescMethod, requests: AsyncIterable<Message>, context: HandlerContext) {
    const exchange = context.values.get(exchangeKey) as Exchange;
    const call = new Call(method, {
      requestId: exchange.requestId,
      door: context.protocolName,
      get peer() {
        return callerAddress(exchange.req, exchange.trustedProxies);
      },
      timeoutMs: context.timeoutMs(),
      header: (name) => context.requestHeader.get(name) ?? undefined,
    });
    context.signal.addEventListener("abort", () => call.end(endOf(context.signal.reason)), { once: true });
    try {
      const request = await readOnly(exchange, call, requests);
      if (method.methodKind === "unary") yield await pipeline.invoke(call, request);
      else {
        streams.add(call);
        yield* pipeline.stream(call, request);
      }
    } catch (thrown) {
      throw isProtocolError(thrown) ? thrown : toConnectError(toAppError(thrown));
    } finally {
      streams.delete(call);
    }
  }

  /** The one message of the request. What goes wrong here, the pipeline does not see. */
  async function readOnly(
    exchange: Exchange,
    call: Call,
    requests: AsyncIterable<Message>,
  ): Promise<Message> {
    const ended = new Promise<never>((_, reject) => call.onEnd(reject));
    try {
      return await inTime(Promise.race([single(requests), ended]), limits.requestTimeoutMs);
    } catch (thrown) {
      const error = isProtocolError(thrown) ? thrown : readingError(thrown);
      observe({ call, ms: performance.now() - exchange.started, error: toObserved(error) });
      throw error;
    }
  }

  const handlers = new Map(pipeline.methods.map((method) => [method, handlerOf(method)]));

  return {
    async answer(exchange, method) {
      const { req, res } = exchange;
      const handler = handlers.get(method) as UniversalHandler;
      for (const [name, value] of Object.entries(exchange.headers)) res.setHeader(name, value);
      const values = createContextValues().set(exchangeKey, exchange);
      const request = universalRequestFromNodeRequest(req, res, undefined, values);
      // Stopping to read must not cut off a caller who still has to read the answer.
      const body = req.iterator({ destroyOnReturn: false });
      const response = await handler({ ...request, body });
      discardRest(exchange, limits.bodyLimit);
      await universalResponseToNodeResponse(response, res).catch(unlessGone);
    },

    endStreams() {
      for (const call of streams) call.end(new AppError("UNAVAILABLE"));
    },
  };
}

/** A response that cannot be written because its reader went away is no failure. */
function unlessGone(thrown: unknown): void {
  if (!(thrown instanceof ConnectError) || thrown.code !== Code.Aborted) throw thrown;
}

async function single(requests: AsyncIterable<Message>): Promise<Message> {
  const iterator = requests[Symbol.asyncIterator]();
  const first = await iterator.next();
  if (first.done) throw invalid({ field: "", description: "the request has no message" });
  if (!(await iterator.next()).done)
    throw invalid({ field: "", description: "the request has several messages" });
  return first.value;
}

/** Why a call ended that its signal was aborted for. */
function endOf(reason: unknown): AppError {
  const late = reason instanceof ConnectError && reason.code === Code.DeadlineExceeded;
  return new AppError(late ? "DEADLINE_PASSED" : "CALL_CANCELLED");
}

/** An error of reading the request: too large, gone, late, or else the caller's mistake. */
function readingError(thrown: unknown): AppError {
  if (thrown instanceof AppError) return thrown;
  if (!(thrown instanceof ConnectError)) return new AppError("CALL_CANCELLED", {}, { cause: thrown });
  if (thrown.cause instanceof AppError) return thrown.cause;
  switch (thrown.code) {
    case Code.ResourceExhausted:
      return new AppError("BODY_TOO_LARGE");
    case Code.Canceled:
    case Code.Aborted:
      return new AppError("CALL_CANCELLED");
    case Code.DeadlineExceeded:
      return new AppError("DEADLINE_PASSED");
    default:
      return invalidBinary(thrown.rawMessage.replace(/^parse binary: /, ""), thrown);
  }
}

/** Decodes JSON for Connect's parser after ours has read it, whose errors say more. */
function checkingDecoder(method: DescMethod) {
  return {
    decode(bytes: Uint8Array): string {
      const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      readJson(method.input, buffer);
      return buffer.length === 0 ? "{}" : buffer.toString();
    },
  };
}
