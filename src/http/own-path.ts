/** Of a path, percent-encoded too: no control character, %, dot, slash or backslash that somebody decodes later. */
const encoded = "%(?![01]|7f|25|2e|2f|5c)[0-9a-f]{2}";
/** Segments that are not empty and begin with no dot: so no host, and no step up. */
const segment = `/(?:[\\w~-]|${encoded})(?:[\\w.~-]|${encoded})*`;
const path = new RegExp(`^(?:/|(?:${segment})+/?)$`, "i");
/** Query and fragment: printable, no backslash. */
const rest = /^[\x21-\x5b\x5d-\x7e]*$/;
/** Who was signed in and sent there would only sign in again. */
const signIn = /^\/wx\/oauth(?:\/|$)/i;
const longest = 2048;

/** Whether this is a path of this server, with or without query and fragment, where a browser may be sent. */
export function isOwnPath(text: string): boolean {
  const [, own = "", tail = ""] = /^([^?#]*)(.*)$/s.exec(text) ?? [];
  return text.length <= longest && path.test(own) && rest.test(tail) && !signIn.test(own);
}
