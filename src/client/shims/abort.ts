import type { CallOptions } from "@connectrpc/connect";

type Listener = (this: AbortSignal) => void;

/** What DOM's AbortSignal does that Connect and the client use (https://dom.spec.whatwg.org/#interface-AbortSignal). */
export class AbortSignal {
  aborted = false;
  reason: unknown = undefined;
  readonly #listeners = new Set<Listener>();

  addEventListener(_type: "abort", listener: Listener): void {
    if (!this.aborted) this.#listeners.add(listener);
  }

  removeEventListener(_type: "abort", listener: Listener): void {
    this.#listeners.delete(listener);
  }

  throwIfAborted(): void {
    if (this.aborted) throw this.reason;
  }

  /** The controller's part. */
  static abort(signal: AbortSignal, reason: unknown): void {
    if (signal.aborted) return;
    signal.aborted = true;
    signal.reason = reason;
    const listeners = [...signal.#listeners];
    signal.#listeners.clear();
    for (const listener of listeners) listener.call(signal);
  }
}

/**
 * For runtimes without one: `const stop = new AbortController()`, `client.list({}, { signal: stop.signal })`,
 * `stop.abort()`.
 */
export class AbortController {
  readonly #signal = new AbortSignal();

  /** To be given with a call. */
  get signal(): NonNullable<CallOptions["signal"]> {
    return this.#signal as unknown as NonNullable<CallOptions["signal"]>;
  }

  abort(reason?: unknown): void {
    AbortSignal.abort(this.#signal, reason ?? abortError());
  }
}

function abortError(): Error {
  const error = new Error("This operation was aborted");
  error.name = "AbortError";
  return error;
}
