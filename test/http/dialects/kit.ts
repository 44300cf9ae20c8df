import type { DescMethod, DescService, Message } from "@bufbuild/protobuf";
import { Cart } from "../../../gen/liveuser/cart_pb.ts";
import { Hall } from "../../../gen/liveuser/hall_pb.ts";
import { Measurement } from "../../../gen/liveuser/measurement_pb.ts";
import { Rail } from "../../../gen/liveuser/rail_pb.ts";
import { Ticket } from "../../../gen/liveuser/ticket_pb.ts";
import { User } from "../../../gen/liveuser/user_pb.ts";
import { Wx } from "../../../gen/liveuser/wx_pb.ts";
import type { Identity } from "../../../src/auth/identity.ts";
import { AppError, type Reason } from "../../../src/errors.ts";
import type { Mount } from "../../../src/http/dialects/dialect.ts";
import type { Dialect, Errors } from "../../../src/http/dialects/table.ts";
import type { HttpOptions } from "../../../src/http/server.ts";
import type { Call } from "../../../src/rpc/call.ts";
import { createPipeline, type Outcome } from "../../../src/rpc/pipeline.ts";
import { startHttp } from "../start.ts";

const identities: Record<string, Identity> = {
  alice: { kind: "user", uid: 7, sid: "s1", appid: "wx", role: "customer" },
  service: { kind: "app", appid: "cinema", role: "service" },
  partner: { kind: "app", appid: "shop", role: "partner" },
};

/** A method that answers the same whatever it is asked, or fails. */
type Answer = object | Reason | ((call: Call) => Promise<object>);
type Answers = readonly (readonly [DescMethod, Answer])[];

/** Failures as `{status, reason, text}` with HTTP's 400. */
export const plainErrors: Errors = {
  rows: {},
  otherwise: () => ({ status: 400 }),
  write: ({ status, reason, text }) => ({ json: { status, reason, text } }),
};

/** A dialect with nothing special. */
export function dialect(routes: Dialect["routes"], more: Partial<Dialect> = {}): Dialect {
  return { name: "old", doc: "", credential: "bearer", routes, errors: plainErrors, ...more };
}

/** A server whose methods remember what they were asked and answer what the test says. */
export async function startDialect(
  spoken: Dialect,
  answers: Answers = [],
  {
    withoutCredential,
    identify,
    ...overrides
  }: Partial<HttpOptions> & { withoutCredential?: Identity } & Pick<Mount, "identify"> = {},
) {
  const answerOf = new Map(answers);
  const outcomes: Outcome[] = [];
  const calls: { request: Message; identity: Identity | undefined }[] = [];
  const observe = (outcome: Outcome) => void outcomes.push(outcome);
  const contract: DescService[] = [User, Wx, Cart, Ticket, Hall, Rail, Measurement];
  const handle = (method: DescMethod) => async (request: Message, call: Call) => {
    calls.push({ request, identity: call.identity });
    const answer = answerOf.get(method) ?? {};
    if (typeof answer === "string") throw new AppError(answer);
    return typeof answer === "function" ? (answer as (call: Call) => Promise<object>)(call) : answer;
  };
  const pipeline = createPipeline({
    services: contract.map((desc) => ({
      desc,
      handlers: new Map(desc.methods.map((method) => [method, handle(method)])),
    })),
    authenticate(token) {
      const identity = identities[token];
      if (!identity) throw new AppError("TOKEN_INVALID");
      return identity;
    },
    observe,
  });
  const mount: Mount = {
    dialect: spoken,
    identityWithoutCredential: withoutCredential,
    ...(identify ? { identify } : {}),
  };
  const server = await startHttp({ pipeline, observe, dialects: [mount], ...overrides });
  return {
    outcomes,
    calls,
    server,
    /** What the method was asked last. */
    get request() {
      return calls.at(-1)?.request as unknown as Record<string, unknown>;
    },
    /** Asks by a path, with alice's token unless headers say otherwise. */
    async ask(target: string, init: RequestInit = {}) {
      const [, method, path = target] = /^(\w+) (.*)$/.exec(target) ?? [];
      const response = await fetch(server.url + path, {
        redirect: "manual",
        ...(method ? { method } : {}),
        ...init,
        headers: { authorization: "Bearer alice", ...(init.headers as Record<string, string>) },
      });
      const text = await response.text();
      const isJson = text !== "" && response.headers.get("content-type") === "application/json";
      return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
    },
    [Symbol.asyncDispose]: () => server.close(100),
  };
}

export const form = (text: string): RequestInit => ({
  method: "POST",
  headers: { "content-type": "application/x-www-form-urlencoded" },
  body: text,
});

export const json = (value: unknown): RequestInit => ({
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify(value),
});
