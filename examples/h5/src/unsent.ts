import { randomText } from "./random.ts";
import { session } from "./session.ts";
import type { Wave } from "./wave.ts";

const key = "pulse not sent yet";

/** A recorded wave that the server has not acknowledged yet, with the key that makes it one record only. */
export interface Unsent extends Wave {
  /** Whose it is. */
  uid?: string;
  idempotencyKey: string;
}

/** What the person has left to send. Survives a reload, and a sign-in in between, but not the tab. */
export function unsent(): Unsent | undefined {
  const kept = JSON.parse(sessionStorage.getItem(key) ?? "{}") as Partial<Unsent>;
  return kept.samples && kept.uid === session.uid ? (kept as Unsent) : undefined;
}

export function keepUnsent(wave: Wave): Unsent {
  const { uid } = session;
  const kept = { ...wave, ...(uid ? { uid } : {}), idempotencyKey: randomText() };
  sessionStorage.setItem(key, JSON.stringify(kept));
  return kept;
}

export function forgetUnsent(): void {
  sessionStorage.removeItem(key);
}
