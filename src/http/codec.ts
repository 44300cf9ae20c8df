import { isUtf8 } from "node:buffer";
import {
  type DescMessage,
  fromBinary,
  fromJsonString,
  type Message,
  toBinary,
  toJsonString,
} from "@bufbuild/protobuf";
import { type AppError, invalid } from "../errors.ts";
import { unknownEnumName } from "./json-enums.ts";
import { explainJson } from "./json-fault.ts";
import { jsonOptions } from "./json-options.ts";

/**
 * A message from its JSON text. No text at all counts as `{}`.
 * @throws AppError INVALID_REQUEST with the field's path, or the place of the syntax error.
 */
export function readJson(desc: DescMessage, bytes: Buffer): Message {
  if (!isUtf8(bytes)) throw invalid({ field: "", description: "not valid UTF-8" });
  const text = bytes.length === 0 ? "{}" : bytes.toString();
  const message = parse(desc, text);
  const unknown = unknownEnumName(desc, text);
  if (unknown) throw invalid(unknown);
  return message;
}

function parse(desc: DescMessage, text: string): Message {
  try {
    return fromJsonString(desc, text, jsonOptions);
  } catch (error) {
    throw invalid(explainJson(desc, text, error), error);
  }
}

/** @throws AppError INVALID_REQUEST */
export function readBinary(desc: DescMessage, bytes: Uint8Array): Message {
  try {
    return fromBinary(desc, bytes);
  } catch (error) {
    throw invalidBinary(error instanceof Error ? error.message : "", error);
  }
}

/** The error for bytes that are no message. The library's text names fields and types, never values. */
export function invalidBinary(text: string, cause?: unknown): AppError {
  return invalid({ field: "", description: `not a valid message: ${text}` }, cause);
}

export function writeMessage(desc: DescMessage, message: Message, binary: boolean): string | Uint8Array {
  return binary ? toBinary(desc, message) : toJsonString(desc, message, jsonOptions);
}
