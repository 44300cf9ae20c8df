import type { DescMethod, DescService, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import type { Call } from "./call.ts";

type Method<S extends DescService, K extends keyof S["method"]> = S["method"][K];

/** The functions that a service consists of: one per method of the contract. */
export type Implementation<S extends DescService> = {
  [K in keyof S["method"]]: Method<S, K> extends { methodKind: "server_streaming" }
    ? (
        request: MessageShape<Method<S, K>["input"]>,
        call: Call,
      ) => AsyncIterable<MessageInitShape<Method<S, K>["output"]>>
    : (
        request: MessageShape<Method<S, K>["input"]>,
        call: Call,
      ) => Promise<MessageInitShape<Method<S, K>["output"]>>;
};

/** A handler as the pipeline calls it, without the types of its one method. */
export type Handler = (request: never, call: Call) => unknown;

/** A service with its implementation, as the pipeline takes it. */
export interface Service {
  readonly desc: DescService;
  readonly handlers: ReadonlyMap<DescMethod, Handler>;
}

/**
 * Joins a service of the contract with its implementation. Every method has to be there: a
 * forgotten one does not compile.
 */
export function service<S extends DescService>(desc: S, implementation: Implementation<S>): Service {
  const handlers = new Map<DescMethod, Handler>();
  for (const [name, handler] of Object.entries<Handler>(implementation as Record<string, Handler>)) {
    const method = (desc.method as Record<string, DescMethod>)[name];
    if (!method) throw new Error(`${desc.typeName} has no method ${name}`);
    handlers.set(method, handler);
  }
  return { desc, handlers };
}
