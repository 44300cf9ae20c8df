import { Code, ConnectError } from "@connectrpc/connect";
import {
  abortReason,
  bufferOf,
  type HttpAnswer,
  type HttpRequest,
  type HttpStream,
  type KeyValue,
  type Platform,
} from "./platform.ts";
import { uniqueId } from "./runtime.ts";
import type { WxApi, WxRequestTask } from "./wx-api.ts";

declare const wx: WxApi | undefined;

export interface MiniProgramOptions {
  /** Instead of the global `wx`. */
  wx?: WxApi;
}

/** How many requests a mini-program may have under way; more of them fail or wait, by the device. */
const AT_ONCE = 10;
/** How long wx.request may take where nothing else ends it (ms). */
const NO_TIMEOUT = 3_600_000;
/** So much later than our own time-out the device's may come (ms). */
const MARGIN = 1_000;

/** A WeChat mini-program: wx.request, wx.login, wx storage. */
export function miniProgram(options: MiniProgramOptions = {}): Platform {
  const api = options.wx ?? (typeof wx === "undefined" ? undefined : wx);
  if (!api) throw new Error("miniProgram(): there is no global wx here; pages and Node use web()");
  const turn = createTurns(AT_ONCE);

  return {
    send: (request) => turn(request, () => sendOver(api, request)),
    stream: (request, onChunk) =>
      new Promise((resolve, reject) => {
        // The stream keeps its turn until its end, not only until it begins.
        turn(request, async () => {
          const stream = await streamOver(api, request, onChunk);
          resolve(stream);
          await stream.done.catch(() => {});
        }).catch(reject);
      }),
    storage: storageOf(api),
    signIn: "mini",
    code: () =>
      new Promise((resolve, reject) => {
        api.login({
          success: ({ code, errMsg }) => (code ? resolve(code) : reject(noCode(errMsg))),
          fail: ({ errMsg }) => reject(noCode(errMsg)),
        });
      }),
    uniqueId: () =>
      new Promise((resolve) => {
        if (!api.getRandomValues) return resolve(uniqueId());
        api.getRandomValues({
          length: 16,
          success: ({ randomValues }) => resolve(uniqueId(new Uint8Array(randomValues))),
          fail: () => resolve(uniqueId()),
        });
      }),
    now: () => Date.now(),
  };
}

/** Lets so many run at once, in the order in which they came. Who is aborted leaves the queue. */
function createTurns(limit: number) {
  const waiting: (() => void)[] = [];
  let running = 0;

  function next(): void {
    if (running < limit) waiting.shift()?.();
  }

  return async <T>({ signal }: Pick<HttpRequest, "signal">, run: () => Promise<T>): Promise<T> => {
    await new Promise<void>((resolve, reject) => {
      const leave = () => {
        const at = waiting.indexOf(start);
        if (at >= 0) waiting.splice(at, 1);
        reject(abortReason(signal));
      };
      const start = () => {
        running++;
        signal.removeEventListener("abort", leave);
        resolve();
      };
      if (signal.aborted) return leave();
      signal.addEventListener("abort", leave);
      waiting.push(start);
      next();
    });
    try {
      return await run();
    } finally {
      running--;
      next();
    }
  };
}

function sendOver(api: WxApi, request: HttpRequest): Promise<HttpAnswer> {
  const { signal } = request;
  return new Promise((resolve, reject) => {
    const task = api.request({
      ...requestOptions(request),
      success({ statusCode, header, data }) {
        signal.removeEventListener("abort", abort);
        resolve({ status: Number(statusCode), headers: headersOf(header), body: bodyOf(data) });
      },
      fail({ errMsg }) {
        signal.removeEventListener("abort", abort);
        reject(failure(errMsg));
      },
    });
    function abort(): void {
      // Not every device calls `fail` then.
      reject(abortReason(signal));
      task?.abort();
    }
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort);
  });
}

function streamOver(
  api: WxApi,
  request: HttpRequest,
  onChunk: (bytes: Uint8Array) => void,
): Promise<HttpStream> {
  const { signal } = request;
  return new Promise((resolve, reject) => {
    let end = () => {};
    let breakOff = (_: unknown) => {};
    const done = new Promise<void>((resolveDone, rejectDone) => {
      end = resolveDone;
      breakOff = rejectDone;
    });
    // Who got no stream does not look at its end.
    done.catch(() => {});
    const begin = (status: number, headers: HttpStream["headers"]) => resolve({ status, headers, done });
    const fail = (error: unknown) => {
      signal.removeEventListener("abort", abort);
      reject(error);
      breakOff(error);
    };
    const task: WxRequestTask = api.request({
      ...requestOptions(request),
      enableChunked: true,
      success({ statusCode, header }) {
        signal.removeEventListener("abort", abort);
        begin(Number(statusCode), headersOf(header));
        end();
      },
      fail: ({ errMsg }) => fail(failure(errMsg)),
    });
    function abort(): void {
      fail(abortReason(signal));
      task.abort();
    }
    if (!task.onChunkReceived) {
      task.abort();
      return fail(new ConnectError("streams need base library 2.20.2", Code.Unimplemented));
    }
    task.onHeadersReceived?.(({ statusCode, header }) => {
      if (statusCode !== undefined) begin(Number(statusCode), headersOf(header));
    });
    task.onChunkReceived(({ data }) => {
      // Devices that do not tell of the headers; an answer that is none of ours fails at its first message.
      begin(200, [["content-type", request.headers["content-type"] ?? ""]]);
      onChunk(new Uint8Array(data));
    });
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort);
  });
}

function requestOptions({ url, headers, body, timeoutMs }: HttpRequest) {
  return {
    url,
    method: "POST",
    header: headers,
    data: typeof body === "string" ? body : bufferOf(body),
    // Anything but "json", which would parse the answer and lose what does not fit a number.
    dataType: "text",
    responseType: typeof body === "string" ? "text" : "arraybuffer",
    timeout: timeoutMs === undefined ? NO_TIMEOUT : timeoutMs + MARGIN,
  } as const;
}

function headersOf(header: object): [string, string][] {
  return Object.entries(header ?? {}).map(([name, value]) => [name, String(value)]);
}

/** Text as text, bytes as bytes; what some tool has parsed already, as text again. */
function bodyOf(data: unknown): string | Uint8Array {
  if (typeof data === "string") return data;
  if (data && typeof (data as ArrayBuffer).byteLength === "number")
    return new Uint8Array(data as ArrayBuffer);
  return JSON.stringify(data ?? {});
}

function noCode(errMsg: string | undefined): ConnectError {
  return new ConnectError(errMsg || "login:fail", Code.Unavailable);
}

/** What wx.request says when there is no answer. */
function failure(errMsg: string): ConnectError {
  const code = /time(d )?out/i.test(errMsg)
    ? Code.DeadlineExceeded
    : /domain list|invalid url/i.test(errMsg)
      ? Code.FailedPrecondition
      : Code.Unavailable;
  return new ConnectError(errMsg, code);
}

function storageOf(api: WxApi): KeyValue {
  return {
    get(key) {
      if (api.getStorageSync) return textOf(api.getStorageSync(key));
      return new Promise((resolve) => {
        if (!api.getStorage) return resolve(undefined);
        // It fails when there is nothing under the key.
        api.getStorage({ key, success: ({ data }) => resolve(textOf(data)), fail: () => resolve(undefined) });
      });
    },
    set(key, data) {
      if (api.setStorageSync) return api.setStorageSync(key, data);
      return new Promise((resolve, reject) => {
        if (!api.setStorage) return resolve();
        api.setStorage({
          key,
          data,
          success: () => resolve(),
          fail: ({ errMsg }) => reject(new Error(errMsg)),
        });
      });
    },
    remove(key) {
      if (api.removeStorageSync) return api.removeStorageSync(key);
      return new Promise((resolve, reject) => {
        if (!api.removeStorage) return resolve();
        api.removeStorage({ key, success: () => resolve(), fail: ({ errMsg }) => reject(new Error(errMsg)) });
      });
    },
  };
}

function textOf(data: unknown): string | undefined {
  return typeof data === "string" && data !== "" ? data : undefined;
}
