import type { DescMethod, DescMethodBiDiStreaming, Message } from "@bufbuild/protobuf";
import type { HandlerContext, MethodImplSpec } from "@connectrpc/connect";
import {
  createUniversalMethodHandler,
  type ProtocolHandlerFactory,
  type UniversalHandler,
  type UniversalHandlerOptions,
} from "@connectrpc/connect/protocol";
import { createHandlerFactory as connectHandlers } from "@connectrpc/connect/protocol-connect";
import { createHandlerFactory as grpcHandlers } from "@connectrpc/connect/protocol-grpc";
import { createHandlerFactory as grpcWebHandlers } from "@connectrpc/connect/protocol-grpc-web";
import { AppError, invalid } from "../errors.ts";
import { Call } from "../rpc/call.ts";
import { toAppError, toConnectError } from "../rpc/errors.ts";
import type { Outcome, Pipeline } from "../rpc/pipeline.ts";
import { callerAddress } from "./address.ts";
import { type BodyLimits, compressions, discardRest } from "./body.ts";
import { readJson } from "./codec.ts";
import { isProtocolError, toObserved } from "./errors.ts";
import type { Exchange } from "./exchange.ts";
import { inTime } from "./in-time.ts";
import { jsonOptions } from "./json-options.ts";
import { answerBy, endWith, exchangeOf, readingError } from "./universal.ts";

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
    const exchange = exchangeOf(context);
    const call = new Call(method, {
      requestId: exchange.requestId,
      door: context.protocolName,
      get peer() {
        return callerAddress(exchange.req, exchange.trustedProxies);
      },
      timeoutMs: context.timeoutMs(),
      header: (name) => context.requestHeader.get(name) ?? undefined,
    });
    endWith(context, call);
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
    answer(exchange, method) {
      const handler = handlers.get(method) as UniversalHandler;
      return answerBy(handler, exchange, () => discardRest(exchange, limits.bodyLimit));
    },

    endStreams() {
      for (const call of streams) call.end(new AppError("UNAVAILABLE"));
    },
  };
}

async function single(requests: AsyncIterable<Message>): Promise<Message> {
  const iterator = requests[Symbol.asyncIterator]();
  const first = await iterator.next();
  if (first.done) throw invalid({ field: "", description: "the request has no message" });
  if (!(await iterator.next()).done)
    throw invalid({ field: "", description: "the request has several messages" });
  return first.value;
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
