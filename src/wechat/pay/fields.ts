/** JSON of WeChat Pay's that is not as it should be. Names the field, never its value. */
export class Malformed extends Error {
  /** `resource.amount.total`; empty for the whole. */
  readonly field: string;

  constructor(field: string, what: string) {
    super(`${field || "the whole"}: ${what}`);
    this.field = field;
  }
}

/** A JSON object whose fields are checked as they are read. @throws Malformed (each) */
export interface Fields {
  has(name: string): boolean;
  /** A text with something in it, of at most `longest` UTF-16 units. */
  text(name: string, longest?: number): string;
  /** A text that may be missing or empty. */
  anyText(name: string, longest?: number): string;
  oneOf<const T extends string>(name: string, values: readonly T[]): T;
  /** Money: a whole number of fen, 0 at least. */
  fen(name: string): number;
  /** RFC 3339 with an offset; as unix ms. */
  time(name: string): number;
  object(name: string): Fields;
  objects(name: string): Fields[];
}

/** Longer than any number, name or serial of WeChat Pay's. */
const longestText = 128;

/** RFC 3339, section 5.6. */
const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/;

/** Reads a JSON object. @throws Malformed */
export function parseFields(bytes: Uint8Array, path = ""): Fields {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    // SyntaxError quotes the text: dropped.
    throw new Malformed(path, "no JSON");
  }
  return fieldsOf(value, path);
}

function fieldsOf(value: unknown, path: string): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new Malformed(path, "no JSON object");
  }
  const values = new Map(Object.entries(value));
  const pathOf = (name: string) => (path ? `${path}.${name}` : name);

  function text(name: string, longest = longestText): string {
    const found = values.get(name);
    if (typeof found !== "string" || found === "") throw new Malformed(pathOf(name), "no text");
    if (found.length > longest) throw new Malformed(pathOf(name), "too long");
    return found;
  }

  return {
    has: (name) => values.has(name),
    text,
    anyText: (name, longest) => (["", null, undefined].includes(values.get(name)) ? "" : text(name, longest)),
    oneOf(name, allowed) {
      const found = allowed.find((one) => one === values.get(name));
      if (found === undefined) throw new Malformed(pathOf(name), "none of the known values");
      return found;
    },
    fen(name) {
      const found = values.get(name);
      if (!Number.isSafeInteger(found) || (found as number) < 0) {
        throw new Malformed(pathOf(name), "no amount in fen");
      }
      return found as number;
    },
    time(name) {
      const found = text(name);
      const at = rfc3339.test(found) ? Date.parse(found) : Number.NaN;
      if (Number.isNaN(at)) throw new Malformed(pathOf(name), "no time of RFC 3339");
      return at;
    },
    object: (name) => fieldsOf(values.get(name), pathOf(name)),
    objects(name) {
      const found = values.get(name);
      if (!Array.isArray(found)) throw new Malformed(pathOf(name), "no list");
      return found.map((one, index) => fieldsOf(one, `${pathOf(name)}[${index}]`));
    },
  };
}
