import { request as httpRequest, type IncomingHttpHeaders } from "node:http";
import { createContext, runInContext, Script } from "node:vm";
import type * as client from "../../src/client/index.ts";
import type { WxApi, WxRequestTask } from "../../src/client/wx-api.ts";

export type Client = typeof client;

/** A request as the device sends it. */
export interface Sent {
  url: string;
  /** The service and method: "Wx/RenewToken". */
  method: string;
  headers: Record<string, string>;
  body: string | Buffer;
  responseType: string;
  timeout: number;
}

/** What becomes of a request or its answer. */
export type Fate =
  | { fail: string }
  | { statusCode: number; header?: Record<string, string>; text: string }
  | undefined;

export interface DeviceOptions {
  bigint?: boolean;
  storage?: "sync" | "async" | "broken" | "full";
  /** What happens to an eleventh request at once. */
  eleventh?: "fails" | "waits";
  random?: boolean;
  /** The code that wx.login() gives. */
  code?: () => string;
}

type RequestOptions = Parameters<WxApi["request"]>[0];

const AT_ONCE = 10;

/**
 * A phone with WeChat, as a mini-program meets it: a bare context of ECMAScript with `wx`, timers and
 * nothing else. wx.request really asks a server. Header names come back in odd case; any status is a
 * success; an eleventh request at once fails or waits; the background interrupts.
 */
export function createDevice(bundle: string, options: DeviceOptions = {}) {
  // As the mini-program's own loader does.
  const wrapped = `(function (module, exports) {${bundle}\n})`;
  const script = new Script(wrapped, { filename: "liveuser-client/index.js" });
  const texts = new Map<string, unknown>();
  const running = new Set<{ fail(errMsg: string): void }>();
  const waiting: (() => void)[] = [];
  let started = 0;
  const device = {
    sent: [] as Sent[],
    logins: 0,
    /** How many requests were under way at most. */
    most: 0,
    storage: texts,
    /** By how much the device's clock is ahead (ms). */
    ahead: 0,
    /** Decides before a request is sent. */
    before: (_sent: Sent): Fate | Promise<Fate> => undefined,
    /** Decides when the server has answered. */
    after: (_sent: Sent): Fate | Promise<Fate> => undefined,
    count: (method: string) => device.sent.filter((sent) => sent.method === method).length,
    /** Going to the background: what is under way fails, though the server may have done it. */
    background() {
      for (const request of [...running]) request.fail("request:fail interrupted");
    },
    start,
  };

  function wxRequest(request: RequestOptions, alive: () => boolean): WxRequestTask {
    const sent: Sent = {
      url: request.url,
      method: request.url.replace(/^.*\/liveuser[./]/, ""),
      headers: { ...request.header },
      body: typeof request.data === "string" ? request.data : Buffer.from(new Uint8Array(request.data)),
      responseType: request.responseType,
      timeout: request.timeout,
    };
    const listeners: {
      headers?: Parameters<NonNullable<WxRequestTask["onHeadersReceived"]>>[0];
      chunk?: Parameters<NonNullable<WxRequestTask["onChunkReceived"]>>[0];
    } = {};
    let over = false;
    let end = () => {};
    const self = {
      fail(errMsg: string) {
        settle(() => request.fail({ errMsg }));
      },
    };
    function settle(tell: () => void) {
      if (over) return;
      over = true;
      running.delete(self);
      end();
      waiting.shift()?.();
      if (alive()) tell();
    }
    async function run() {
      running.add(self);
      device.most = Math.max(device.most, running.size);
      device.sent.push(sent);
      const early = await device.before(sent);
      if (over) return;
      if (early) return conclude(early);
      if (request.enableChunked) return stream();
      const answer = await post(sent, (stop) => {
        end = stop;
      }).catch(() => undefined);
      const late = await device.after(sent);
      if (late) return conclude(late);
      if (!answer) return self.fail("request:fail");
      succeed(answer.status, answer.headers, answer.body);
    }
    function conclude(fate: NonNullable<Fate>) {
      if ("fail" in fate) return self.fail(fate.fail);
      const { statusCode, header = { "content-type": "application/json" }, text } = fate;
      succeed(statusCode, header, Buffer.from(text));
    }
    function succeed(statusCode: number, header: IncomingHttpHeaders, body: Buffer) {
      const data = request.responseType === "text" ? body.toString() : bufferOf(body);
      settle(() => request.success({ statusCode, header: oddCase(header), data }));
    }
    function stream() {
      const asked = httpRequest(sent.url, { method: "POST", headers: sent.headers }, (answer) => {
        listeners.headers?.({ statusCode: answer.statusCode, header: oddCase(answer.headers) });
        answer.on("data", (chunk: Buffer) => listeners.chunk?.({ data: bufferOf(chunk) }));
        answer.on("end", () => succeed(answer.statusCode ?? 0, answer.headers, Buffer.alloc(0)));
        answer.on("error", () => self.fail("request:fail"));
      });
      asked.on("error", () => self.fail("request:fail"));
      end = () => asked.destroy();
      asked.end(sent.body);
    }
    if (!alive()) self.fail("");
    else if (running.size < AT_ONCE) void run();
    else if (options.eleventh === "waits") waiting.push(() => void run());
    else setTimeout(() => request.fail({ errMsg: "request:fail exceed max task count" }));
    return {
      abort: () => self.fail("request:fail abort"),
      onHeadersReceived: (listener) => {
        listeners.headers = listener;
      },
      onChunkReceived: (listener) => {
        listeners.chunk = listener;
      },
    };
  }

  const storage = {
    sync: {
      getStorageSync: (key: string) => texts.get(key) ?? "",
      setStorageSync: (key: string, data: string) => void texts.set(key, data),
      removeStorageSync: (key: string) => void texts.delete(key),
    },
    async: {
      getStorage: ({ key, success, fail }: Parameters<NonNullable<WxApi["getStorage"]>>[0]) =>
        void setTimeout(() => (texts.has(key) ? success({ data: texts.get(key) }) : fail())),
      setStorage: ({ key, data, success }: Parameters<NonNullable<WxApi["setStorage"]>>[0]) =>
        void setTimeout(() => {
          texts.set(key, data);
          success();
        }),
      removeStorage: ({ key, success }: Parameters<NonNullable<WxApi["removeStorage"]>>[0]) =>
        void setTimeout(() => {
          texts.delete(key);
          success();
        }),
    },
    broken: {
      getStorageSync: () => fail("getStorageSync:fail"),
      setStorageSync: () => fail("setStorageSync:fail"),
      removeStorageSync: () => fail("removeStorageSync:fail"),
    },
    full: {
      getStorageSync: (key: string) => texts.get(key) ?? "",
      setStorageSync: () => fail("setStorageSync:fail exceed storage max size 10Mb"),
      removeStorageSync: (key: string) => void texts.delete(key),
    },
  }[options.storage ?? "sync"];

  /**
   * Starts the mini-program. One that ran before is killed: it hears of nothing any more, and the storage
   * is as it left it. Gives what the bundle exports.
   */
  function start(): Client & { newGlobals: string[] } {
    const generation = ++started;
    const alive = () => generation === started;
    const wx = {
      request: (request: RequestOptions) => wxRequest(request, alive),
      login({ success }: Parameters<WxApi["login"]>[0]) {
        device.logins++;
        setTimeout(() => success({ code: options.code?.() ?? "dev:alice" }));
      },
      ...(options.random && {
        getRandomValues: ({ length, success }: Parameters<NonNullable<WxApi["getRandomValues"]>>[0]) =>
          success({ randomValues: bufferOf(crypto.getRandomValues(Buffer.alloc(length))) }),
      }),
      ...storage,
    } satisfies WxApi;
    const context = createContext({ wx, setTimeout, clearTimeout });
    const setUp = runInContext(
      "(ahead) => { const now = Date.now; Date.now = () => now() + ahead(); }",
      context,
    );
    setUp(() => device.ahead);
    if (options.bigint === false) runInContext("delete globalThis.BigInt", context);
    const globals = () => runInContext("Object.getOwnPropertyNames(globalThis).sort()", context) as string[];
    const before = [...globals()];
    const module = { exports: {} as Client };
    script.runInContext(context)(module, module.exports);
    return { ...module.exports, newGlobals: globals().filter((name) => !before.includes(name)) };
  }

  return device;
}

function fail(errMsg: string): never {
  throw new Error(errMsg);
}

function post(sent: Sent, onStop: (stop: () => void) => void) {
  return new Promise<{ status: number; headers: IncomingHttpHeaders; body: Buffer }>((resolve, reject) => {
    const asked = httpRequest(sent.url, { method: "POST", headers: sent.headers }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on("data", (chunk) => chunks.push(chunk));
      answer.on("error", reject);
      answer.on("end", () =>
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(chunks) }),
      );
    });
    asked.on("error", reject);
    onStop(() => asked.destroy());
    asked.end(sent.body);
  });
}

function bufferOf(bytes: Buffer): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}

/** As some devices give them: "CONTENT-type". */
function oddCase(headers: IncomingHttpHeaders): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name.replace(/^[a-z]+/, (word) => word.toUpperCase()),
      String(value),
    ]),
  );
}
