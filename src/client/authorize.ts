import type { DescMethod } from "@bufbuild/protobuf";
import type { Interceptor, StreamRequest, StreamResponse, UnaryRequest } from "@connectrpc/connect";
import { Access } from "../../gen/client/liveuser/options_pb.ts";
import type { Credentials } from "./credentials.ts";
import type { Keeper, Used } from "./keeper.ts";
import { unlessAborted } from "./platform.ts";
import { iterableOf, onlyMessage } from "./stream.ts";

type Next = Parameters<Interceptor>[0];

/** How often a call is sent: the token of another tab may be worth as little as one's own. */
const SENDS = 3;

/**
 * Calls with the person's access token. A call that is refused for its token is sent again with a better
 * one: the server has not run it. Nothing else is repeated. What brings an authorization of its own, or
 * needs none, goes as it is.
 */
export function authorizing(keeper: Pick<Keeper, "forCall" | "afterFailure">): Interceptor {
  return (next) => async (req) => {
    if (isOpen(req.method) || req.header.has("authorization")) return next(req);
    const send = req.stream ? await restartable(next, req) : next;
    let used: Used = { credentials: await unlessAborted(req.signal, keeper.forCall()), renewed: false };
    for (let left = SENDS - 1; ; left--) {
      try {
        return await send(bearing(req, used.credentials));
      } catch (error) {
        const better = await unlessAborted(req.signal, keeper.afterFailure(error, used));
        if (!better || left === 0) throw error;
        used = better;
      }
    }
  };
}

function bearing<R extends UnaryRequest | StreamRequest>(req: R, credentials: Credentials | undefined): R {
  if (credentials) req.header.set("authorization", `Bearer ${credentials.accessToken}`);
  return req;
}

/**
 * A stream that can be opened again: its request is kept, and a refusal, which is where the first
 * message would be, fails the opening.
 */
async function restartable(next: Next, req: StreamRequest): Promise<Next> {
  const message = await onlyMessage(req.message);
  return async () => {
    const response = (await next({ ...req, message: iterableOf(message) })) as StreamResponse;
    const messages = response.message[Symbol.asyncIterator]();
    let first: Promise<IteratorResult<unknown>> | undefined = Promise.resolve(await messages.next());
    return {
      ...response,
      message: {
        [Symbol.asyncIterator]: () => ({
          next() {
            const given = first ?? messages.next();
            first = undefined;
            return given;
          },
        }),
      },
    } as StreamResponse;
  };
}

/** The number of the option `access` in options.proto. */
const ACCESS = 50101;
/** A list of numbers in one field begins with its length. */
const PACKED = 2;

/** Whether anyone may call the method: the option stands, not looked at, among the unknown fields. */
function isOpen({ proto }: DescMethod): boolean {
  const fields = proto.options?.$unknown?.filter(({ no }) => no === ACCESS) ?? [];
  return fields.some(({ wireType, data }) => data.includes(Access.ANYONE, wireType === PACKED ? 1 : 0));
}
