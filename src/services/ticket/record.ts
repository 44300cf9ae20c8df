import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  TicketProgress_Phase as Phase,
  TicketRecord_Status as Status,
  type TicketRecordSchema,
} from "../../../gen/liveuser/ticket_pb.ts";
import { AppError } from "../../errors.ts";
import { type Standing, standingOf } from "./machine.ts";
import type { TicketRow } from "./store.ts";

/** How a ticket stands at `now` (unix ms): one whose time is over, also before the sweep has written that. */
export function standing({ status, phase, expiresAt }: TicketRow, now: number): Standing {
  const overdue = status === Status.PENDING_PAYMENT && expiresAt <= now;
  return overdue ? standingOf.overTime : ({ status, phase } as Standing);
}

/** A ticket as the contract has it; `now` in unix ms. */
export function toRecord(row: TicketRow, now: number): MessageInitShape<typeof TicketRecordSchema> {
  const { status, phase } = standing(row, now);
  return {
    ticketId: BigInt(row.id),
    status,
    progressPhase: phase,
    price: row.price,
    actualPrice: row.actualPrice,
    payMode: row.payMode,
    payTime: BigInt(row.payTime ?? 0),
    viewerOpenId: row.viewerOpenid,
    viewerNickName: row.viewerNickName,
    vrClientId: row.vrClientId,
    seatNumber: row.seatNumber,
    cinemaName: row.cinemaName,
    hallName: row.hallName,
    movieIds: JSON.parse(row.movieIds),
    startTime: BigInt(row.createdAt),
    expireTime: Math.round((row.expiresAt - row.createdAt) / 1000),
  };
}

/** The error that says how the ticket stands when something can't happen to it. */
export function stateError(row: TicketRow, now: number): AppError {
  const { status, phase } = standing(row, now);
  return new AppError("TICKET_STATE", {
    status: nameOf(Status, status),
    progress_phase: nameOf(Phase, phase),
  });
}

/** The contract's name of a status or a progress. */
export function nameOf(names: Readonly<Record<string, number>>, value: number): string {
  return Object.entries(names).find(([, number]) => number === value)?.[0] ?? "";
}
