import { type DescMessage, fromBinary, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { getTextEncoding } from "@bufbuild/protobuf/wire";
import {
  appendHeaders,
  Code,
  ConnectError,
  createContextValues,
  type Interceptor,
  type StreamRequest,
  type StreamResponse,
  type Transport,
  type UnaryRequest,
  type UnaryResponse,
} from "@connectrpc/connect";
import { createMethodUrl, runStreamingCall, runUnaryCall } from "@connectrpc/connect/protocol";
import {
  errorFromJson,
  errorFromJsonBytes,
  requestHeader,
  trailerDemux,
  validateResponse,
} from "@connectrpc/connect/protocol-connect";
import { readJson, writeJson } from "./json.ts";
import type { HttpHead, HttpRequest, Platform } from "./platform.ts";
import { createMessageQueue, onlyMessage, writeEnvelope } from "./stream.ts";

export interface TransportOptions {
  platform: Pick<Platform, "send" | "stream">;
  /** With or without a path, without the method's. */
  baseUrl: string;
  /** Protobuf instead of JSON. */
  binary: boolean;
  /** For calls that bring no time-out of their own (ms). Streams have none. */
  timeoutMs: number;
  interceptors?: Interceptor[];
}

type Header = UnaryRequest["header"];

/**
 * Connect's protocol (https://connectrpc.com/docs/protocol) over a platform that sends one POST and
 * gives one answer, or an answer in pieces: unary calls, and streams from the server.
 */
export function createTransport(options: TransportOptions): Transport {
  const { platform, baseUrl, binary, interceptors = [] } = options;

  async function callUnary<I extends DescMessage, O extends DescMessage>(
    req: UnaryRequest<I, O>,
    timeoutMs: number | undefined,
  ): Promise<UnaryResponse<I, O>> {
    const { service, method } = req;
    const answer = await platform.send(httpRequest(req, timeoutMs, write(method.input, req.message, binary)));
    const headers = headerOf(answer);
    const { unaryError } = validateResponse("unary", binary, answer.status, headers);
    const [header, trailer] = trailerDemux(headers);
    if (unaryError) throw readError(answer.body, appendHeaders(header, trailer), unaryError);
    return { stream: false, service, method, header, trailer, message: read(method.output, answer.body) };
  }

  async function callStream<I extends DescMessage, O extends DescMessage>(
    req: StreamRequest<I, O>,
    timeoutMs: number | undefined,
  ): Promise<StreamResponse<I, O>> {
    const { service, method } = req;
    if (method.methodKind !== "server_streaming" || !platform.stream) {
      throw new ConnectError(`no stream for ${method.name} here`, Code.Unimplemented);
    }
    const { encodeUtf8, decodeUtf8 } = getTextEncoding();
    const queue = createMessageQueue((bytes) => read(method.output, binary ? bytes : decodeUtf8(bytes)));
    const message = write(method.input, await onlyMessage(req.message), binary);
    const body = writeEnvelope(typeof message === "string" ? encodeUtf8(message) : message);
    const answer = await platform.stream(httpRequest(req, timeoutMs, body), queue.push);
    queue.end(answer.done);
    const header = headerOf(answer);
    validateResponse(method.methodKind, binary, answer.status, header);
    return { stream: true, service, method, header, trailer: queue.trailer, message: queue.messages };
  }

  return {
    unary(method, signal, timeoutMs, header, message, contextValues) {
      const limit = timeoutMs === undefined ? options.timeoutMs : positive(timeoutMs);
      return runUnaryCall({
        interceptors,
        signal,
        timeoutMs: limit,
        req: {
          stream: false,
          service: method.parent,
          method,
          requestMethod: "POST",
          url: createMethodUrl(baseUrl, method),
          header: requestHeader(method.methodKind, binary, limit, header, false),
          contextValues: contextValues ?? createContextValues(),
          message,
        },
        next: (req) => callUnary(req, limit),
      });
    },

    stream(method, signal, timeoutMs, header, message, contextValues) {
      const limit = positive(timeoutMs);
      return runStreamingCall({
        interceptors,
        signal,
        timeoutMs: limit,
        req: {
          stream: true,
          service: method.parent,
          method,
          requestMethod: "POST",
          url: createMethodUrl(baseUrl, method),
          header: requestHeader(method.methodKind, binary, limit, header, false),
          contextValues: contextValues ?? createContextValues(),
          message,
        },
        next: (req) => callStream(req, limit),
      });
    },
  };
}

/** A time-out as Connect takes it: 0 and less mean none. */
function positive(ms: number | undefined): number | undefined {
  return ms !== undefined && ms > 0 ? ms : undefined;
}

function httpRequest(
  { url, header, signal }: UnaryRequest | StreamRequest,
  timeoutMs: number | undefined,
  body: string | Uint8Array,
): HttpRequest {
  const headers: Record<string, string> = {};
  header.forEach((value, name) => {
    headers[name] = value;
  });
  return { url, headers, body, timeoutMs, signal };
}

function headerOf({ headers }: HttpHead): Header {
  const header = appendHeaders();
  for (const [name, value] of headers) header.append(name, value);
  return header;
}

function write<T extends DescMessage>(schema: T, message: MessageShape<T>, binary: boolean) {
  try {
    return binary ? toBinary(schema, message) : writeJson(schema, message);
  } catch (thrown) {
    throw ConnectError.from(thrown, Code.InvalidArgument);
  }
}

/** A newer server may know fields and enum values that this client does not. */
function read<T extends DescMessage>(schema: T, body: string | Uint8Array): MessageShape<T> {
  try {
    return typeof body === "string" ? readJson(schema, body) : fromBinary(schema, body);
  } catch (thrown) {
    throw ConnectError.from(thrown, Code.Internal);
  }
}

/** The error in an answer's body, or the one of its status if there is none. */
function readError(body: string | Uint8Array, metadata: Header, ofStatus: ConnectError): ConnectError {
  if (typeof body !== "string") return errorFromJsonBytes(body, metadata, ofStatus);
  try {
    return errorFromJson(JSON.parse(body), metadata, ofStatus);
  } catch {
    return ofStatus;
  }
}
