import type { DescService } from "@bufbuild/protobuf";
import { type Client, createClient, type Interceptor } from "@connectrpc/connect";
import { Wx } from "../../gen/client/liveuser/wx_pb.ts";
import { authorizing } from "./authorize.ts";
import type { Reason } from "./errors.ts";
import { createKeeper } from "./keeper.ts";
import type { Platform } from "./platform.ts";
import { createTransport } from "./transport.ts";

export interface SessionOptions {
  /** Where the server is: https://api.example.com */
  baseUrl: string;
  platform: Platform;
  /** Protobuf instead of JSON: smaller, not readable in the developer tools. */
  binary?: boolean;
  /** For each call, with signing in and renewing (ms); 15 000 unless said. A call may bring its own. */
  timeoutMs?: number;
  /** Connect's; they see each call once, however often it is sent. Signing in and renewing pass them by. */
  interceptors?: Interceptor[];
  /** The role to create a new person with; customer unless said. Known people keep theirs. */
  role?: "customer" | "business";
  /** Told when the session is over, from here or in another tab, and why. Not told of its own signOut(). */
  onSignedOut?(reason: Reason): void;
}

export interface Session {
  /** The generated client of a service. Its calls fail with a ConnectError. */
  client<S extends DescService>(service: S): Client<S>;
  /**
   * Signs in: a mini-program by wx.login(), a page with the code that WeChat appended to its address.
   * Without a code, who is signed in stays so.
   */
  signIn(code?: string): Promise<{ uid: string }>;
  /** Ends the session and drops the credentials, these even if the server can't be reached. */
  signOut(): Promise<void>;
  /** Who is signed in. With storage that answers later, known after `ready()`. */
  readonly uid: string | undefined;
  /** Resolves when the storage was read. Calls wait for it by themselves. */
  ready(): Promise<void>;
}

/** One person's session with the server. Make one for the whole program. */
export function createSession(options: SessionOptions): Session {
  const { platform, binary = false, timeoutMs = 15_000, interceptors = [], role = "" } = options;
  const baseUrl = options.baseUrl.replace(/\/+$/, "");
  const plain = { platform, baseUrl, binary, timeoutMs };
  const keeper = createKeeper({
    platform,
    baseUrl,
    wx: createClient(Wx, createTransport(plain)),
    role,
    onSignedOut(reason) {
      // Not inside the call that learned of it: what a listener throws is its own affair.
      Promise.resolve(reason).then((why) => options.onSignedOut?.(why));
    },
  });
  const transport = createTransport({ ...plain, interceptors: [...interceptors, authorizing(keeper)] });
  return {
    client: (service) => createClient(service, transport),
    signIn: async (code) => ({ uid: await keeper.signIn(code) }),
    signOut: () => keeper.signOut(),
    get uid() {
      return keeper.uid;
    },
    ready: () => keeper.ready(),
  };
}
