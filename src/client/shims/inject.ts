// What the mini-program's bundle has in place of the globals that Connect and Protobuf name: always
// these, so that the developer tools, which have some of them, behave like a device. No global is touched.
import { AbortController, AbortSignal } from "./abort.ts";
import { Headers } from "./headers.ts";
import { TextDecoder, TextEncoder } from "./text.ts";

export { AbortController, AbortSignal, Headers, TextDecoder, TextEncoder };

/** `globalThis`, in the bundle. */
export const globalScope = { TextDecoder, TextEncoder };
