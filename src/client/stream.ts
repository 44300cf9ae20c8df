import { appendHeaders, Code, ConnectError } from "@connectrpc/connect";
import { endStreamFlag, endStreamFromJson } from "@connectrpc/connect/protocol-connect";

/** Flags and length (https://connectrpc.com/docs/protocol#streaming-request). */
const HEAD_BYTES = 5;
const COMPRESSED = 1;

/** The one message that a server-streaming call sends. */
export async function onlyMessage<T>(messages: AsyncIterable<T>): Promise<T> {
  const { value, done } = await messages[Symbol.asyncIterator]().next();
  if (done) throw new ConnectError("the request has no message", Code.Internal);
  return value;
}

/** One message as an iterable, which gives it to everyone who asks. */
export function iterableOf<T>(message: T): AsyncIterable<T> {
  return {
    [Symbol.asyncIterator]() {
      let given = false;
      return {
        async next() {
          if (given) return { done: true, value: undefined };
          given = true;
          return { done: false, value: message };
        },
      };
    },
  };
}

/** A message as it goes over the wire in a stream. */
export function writeEnvelope(message: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(HEAD_BYTES + message.length);
  new DataView(bytes.buffer).setUint32(1, message.length);
  bytes.set(message, HEAD_BYTES);
  return bytes;
}

/**
 * The messages of a stream whose bytes arrive in any pieces. The end of the stream, or what went
 * wrong, comes after the last message.
 */
export function createMessageQueue<T>(parse: (bytes: Uint8Array) => T) {
  const trailer = appendHeaders();
  const ready: T[] = [];
  let rest = new Uint8Array(0);
  let ended: { error?: unknown } | undefined;
  let wake = () => {};

  function finish(error?: unknown): void {
    ended ??= error === undefined ? {} : { error };
    wake();
  }

  function take(flags: number, bytes: Uint8Array): void {
    if (flags & COMPRESSED) throw new ConnectError("a compressed message nobody asked for", Code.Internal);
    if (!(flags & endStreamFlag)) return void ready.push(parse(bytes));
    const { metadata, error } = endStreamFromJson(bytes);
    metadata.forEach((value, name) => {
      trailer.append(name, value);
    });
    finish(error);
  }

  return {
    trailer,

    push(chunk: Uint8Array): void {
      const bytes = new Uint8Array(rest.length + chunk.length);
      bytes.set(rest);
      bytes.set(chunk, rest.length);
      const view = new DataView(bytes.buffer);
      let at = 0;
      try {
        while (!ended && bytes.length - at >= HEAD_BYTES) {
          const end = at + HEAD_BYTES + view.getUint32(at + 1);
          if (bytes.length < end) break;
          take(view.getUint8(at), bytes.slice(at + HEAD_BYTES, end));
          at = end;
        }
      } catch (thrown) {
        finish(thrown);
      }
      rest = bytes.slice(at);
      wake();
    },

    /** Told of the body's end. A body that ends without saying so broke off. */
    end(done: Promise<void>): void {
      done.then(() => finish(new ConnectError("the stream broke off", Code.Unavailable)), finish);
    },

    messages: {
      [Symbol.asyncIterator](): AsyncIterator<T> {
        return {
          async next() {
            while (ready.length === 0 && !ended) {
              await new Promise<void>((resolve) => {
                wake = resolve;
              });
            }
            if (ready.length > 0) return { done: false, value: ready.shift() as T };
            if (ended && "error" in ended) throw ended.error;
            return { done: true, value: undefined };
          },
        };
      },
    },
  };
}
