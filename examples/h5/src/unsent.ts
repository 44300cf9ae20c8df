import type { Wave } from "./wave.ts";

const key = "pulse not sent yet";

/** A recorded wave that the server has not acknowledged yet, with the key that makes it one record only. */
export interface Unsent extends Wave {
  idempotencyKey: string;
}

/** Survives a reload, and a sign-in in between, but not the tab. */
export function unsent(): Unsent | undefined {
  const text = sessionStorage.getItem(key);
  return text === null ? undefined : (JSON.parse(text) as Unsent);
}

export function keepUnsent(wave: Wave): Unsent {
  const kept = { ...wave, idempotencyKey: crypto.randomUUID() };
  sessionStorage.setItem(key, JSON.stringify(kept));
  return kept;
}

export function forgetUnsent(): void {
  sessionStorage.removeItem(key);
}
