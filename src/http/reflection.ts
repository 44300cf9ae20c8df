import { constants, type Http2ServerResponse } from "node:http2";
import { create, type DescFile, type DescService, type MessageInitShape } from "@bufbuild/protobuf";
import { Code, createMethodImplSpec, type HandlerContext } from "@connectrpc/connect";
import { createUniversalMethodHandler } from "@connectrpc/connect/protocol";
import { createHandlerFactory as connectHandlers } from "@connectrpc/connect/protocol-connect";
import { createHandlerFactory as grpcHandlers } from "@connectrpc/connect/protocol-grpc";
import { createHandlerFactory as grpcWebHandlers } from "@connectrpc/connect/protocol-grpc-web";
import { file_google_rpc_error_details } from "../../gen/google/rpc/error_details_pb.ts";
import {
  ServerReflection,
  type ServerReflectionRequest,
  ServerReflectionResponseSchema,
} from "../../gen/grpc/reflection/v1/reflection_pb.ts";
import { AppError } from "../errors.ts";
import { Call } from "../rpc/call.ts";
import { toConnectError } from "../rpc/errors.ts";
import type { Outcome } from "../rpc/pipeline.ts";
import { compressions } from "./body.ts";
import { type Descriptors, describeFiles, withImports } from "./descriptors.ts";
import { isProtocolError, toObserved } from "./errors.ts";
import { arrivalOf, type Exchange } from "./exchange.ts";
import type { Pages } from "./server.ts";
import { answerBy, endWith, exchangeOf, readingError } from "./universal.ts";

export interface ReflectionOptions {
  /** The services that are described. */
  services: readonly DescService[];
  /** Told of every finished stream. */
  observe(outcome: Outcome): void;
  /** How long a caller may take for each question, and for reading each answer (ms). */
  idleMs: number;
}

export interface Reflection {
  readonly pages: Pages;
  /** Ends the streams that callers hold open. */
  endStreams(): void;
}

/** How much one stream may ask. Tools send some dozens of questions. */
const maxQuestions = 1000;
/** How long a caller may take to end a stream whose answer is complete (ms). */
const closeMs = 1000;
/** Largest question (bytes): it holds one name. */
const maxQuestion = 16 * 1024;

const { serverReflectionInfo } = ServerReflection.method;

type Question = ServerReflectionRequest["messageRequest"];
type Answer = MessageInitShape<typeof ServerReflectionResponseSchema>["messageResponse"];

/**
 * gRPC server reflection, version 1 (https://grpc.io/docs/guides/reflection/): generic clients learn the
 * contract from it, with the error details that come with failures. Nothing but the public contract is
 * told, so it asks for no token.
 */
export function createReflection({ services, observe, idleMs }: ReflectionOptions): Reflection {
  const descriptors = describeFiles([...services, ServerReflection], [file_google_rpc_error_details]);
  const streams = new Set<Call>();

  async function* serve(questions: AsyncIterable<ServerReflectionRequest>, context: HandlerContext) {
    const exchange = exchangeOf(context);
    const call = new Call(
      serverReflectionInfo,
      arrivalOf(exchange, context.protocolName, context.timeoutMs()),
    );
    endWith(context, call);
    closeWhenAnswered(exchange);
    const ended = new Promise<never>((_, reject) => call.onEnd(reject));
    // It may end while nobody waits for a question.
    ended.catch(() => {});
    const iterator = questions[Symbol.asyncIterator]();
    const sent = new Set<DescFile>();
    let answering = false;
    let error: AppError | undefined;
    const idle = setTimeout(() => {
      call.end(new AppError("DEADLINE_PASSED"));
      // Nothing can be said to a caller who does not read.
      if (answering) exchange.res.destroy();
    }, idleMs);
    streams.add(call);
    try {
      for (let asked = 0; ; asked += 1) {
        const next = await Promise.race([iterator.next(), ended]);
        if (next.done) return;
        if (asked === maxQuestions) throw new AppError("RATE_LIMITED");
        idle.refresh();
        answering = true;
        yield create(ServerReflectionResponseSchema, {
          validHost: next.value.host,
          originalRequest: next.value,
          messageResponse: answerTo(descriptors, next.value.messageRequest, sent),
        });
        answering = false;
        idle.refresh();
      }
    } catch (thrown) {
      if (isProtocolError(thrown)) {
        error = toObserved(thrown);
        throw thrown;
      }
      error = readingError(thrown);
      throw toConnectError(error);
    } finally {
      clearTimeout(idle);
      streams.delete(call);
      if (answering && !error) error = new AppError("CALL_CANCELLED");
      observe({ call, ms: performance.now() - exchange.started, error });
    }
  }

  const limits = { acceptCompression: compressions, readMaxBytes: maxQuestion };
  const handler = createUniversalMethodHandler(createMethodImplSpec(serverReflectionInfo, serve), [
    grpcHandlers(limits),
    grpcWebHandlers(limits),
    connectHandlers(limits),
  ]);

  return {
    pages: { [handler.requestPath]: { POST: (exchange) => answerBy(handler, exchange) } },
    endStreams() {
      for (const call of streams) call.end(new AppError("UNAVAILABLE"));
    },
  };
}

/** Answers one question. `sent` has the files that the stream had before, which are not sent again unasked. */
function answerTo(descriptors: Descriptors, question: Question, sent: Set<DescFile>): Answer {
  switch (question.case) {
    case "listServices": {
      const service = descriptors.services.map((name) => ({ name }));
      return { case: "listServicesResponse", value: { service } };
    }
    case "fileByFilename":
      return filesFrom(descriptors, descriptors.fileNamed(question.value), sent);
    case "fileContainingSymbol":
      return filesFrom(descriptors, descriptors.fileOf(question.value), sent);
    case "fileContainingExtension": {
      const { containingType, extensionNumber } = question.value;
      const extension = descriptors.extensionsOf(containingType)?.get(extensionNumber);
      return filesFrom(descriptors, extension?.file, sent);
    }
    case "allExtensionNumbersOfType": {
      const extensions = descriptors.extensionsOf(question.value);
      if (!extensions) return failure(Code.NotFound, "no such message");
      const value = { baseTypeName: question.value, extensionNumber: [...extensions.keys()] };
      return { case: "allExtensionNumbersResponse", value };
    }
    default:
      return failure(Code.Unimplemented, "no such question");
  }
}

/** A file first, then all that it imports. */
function filesFrom(descriptors: Descriptors, file: DescFile | undefined, sent: Set<DescFile>): Answer {
  if (!file) return failure(Code.NotFound, "no such declaration");
  const files = [...withImports([file])].filter((each) => each === file || !sent.has(each));
  for (const each of files) sent.add(each);
  const value = { fileDescriptorProto: files.map(descriptors.bytesOf) };
  return { case: "fileDescriptorResponse", value };
}

function failure(errorCode: Code, errorMessage: string): Answer {
  return { case: "errorResponse", value: { errorCode, errorMessage } };
}

/**
 * Once the answer is complete, a caller who has not ended the questions is told to send no more
 * (RFC 9113, 8.1); else the stream would stay half open.
 */
function closeWhenAnswered({ req, res }: Exchange): void {
  // Connect gives streams in both directions to its handlers over HTTP/2 alone.
  const { stream } = res as unknown as Http2ServerResponse;
  stream.once("wantTrailers", () => {
    // Closed at once, it would be closed before the trailers.
    if (!req.complete) setTimeout(() => stream.close(constants.NGHTTP2_NO_ERROR), closeMs).unref();
  });
}
