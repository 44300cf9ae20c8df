/** When to stop: an AbortSignal, as much as is needed of it. */
export interface Signal {
  readonly aborted: boolean;
  readonly reason?: unknown;
  addEventListener(type: "abort", listener: () => void): void;
  removeEventListener(type: "abort", listener: () => void): void;
}

/** A POST to be sent. */
export interface HttpRequest {
  url: string;
  headers: Record<string, string>;
  /** Text or bytes; the answer's body comes as the same. */
  body: string | Uint8Array;
  /** After how long it will be stopped by the signal (ms); undefined for a request without end. */
  timeoutMs: number | undefined;
  signal: Signal;
}

export interface HttpHead {
  status: number;
  /** In whatever case the platform gives the names. */
  headers: Iterable<readonly [name: string, value: string]>;
}

export interface HttpAnswer extends HttpHead {
  body: string | Uint8Array;
}

export interface HttpStream extends HttpHead {
  /** Resolves when the whole body came, rejects when the connection broke. */
  done: Promise<void>;
}

/** Texts that survive a restart. Any function may throw or answer later. */
export interface KeyValue {
  get(key: string): string | undefined | Promise<string | undefined>;
  set(key: string, value: string): void | Promise<void>;
  remove(key: string): void | Promise<void>;
}

/** What a session needs of the place where it runs: `miniProgram()`, `web()`, or one of your own. */
export interface Platform {
  /**
   * Sends a request; resolves with the answer whatever its status. Rejects with a ConnectError when
   * there is none: UNAVAILABLE, DEADLINE_EXCEEDED; and with the signal's reason when it fires.
   */
  send(request: HttpRequest): Promise<HttpAnswer>;
  /** The same with a body that arrives piece by piece; missing where the platform can't. */
  stream?: ((request: HttpRequest, onChunk: (bytes: Uint8Array) => void) => Promise<HttpStream>) | undefined;
  storage: KeyValue;
  /** Which method takes the codes: Wx.Login those of wx.login(), Wx.OauthLogin those of page authorisation. */
  signIn: "mini" | "page";
  /** Fetches a code to sign in with; missing where the platform can't by itself. */
  code?: (() => Promise<string>) | undefined;
  /** A text that nobody has had before. */
  uniqueId(): Promise<string>;
  /** The device's clock (ms); only its differences count. */
  now(): number;
}

/**
 * What the promise gives, unless the signal fires first: then its reason is thrown.
 * The work behind the promise goes on, for the others who wait for it.
 */
export async function unlessAborted<T>(signal: Signal, promise: Promise<T>): Promise<T> {
  let stop = () => {};
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(abortReason(signal));
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop);
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

/** Why the signal fired; older runtimes do not say. */
export function abortReason({ reason }: Signal): unknown {
  if (reason !== undefined) return reason;
  const error = new Error("This operation was aborted");
  error.name = "AbortError";
  return error;
}

/** Whether a value comes later; promises of another realm too. */
export function isLater<T>(value: T | Promise<T>): value is Promise<T> {
  return typeof (value as Promise<T> | undefined)?.then === "function";
}

/** Bytes as the platforms take them. */
export function bufferOf(bytes: Uint8Array): ArrayBuffer {
  return bytes.slice().buffer as ArrayBuffer;
}
