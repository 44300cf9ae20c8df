import { unavailable } from "./errors.ts";

/** A JSON object of WeChat's without a refusal in it; its fields are still to be checked. */
export type Answer = Record<string, unknown>;

/**
 * Reads a JSON object. Integers that a number can't hold come as text, digit by digit: numbers of
 * messages have 64 bits.
 * @throws AppError WX_UNAVAILABLE for anything else; the text is quoted nowhere.
 */
export function parseAnswer(where: string, text: string): Answer {
  let value: unknown;
  try {
    value = JSON.parse(text, exactly);
  } catch {
    // SyntaxError quotes the text: dropped.
    throw unavailable(where, "an answer that is no JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw unavailable(where, "an answer that is no JSON object");
  }
  return value as Answer;
}

function exactly(_key: string, value: unknown, context?: { source?: string }): unknown {
  const inexact = Number.isInteger(value) && !Number.isSafeInteger(value);
  return inexact && context?.source ? context.source : value;
}

/** WeChat's ids have 28 characters; what is longer than this is no id. */
const longestId = 128;

/** A field that must be a text with something in it, of at most `longest` UTF-16 units. @throws AppError WX_UNAVAILABLE */
export function textOf(where: string, answer: Answer, [field, longest = longestId]: TextField): string {
  const value = answer[field];
  if (typeof value !== "string" || value === "" || value.length > longest) {
    throw unavailable(where, `an answer without a usable ${field}`);
  }
  return value;
}

type TextField = readonly [name: string, longest?: number];

/** A field that must be a whole number of seconds, 1 at least. @throws AppError WX_UNAVAILABLE */
export function secondsOf(where: string, answer: Answer, field: string): number {
  const value = answer[field];
  if (!Number.isSafeInteger(value) || (value as number) < 1) {
    throw unavailable(where, `an answer without a usable ${field}`);
  }
  return value as number;
}
