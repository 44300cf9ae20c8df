import { Code, ConnectError } from "@connectrpc/connect";
import { codeToHttpStatus, errorToJson } from "@connectrpc/connect/protocol-connect";
import { setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import { type AppError, httpStatus } from "../errors.ts";
import { toAppError, toConnectError } from "../rpc/errors.ts";
import { type Exchange, send } from "./exchange.ts";

interface Manner {
  /** Instead of the error's own status. */
  status?: number;
  headers?: Record<string, string>;
}

/**
 * Answers an error in Connect's JSON form (https://connectrpc.com/docs/protocol#error-end-stream).
 * What the protocol library says of its own protocol (an unknown compression) goes out as it is.
 */
export function sendError(exchange: Exchange, thrown: AppError | ConnectError, manner: Manner = {}): void {
  const own = thrown instanceof ConnectError ? undefined : thrown;
  const wire = own ? toConnectError(own) : (thrown as ConnectError);
  const status = manner.status ?? (own ? httpStatus(own.reason) : codeToHttpStatus(wire.code));
  const headers: Record<string, string> = {
    ...Object.fromEntries(wire.metadata),
    ...manner.headers,
    "content-type": "application/json",
  };
  if (wire.code === Code.Unauthenticated) headers["www-authenticate"] = "Bearer";
  if (own?.retryAfterMs !== undefined) headers["retry-after"] = String(Math.ceil(own.retryAfterMs / 1000));
  send(exchange, status, headers, errorBody(wire));
}

/** An error in Connect's JSON form. */
export function errorBody(error: ConnectError): string {
  return JSON.stringify(errorToJson(error, { useProtoFieldName: true }));
}

/**
 * Answers an error to a gRPC client before any handler runs: one block of headers that ends the
 * stream ("Trailers-Only"), which is why it is not written with writeHead.
 */
export function sendGrpcError({ req, res, headers, closed }: Exchange, error: AppError): void {
  if (closed) return;
  const status = Object.fromEntries(setTrailerStatus(new Headers(), toConnectError(error)));
  const contentType = req.headers["content-type"] ?? "application/grpc";
  res.statusCode = 200;
  for (const [name, value] of Object.entries({ ...headers, ...status, "content-type": contentType })) {
    res.setHeader(name, value);
  }
  res.end();
}

/** UNIMPLEMENTED of the protocol library is about its own protocol, not about a method of ours. */
export function isProtocolError(thrown: unknown): thrown is ConnectError {
  return thrown instanceof ConnectError && thrown.code === Code.Unimplemented;
}

/** For log and metrics: a protocol error counts as a request that is not valid. */
export function toObserved(thrown: unknown): AppError {
  return toAppError(isProtocolError(thrown) ? new ConnectError("", Code.InvalidArgument) : thrown);
}
