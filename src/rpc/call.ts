import type { DescMethod } from "@bufbuild/protobuf";
import type { Identity } from "../auth/identity.ts";
import { AppError } from "../errors.ts";

/** What a door knows of a call when it comes in. */
export interface Arrival {
  /** Answered as x-request-id and found in the log. */
  readonly requestId: string;
  /** Reads a request header; the name in lower case. */
  header(name: string): string | undefined;
  /** The caller's address. */
  readonly peer: string;
  /** Which door the call came in by ("json", "grpc", …): for log and metrics. */
  readonly door?: string;
  /** How long the caller waits (ms). */
  readonly timeoutMs?: number | undefined;
  /** Who calls, where a door vouches for a caller without a token. A token that is there goes before it. */
  readonly identity?: Identity | Promise<Identity | undefined> | undefined;
  /** The door's last word, once it is known who calls: throws an AppError to refuse them. */
  admit?(identity: Identity | undefined): void;
}

/** One call on its way through the pipeline: who calls, what, and whether they still wait. */
export class Call {
  readonly method: DescMethod;
  readonly arrival: Arrival;
  identity: Identity | undefined;
  #controller: AbortController | undefined;
  #ended: AppError | undefined;
  #onEnd: ((reason: AppError) => void) | undefined;

  constructor(method: DescMethod, arrival: Arrival) {
    this.method = method;
    this.arrival = arrival;
  }

  /** Aborted when the caller goes away or the deadline passes; its reason is an AppError. Made when first asked for. */
  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#ended) this.#controller.abort(this.#ended);
    }
    return this.#controller.signal;
  }

  /** Ends the call early: CALL_CANCELLED, DEADLINE_PASSED, or what became of its token. Later ends are ignored. */
  end(reason: AppError): void {
    if (this.#ended) return;
    this.#ended = reason;
    this.#controller?.abort(reason);
    this.#onEnd?.(reason);
  }

  /** Calls back once when the call is ended early. */
  onEnd(callback: (reason: AppError) => void): void {
    if (this.#ended) callback(this.#ended);
    else this.#onEnd = callback;
  }

  /** The signed-in person. Methods open to machine identities too have to look at `identity` instead. */
  get user(): Extract<Identity, { kind: "user" }> {
    if (this.identity?.kind !== "user") throw new AppError("ACCESS_DENIED");
    return this.identity;
  }
}

/** The token of an authorization header; nothing if it holds none. The scheme's case is free (RFC 9110, 11.1). */
export function bearerToken(header: string | undefined): string | undefined {
  return header === undefined ? undefined : /^bearer +(\S+) *$/i.exec(header)?.[1];
}
