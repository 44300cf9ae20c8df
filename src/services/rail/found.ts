import type { RailOrder_State as State } from "../../../gen/liveuser/rail_pb.ts";
import { AppError } from "../../errors.ts";
import type { Reader } from "../../storage/store.ts";
import { shownState, stateName } from "./record.ts";
import * as orders from "./store.ts";

/** The order, whosever it is. @throws AppError ORDER_NOT_FOUND */
export async function found(reader: Reader, id: bigint): Promise<orders.RailRow> {
  const row = await orders.find(reader, Number(id));
  if (!row) throw new AppError("ORDER_NOT_FOUND", { id: `${id}` });
  return row;
}

/** The person's own order. @throws AppError ORDER_NOT_FOUND, also for another's */
export async function owned(reader: Reader, id: bigint, userId: number): Promise<orders.RailRow> {
  const row = await found(reader, id);
  if (row.userId !== userId) throw new AppError("ORDER_NOT_FOUND", { id: `${id}` });
  return row;
}

/** The order, if it is in one of these states by now. @throws AppError ORDER_STATE */
export function inState(row: orders.RailRow, now: number, states: readonly State[]): orders.RailRow {
  if (!states.includes(shownState(row, now))) throw wrongState(row, now);
  return row;
}

/** Says which state it is that does not allow what was asked for. */
export function wrongState(row: orders.RailRow, now: number): AppError {
  return new AppError("ORDER_STATE", { state: stateName(shownState(row, now)) });
}
