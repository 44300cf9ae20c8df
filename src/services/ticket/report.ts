import { TicketProgress_Phase as Phase } from "../../../gen/liveuser/ticket_pb.ts";
import { AppError } from "../../errors.ts";
import type { Reader } from "../../storage/store.ts";
import type { TicketEvent } from "./machine.ts";
import * as tickets from "./store.ts";

/** What a device says. */
interface Report {
  vrClientId: string;
  phase: Phase;
  /** 0 for the ticket that is at the seat. */
  ticketId: number;
}

/**
 * Which ticket a report is about, and which event it is. Without a number it is the one that plays at the
 * seat; when none does, PLAYING begins the one that was distributed first, and the other reports repeat
 * what was said of the one that played last.
 * @throws AppError TICKET_NOT_FOUND
 */
export async function ticketToReport(
  reader: Reader,
  { vrClientId, phase, ticketId }: Report,
): Promise<{ row: tickets.TicketRow; event: TicketEvent }> {
  const event = eventOf(phase);
  if (ticketId) {
    const row = await tickets.find(reader, ticketId);
    if (row?.vrClientId !== vrClientId) throw new AppError("TICKET_NOT_FOUND", { ticket_id: `${ticketId}` });
    return { row, event };
  }
  const waiting = () => tickets.atSeat(reader, { vrClientId, phase: Phase.DISTRIBUTED });
  const row =
    (await tickets.atSeat(reader, { vrClientId, phase: Phase.PLAYING })) ??
    (phase === Phase.PLAYING
      ? await waiting()
      : ((await lastPlayed(reader, vrClientId)) ?? (await waiting())));
  if (!row) throw new AppError("TICKET_NOT_FOUND", { vr_client_id: vrClientId });
  return { row, event };
}

async function lastPlayed(reader: Reader, vrClientId: string): Promise<tickets.TicketRow | undefined> {
  let last: tickets.TicketRow | undefined;
  for (const phase of [Phase.TO_TERMINATE, Phase.COMPLETED, Phase.TERMINATED]) {
    const row = await tickets.atSeat(reader, { vrClientId, phase, newest: true });
    if (row && row.id > (last?.id ?? 0)) last = row;
  }
  return last;
}

function eventOf(phase: Phase): TicketEvent {
  if (phase === Phase.PLAYING) return "reportPlaying";
  return phase === Phase.COMPLETED ? "reportCompleted" : "reportToTerminate";
}
