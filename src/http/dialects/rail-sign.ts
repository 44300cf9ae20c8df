import { hash, timingSafeEqual } from "node:crypto";
import type { JsonValue } from "@bufbuild/protobuf";
import type { Fields, Incoming } from "./table.ts";

/** The field of the body that holds the parameters. */
export const envelope = "data";

/**
 * The rail document's signature: MD5 in hex over `a=1&b=x&key=KEY`, the fields sorted by name, `sign`
 * itself and empty ones (an empty text, null) left out. A text counts as what it says. Everything else
 * counts as the JSON text that stands for it: 80.0 stays 80.0, true is true, an array is its JSON.
 */
function signatureOf(fields: readonly (readonly [string, string])[], key: string): Buffer {
  const pairs = fields
    .filter(([name, text]) => name !== "sign" && text !== "")
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, text]) => `${name}=${text}`);
  return hash("md5", [...pairs, `key=${key}`].join("&"), "buffer");
}

/** Fields with the signature of an answer among them. */
export function signed(fields: Fields, key: string): Fields {
  return {
    ...fields,
    sign: signatureOf(
      textsOf(fields, (value) => JSON.stringify(value)),
      key,
    ).toString("hex"),
  };
}

/**
 * Whether the signature, in hex of either case, is that of the request's parameters: with numbers,
 * lists and objects as the request spells them, or else in JSON's shortest spelling, as a client signs
 * whose HTTP library spells the request in its own way.
 */
export function isSignedWith(incoming: Incoming, sign: JsonValue, key: string): boolean {
  if (typeof sign !== "string" || !/^[0-9a-f]{32}$/i.test(sign)) return false;
  const given = Buffer.from(sign, "hex");
  const spelled = spellingsOf(incoming);
  const asSent = textsOf(incoming.body, (_, name) => spelled.get(name) ?? "");
  return timingSafeEqual(signatureOf(asSent, key), given) || fitsShortest(incoming.body, given, key);
}

function fitsShortest(fields: Fields, given: Buffer, key: string): boolean {
  try {
    return timingSafeEqual(
      signatureOf(
        textsOf(fields, (value) => JSON.stringify(value)),
        key,
      ),
      given,
    );
  } catch {
    // Lists in lists without end have no such spelling.
    return false;
  }
}

function textsOf(fields: Fields, other: (value: JsonValue, name: string) => string): [string, string][] {
  return Object.entries(fields).map(([name, value]) => {
    if (value === null) return [name, ""];
    return [name, typeof value === "string" ? value : other(value, name)];
  });
}

/** The parameters as their JSON text stands in the request. */
function spellingsOf({ outer, text }: Incoming): ReadonlyMap<string, string> {
  const data = outer[envelope];
  return members(typeof data === "string" ? data : (members(text).get(envelope) ?? ""));
}

/** The members of an object as they are spelled in its JSON text, which has to be valid; of two the last counts. */
function members(text: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  let depth = 0;
  let start = 0;
  let name: string | undefined;
  for (let at = 0; at < text.length; at++) {
    const sign = text[at] as string;
    if (sign === '"') {
      const end = endOfText(text, at);
      if (depth === 1) name ??= JSON.parse(text.slice(at, end + 1)) as string;
      at = end;
    } else if (sign === ":" && depth === 1) {
      start = at + 1;
    } else if ((sign === "," || sign === "}") && depth === 1) {
      if (name !== undefined) found.set(name, text.slice(start, at).trim());
      name = undefined;
    }
    if (sign === "{" || sign === "[") depth++;
    else if (sign === "}" || sign === "]") depth--;
  }
  return found;
}

/** Where the JSON text ends that begins at `start`. */
function endOfText(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
  return at;
}
