import { Code, ConnectError } from "@connectrpc/connect";
import {
  abortReason,
  bufferOf,
  type HttpAnswer,
  type HttpRequest,
  type HttpStream,
  isLater,
  type KeyValue,
  type Platform,
} from "./platform.ts";
import { host, uniqueId } from "./runtime.ts";

interface FetchInit {
  method: string;
  headers: Record<string, string>;
  body: string | ArrayBuffer;
  // biome-ignore lint/suspicious/noExplicitAny: the runtime's own AbortSignal
  signal?: any;
}

interface FetchResponse {
  status: number;
  headers: { forEach(callback: (value: string, name: string) => void): void };
  text(): Promise<string>;
  arrayBuffer(): Promise<ArrayBuffer>;
  body: unknown;
}

interface BodyReader {
  read(): Promise<{ done: boolean; value?: Uint8Array }>;
}

/** As much of fetch as the client uses (https://fetch.spec.whatwg.org). */
export interface Fetch {
  fetch(url: string, init: FetchInit): Promise<FetchResponse>;
}

/** localStorage, sessionStorage, or what looks like them, with promises too. */
export interface WebStorage {
  getItem(key: string): string | null | Promise<string | null>;
  setItem(key: string, value: string): void | Promise<void>;
  removeItem(key: string): void | Promise<void>;
}

export interface WebOptions {
  /** Instead of the global fetch. */
  fetch?: Fetch["fetch"];
  /** Instead of localStorage, which tabs share; without one (Node), memory. */
  storage?: WebStorage;
  /** What the codes are: of page authorisation (Wx.OauthLogin, the default), or of wx.login() (Wx.Login). */
  signIn?: "page" | "mini";
}

/** A page, or Node 20 and later: fetch. */
export function web(options: WebOptions = {}): Platform {
  return {
    send: (request) => sendOver(fetchOf(options), request),
    stream: (request, onChunk) => streamOver(fetchOf(options), request, onChunk),
    storage: storageOf(options.storage ?? localStorage() ?? memory()),
    signIn: options.signIn ?? "page",
    uniqueId: async () => {
      const { crypto } = host;
      if (!crypto?.getRandomValues) return uniqueId();
      const bytes = new Uint8Array(16);
      crypto.getRandomValues(bytes);
      return uniqueId(bytes);
    },
    now: () => Date.now(),
  };
}

/** Looked up at each call: a page may replace it later, as monitoring tools do. */
function fetchOf({ fetch }: WebOptions): Fetch["fetch"] {
  const found = fetch ?? (host.fetch as Fetch["fetch"] | undefined);
  if (!found) throw new ConnectError("there is no fetch here", Code.Unimplemented);
  return found;
}

async function sendOver(fetch: Fetch["fetch"], request: HttpRequest): Promise<HttpAnswer> {
  const { body, signal } = request;
  try {
    const response = await open(fetch, request);
    const head = headOf(response);
    if (typeof body === "string") return { ...head, body: await response.text() };
    return { ...head, body: new Uint8Array(await response.arrayBuffer()) };
  } catch (thrown) {
    throw signal.aborted ? abortReason(signal) : failure(thrown);
  }
}

async function streamOver(
  fetch: Fetch["fetch"],
  request: HttpRequest,
  onChunk: (bytes: Uint8Array) => void,
): Promise<HttpStream> {
  const { signal } = request;
  const why = (thrown: unknown) => (signal.aborted ? abortReason(signal) : failure(thrown));
  try {
    const response = await open(fetch, request);
    const reader = (response.body as { getReader(): BodyReader } | null)?.getReader();
    if (!reader) throw new ConnectError("this fetch has no streams", Code.Unimplemented);
    const pump = async () => {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        if (value) onChunk(value);
      }
    };
    const done = pump().catch((thrown) => Promise.reject(why(thrown)));
    // Who refuses the answer for its status does not look at its end.
    done.catch(() => {});
    return { ...headOf(response), done };
  } catch (thrown) {
    throw why(thrown);
  }
}

function open(fetch: Fetch["fetch"], { url, headers, body, signal }: HttpRequest): Promise<FetchResponse> {
  const init = { method: "POST", headers, body: typeof body === "string" ? body : bufferOf(body) };
  // fetch takes the runtime's own signals alone.
  if (!host.AbortController) return fetch(url, init);
  const controller = new host.AbortController();
  if (signal.aborted) controller.abort();
  else signal.addEventListener("abort", () => controller.abort());
  return fetch(url, { ...init, signal: controller.signal });
}

function headOf({ status, headers }: FetchResponse): { status: number; headers: [string, string][] } {
  const pairs: [string, string][] = [];
  headers.forEach((value, name) => {
    pairs.push([name, value]);
  });
  return { status, headers: pairs };
}

function failure(thrown: unknown): unknown {
  return thrown instanceof ConnectError
    ? thrown
    : new ConnectError("no connection", Code.Unavailable, undefined, undefined, thrown);
}

/** A page's; undefined where it is switched off. Node's would be every program's of the machine. */
function localStorage(): WebStorage | undefined {
  try {
    return host.document ? (host.localStorage as WebStorage | undefined) : undefined;
  } catch {
    return undefined;
  }
}

function memory(): WebStorage {
  const texts = new Map<string, string>();
  return {
    getItem: (key) => texts.get(key) ?? null,
    setItem: (key, value) => void texts.set(key, value),
    removeItem: (key) => void texts.delete(key),
  };
}

function storageOf(storage: WebStorage): KeyValue {
  return {
    get(key) {
      const found = storage.getItem(key);
      return isLater(found) ? found.then((text) => text ?? undefined) : (found ?? undefined);
    },
    set: (key, value) => storage.setItem(key, value),
    remove: (key) => storage.removeItem(key),
  };
}
