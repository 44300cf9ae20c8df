import { createServer as createHttp1, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createHttp2, type ServerHttp2Session } from "node:http2";
import type { AddressInfo, Socket } from "node:net";

export interface ListenerOptions {
  /** How long a caller may take to send a whole request (ms). */
  requestTimeoutMs: number;
  /** How long a caller may take to send the headers (ms). */
  headerTimeoutMs: number;
  onRequest(req: IncomingMessage, res: ServerResponse): void;
  /** The bytes to answer when what came is not HTTP, too slow or too large in its headers. */
  onBroken(error: NodeJS.ErrnoException): string;
}

export interface Listener {
  /** Port 0 lets the system choose. Rejects when the address is not free. */
  listen(port: number, host: string): Promise<{ port: number }>;
  /** Takes no more connections, lets what runs finish, and after graceMs cuts off the rest. */
  close(graceMs: number): Promise<void>;
}

/** How long a connection without a request stays open (ms); longer than load balancers keep theirs. */
const idleMs = 75_000;
const maxHeaderSize = 16 * 1024;
/** How often slow and, while closing, idle connections are looked for (ms). */
const sweepMs = 1000;
const drainSweepMs = 50;

/** Where a connection keeps the response that it was last asked for. */
const latest = Symbol("latest response");
type AnsweringSocket = Socket & { [latest]?: ServerResponse };

/** The first bytes of an HTTP/2 connection without TLS (RFC 9113, 3.4). */
const preface = Buffer.from("PRI * HTTP/2.0");

/**
 * HTTP/1.1 and HTTP/2 without TLS on one port: gRPC needs the one, everybody else speaks the other.
 * Which it is, the first bytes of a connection tell; after that nothing stands between.
 */
export function createListener(options: ListenerOptions): Listener {
  const http1 = createHttp1(
    {
      requestTimeout: options.requestTimeoutMs,
      headersTimeout: Math.min(options.headerTimeoutMs, options.requestTimeoutMs),
      connectionsCheckingInterval: sweepMs,
      keepAliveTimeout: idleMs,
      maxHeaderSize,
    },
    options.onRequest,
  );
  const http2 = createHttp2({
    maxSessionMemory: 64,
    settings: { maxConcurrentStreams: 128, maxHeaderListSize: maxHeaderSize },
  });
  const fresh = new Set<Socket>();
  const sessions = new Set<ServerHttp2Session>();
  /** Connections of sessions; a session that closed may still wait for its caller to hang up. */
  const http2Sockets = new Set<Socket>();

  http1.on("request", (req, res) => {
    (req.socket as AnsweringSocket)[latest] = res;
  });
  http1.on("clientError", (error: NodeJS.ErrnoException, socket: AnsweringSocket) => {
    const started = socket[latest];
    const midway = started?.headersSent && !started.writableFinished;
    if (!socket.writable || midway || error.code === "ECONNRESET") socket.destroy();
    else socket.end(options.onBroken(error), () => socket.destroy());
  });

  // Compatibility objects: the doors use only what HTTP/1's have too.
  http2.on("request", (req, res) => {
    options.onRequest(req as unknown as IncomingMessage, res as unknown as ServerResponse);
  });
  http2.on("session", (session) => {
    sessions.add(session);
    session.setTimeout(idleMs, () => session.close());
    session.on("close", () => sessions.delete(session));
  });
  // A broken session closes by itself.
  http2.on("sessionError", () => {});

  const [toHttp1] = http1.listeners("connection") as ((socket: Socket) => void)[];
  http1.removeAllListeners("connection");
  http1.on("connection", (socket) => {
    fresh.add(socket);
    sniff(socket, options.headerTimeoutMs, (isHttp2) => {
      fresh.delete(socket);
      if (isHttp2) {
        // HTTP/1 takes connections whose callers may end their half. An HTTP/2 caller who does is gone.
        socket.allowHalfOpen = false;
        http2Sockets.add(socket);
        socket.once("close", () => http2Sockets.delete(socket));
        http2.emit("connection", socket);
      } else if (isHttp2 === false) toHttp1?.call(http1, socket);
    });
  });

  return {
    listen(port, host) {
      return new Promise((resolve, reject) => {
        http1.once("error", reject);
        http1.listen(port, host, () => {
          http1.off("error", reject);
          resolve({ port: (http1.address() as AddressInfo).port });
        });
      });
    },

    async close(graceMs) {
      const closed = new Promise<void>((resolve) => http1.close(() => resolve()));
      for (const socket of fresh) socket.destroy();
      for (const session of sessions) session.close();
      const sweep = setInterval(() => http1.closeIdleConnections(), drainSweepMs);
      const cutOff = setTimeout(() => {
        http1.closeAllConnections();
        for (const socket of http2Sockets) socket.destroy();
      }, graceMs);
      await closed;
      clearInterval(sweep);
      clearTimeout(cutOff);
    },
  };
}

/**
 * Looks at the first bytes of a connection, puts them back and says whether they begin HTTP/2;
 * undefined when the connection ended or took too long before that was clear.
 */
function sniff(socket: Socket, timeoutMs: number, decide: (isHttp2: boolean | undefined) => void): void {
  const done = (answer: boolean | undefined) => {
    socket.off("readable", look).off("end", give).off("close", give).off("error", give).off("timeout", give);
    socket.setTimeout(0);
    if (answer === undefined) socket.destroy();
    else socket.unshift(seen);
    decide(answer);
  };
  const give = () => done(undefined);
  let seen: Buffer = Buffer.alloc(0);
  const look = () => {
    const bytes: Buffer | null = socket.read();
    if (!bytes) return;
    seen = seen.length === 0 ? bytes : Buffer.concat([seen, bytes]);
    const length = Math.min(seen.length, preface.length);
    const matches = seen.subarray(0, length).equals(preface.subarray(0, length));
    if (matches && length < preface.length) return;
    done(matches);
  };
  socket.on("readable", look).on("end", give).on("close", give).on("error", give);
  socket.setTimeout(timeoutMs, give);
}
