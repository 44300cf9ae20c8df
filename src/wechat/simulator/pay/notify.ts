import { sandboxPlatform } from "../sandbox-app.ts";
import type { Simulation } from "../state.ts";
import { encrypted, signed } from "./signing.ts";
import type { Attempt } from "./state.ts";

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;

/** After which pauses a notification comes again that was not taken. */
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
/** How long WeChat Pay waits for the answer (ms), in real time: the server's work takes as long as it takes. */
const patienceMs = 5_000;

/** What a notification tells, and to whom. */
export interface Notice {
  url: string;
  eventType: string;
  summary: string;
  /** `transaction` or `refund`. */
  kind: string;
  resource: object;
  /** Where its attempts are noted. */
  attempts: Attempt[];
}

/** Sends a notification until it is answered 200 or 204. Gives the first attempt's status. */
export async function notify(sim: Simulation, notice: Notice): Promise<number | undefined> {
  const { url, eventType, summary, kind, resource, attempts } = notice;
  const body = JSON.stringify({
    id: sim.random(16).toString("hex"),
    create_time: rfc3339(sim.now()),
    resource_type: "encrypt-resource",
    event_type: eventType,
    summary,
    resource: { original_type: kind, ...encrypted(sim, JSON.stringify(resource), kind) },
  });

  async function attempt(count: number): Promise<number | undefined> {
    const sent: Attempt = { at: sim.now(), status: undefined };
    attempts.push(sent);
    sent.status = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json", ...signed(sim, body, sandboxPlatform.publicKeyId) },
      body,
      redirect: "manual",
      signal: AbortSignal.timeout(patienceMs),
    }).then(
      async (response) => {
        await response.arrayBuffer();
        return response.status;
      },
      () => undefined,
    );
    const pause = pauses[count];
    const taken = sent.status === 200 || sent.status === 204;
    if (!taken && pause !== undefined) sim.later(pause, async () => void (await attempt(count + 1)));
    return sent.status;
  }
  return attempt(0);
}

/** A time as WeChat Pay writes it: to the second, in China's zone. */
export function rfc3339(ms: number): string {
  const eastMs = 8 * hour;
  return `${new Date(ms + eastMs).toISOString().slice(0, 19)}+08:00`;
}
