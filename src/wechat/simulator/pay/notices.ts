import type { Simulation } from "../state.ts";
import { encrypted, rfc3339, signed } from "./sealing.ts";
import type { Attempt, Notice } from "./state.ts";

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;

/**
 * After which pauses a notification that was not taken is sent again
 * (https://pay.weixin.qq.com/doc/v3/merchant/4012791861).
 */
const pauses = [
  15 * second,
  15 * second,
  30 * second,
  3 * minute,
  10 * minute,
  20 * minute,
  30 * minute,
  30 * minute,
  30 * minute,
  60 * minute,
  3 * hour,
  3 * hour,
  3 * hour,
  6 * hour,
  6 * hour,
];
const answerWithinMs = 5 * second;
/** The server's work does not run faster with the simulator's time, so it is never given less. */
const leastAnswerMs = 1 * second;

export interface News {
  url: string;
  serial: string | undefined;
  eventType: string;
  summary: string;
  kind: "transaction" | "refund";
  resource: object;
}

/** Writes a notification, with its content encrypted; it is not sent yet. */
export function newNotice(
  sim: Simulation,
  { url, serial, eventType, summary, kind, resource }: News,
): Notice {
  const id = sim.random(16).toString("hex");
  const body = JSON.stringify({
    id,
    create_time: rfc3339(sim.now()),
    resource_type: "encrypt-resource",
    event_type: eventType,
    summary,
    resource: { original_type: kind, ...encrypted(sim, JSON.stringify(resource), kind) },
  });
  return { id, eventType, url, body, serial, attempts: [] };
}

/** Sends a notification until it is taken, with WeChat Pay's pauses. The promise is for the first time. */
export async function announce(sim: Simulation, notice: Notice, repeats = 0): Promise<void> {
  await send(sim, notice);
  const pause = pauses[repeats];
  if (pause === undefined || taken(notice)) return;
  sim.later(pause, async () => {
    // Somebody may have sent it by hand in the meantime.
    if (!taken(notice)) await announce(sim, notice, repeats + 1);
  });
}

/** Sends a notification once, signed anew. */
export async function send(sim: Simulation, { url, body, serial, attempts }: Notice): Promise<Attempt> {
  const attempt: Attempt = { at: sim.now() };
  attempts.push(attempt);
  try {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json", ...signed(sim, body, serial) },
      body,
      redirect: "manual",
      signal: AbortSignal.timeout(Math.max(leastAnswerMs, Math.ceil(sim.scaled(answerWithinMs)))),
    });
    await response.arrayBuffer();
    attempt.status = response.status;
  } catch (error) {
    attempt.error = reason(error as Error);
  }
  return attempt;
}

/** fetch hides what happened in the cause. */
function reason({ name, message, cause }: Error): string {
  if (name === "TimeoutError") return "no answer in time";
  return cause instanceof Error ? ((cause as NodeJS.ErrnoException).code ?? cause.message) : message;
}

/** WeChat Pay looks at the status alone. */
export function taken({ attempts }: Notice): boolean {
  return attempts.some(({ status }) => status === 200 || status === 204);
}
