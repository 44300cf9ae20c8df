import type { JsonValue } from "@bufbuild/protobuf";
import { parseJson } from "./incoming.ts";

/** Yuan as a number or text, with two decimals at most, in fen; undefined for anything else. */
export function fenOf(yuan: JsonValue): number | undefined {
  if (typeof yuan !== "number" && typeof yuan !== "string") return undefined;
  // A number's text is its shortest one: 12.34, never 12.3399999. Nothing is multiplied, so nothing is rounded.
  const [, whole, decimals = ""] = /^(\d{1,13})(?:\.(\d{1,2})0*)?$/.exec(`${yuan}`) ?? [];
  return whole === undefined ? undefined : Number(whole + decimals.padEnd(2, "0"));
}

/** Fen in yuan: the number nearest to it, which is written with two decimals at most. */
export function yuanOf(fen: number | bigint): number {
  return Number(fen) / 100;
}

/** The tickets of an order, an array or its JSON text, as the contract has them. */
export function ticketDetailsOf(value: JsonValue): JsonValue | undefined {
  const list = typeof value === "string" ? parseJson(value) : value;
  if (!Array.isArray(list)) return undefined;
  return list.map((item) => {
    if (typeof item !== "object" || item === null || Array.isArray(item)) return item;
    const { seatType = "", departureDate = "", trainNum = "" } = item;
    return { seat_type: seatType, departure_date: departureDate, train_num: trainNum };
  });
}
