import { create, type DescMethod, getOption, type Message, type MessageInitShape } from "@bufbuild/protobuf";
import { pathToString } from "@bufbuild/protobuf/reflect";
import { createValidator } from "@bufbuild/protovalidate";
import { Code } from "@connectrpc/connect";
import { Access, access } from "../../gen/liveuser/options_pb.ts";
import type { Identity } from "../auth/identity.ts";
import { AppError } from "../errors.ts";
import { bearerToken, type Call } from "./call.ts";
import { toAppError } from "./errors.ts";
import type { MethodLimits, RateLimits } from "./rate-limit.ts";
import type { Handler, Service } from "./service.ts";

/** How a finished call went; `error` is set when it failed. */
export interface Outcome {
  call: Call;
  /** How long it took (ms). */
  ms: number;
  error: AppError | undefined;
}

export interface PipelineOptions {
  services: readonly Service[];
  /** Says whom an access token belongs to; throws TOKEN_INVALID, TOKEN_EXPIRED, SESSION_REVOKED, … */
  authenticate(token: string): Identity | Promise<Identity>;
  /** How often each method may be called; as often as anybody likes without it. */
  limits?: RateLimits;
  /** Told of every finished call: for log and metrics. */
  observe?(outcome: Outcome): void;
}

export interface Pipeline {
  /** Every method that the services have. */
  readonly methods: readonly DescMethod[];
  /** One call: access → authenticate → limits → validate → handler. Rejects with AppError only. */
  invoke(call: Call, request: Message): Promise<Message>;
  /** The same for a method that streams its answer; the stream ends with its caller's token or session. */
  stream(call: Call, request: Message): AsyncIterable<Message>;
  /** Prepares the rules of every method, so that no first caller waits for that. */
  warm(): Promise<void>;
}

interface Plan {
  access: readonly Access[];
  handler: Handler;
  limits: MethodLimits | undefined;
}

/** How often the token of a call that streams is looked at again (ms). */
const recheckMs = 3_000;

const appRoles: Partial<Record<Access, string>> = {
  [Access.SERVICE]: "service",
  [Access.OPERATOR]: "operator",
  [Access.DEVICE]: "device",
  [Access.PARTNER]: "partner",
};

/** Whether one entry of a method's access option lets the caller in. */
function admits(entry: Access, identity: Identity): boolean {
  if (identity.kind === "app") return appRoles[entry] === identity.role;
  return entry === Access.USER || (entry === Access.MERCHANT && identity.role === "business");
}

/**
 * The one way of every call, whichever door it came in by. What it does is read from the contract:
 * who may call from the option `access`, how often from `limit`, what a request may hold from its
 * buf.validate rules.
 */
export function createPipeline(options: PipelineOptions): Pipeline {
  const validator = createValidator();
  const plans = new Map<DescMethod, Plan>();
  for (const [method, handler] of options.services.flatMap((service) => [...service.handlers])) {
    const entries = getOption(method, access);
    plans.set(method, {
      access: entries.length > 0 ? entries : [Access.USER],
      handler,
      limits: options.limits?.(method),
    });
  }

  function validate(method: DescMethod, request: Message): void {
    const result = validator.validate(method.input, request);
    if (result.kind === "valid") return;
    if (result.kind === "error") throw result.error;
    throw new AppError(
      "INVALID_REQUEST",
      {},
      {
        violations: result.violations.map((violation) => ({
          field: pathToString(violation.field),
          description: violation.message,
        })),
      },
    );
  }

  /** Everything before the handler. Answers the handler, once the call may have it. */
  async function admit(call: Call, request: Message): Promise<Handler> {
    const plan = plans.get(call.method);
    if (!plan) throw new AppError("NO_SUCH_METHOD");
    if (plan.limits?.address) await plan.limits.address(call.arrival.peer);
    if (!plan.access.includes(Access.ANYONE)) {
      const token = bearerToken(call.arrival.header("authorization"));
      const identity = await (token ? options.authenticate(token) : call.arrival.identity);
      if (!identity) throw new AppError("TOKEN_MISSING");
      if (!plan.access.some((entry) => admits(entry, identity))) throw new AppError("ACCESS_DENIED");
      call.identity = identity;
      if (plan.limits?.person && identity.kind === "user") await plan.limits.person(`${identity.uid}`);
    }
    call.arrival.admit?.(call.identity);
    validate(call.method, request);
    return plan.handler;
  }

  /** Ends a call whose token is no longer good: a stream must not outlive its session. */
  async function checkAgain(call: Call): Promise<void> {
    const token = bearerToken(call.arrival.header("authorization"));
    if (!token || !call.identity) return;
    try {
      await options.authenticate(token);
    } catch (thrown) {
      const error = toAppError(thrown);
      if (error.code === Code.Unauthenticated || error.code === Code.PermissionDenied) call.end(error);
    }
  }

  async function run(call: Call, request: Message): Promise<Message> {
    const handler = await admit(call, request);
    const answer = await (handler(request as never, call) as Promise<MessageInitShape<DescMethod["output"]>>);
    return create(call.method.output, answer);
  }

  return {
    methods: [...plans.keys()],

    async invoke(call, request) {
      const started = performance.now();
      const timer = startDeadline(call);
      let error: AppError | undefined;
      try {
        return await untilEnded(call, run(call, request));
      } catch (thrown) {
        error = toAppError(thrown);
        throw error;
      } finally {
        clearTimeout(timer);
        options.observe?.({ call, ms: performance.now() - started, error });
      }
    },

    async *stream(call, request) {
      const started = performance.now();
      const timer = startDeadline(call);
      let parts: AsyncIterator<MessageInitShape<DescMethod["output"]>> | undefined;
      let recheck: NodeJS.Timeout | undefined;
      let error: AppError | undefined;
      try {
        const handler = await untilEnded(call, admit(call, request));
        recheck = setInterval(checkAgain, recheckMs, call).unref();
        const answer = handler(request as never, call) as AsyncIterable<
          MessageInitShape<DescMethod["output"]>
        >;
        parts = answer[Symbol.asyncIterator]();
        for (;;) {
          const part = await untilEnded(call, parts.next());
          if (part.done) return;
          yield create(call.method.output, part.value);
        }
      } catch (thrown) {
        error = toAppError(thrown);
        throw error;
      } finally {
        clearTimeout(timer);
        clearInterval(recheck);
        // Not awaited: a handler in the middle of a wait gets to it only afterwards.
        parts?.return?.().catch(() => {});
        options.observe?.({ call, ms: performance.now() - started, error });
      }
    },

    async warm() {
      for (const method of plans.keys()) {
        validator.validate(method.input, create(method.input));
        // One schema at a time: calls that come meanwhile go first.
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
  };
}

/** Settles as the work does, or rejects as soon as the call is ended early: its caller waits no longer. */
function untilEnded<T>(call: Call, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    call.onEnd(reject);
    work.then(resolve, reject);
  });
}

/** Ends the call when its caller's patience does. */
function startDeadline(call: Call): NodeJS.Timeout | undefined {
  const { timeoutMs } = call.arrival;
  if (timeoutMs === undefined) return undefined;
  return setTimeout(() => call.end(new AppError("DEADLINE_PASSED")), Math.min(timeoutMs, 2 ** 31 - 1));
}
