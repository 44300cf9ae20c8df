import { type Token, tokenize } from "./source.ts";

/** An import statement of a .proto file. */
export interface Import {
  path: string;
  /** Offsets of the statement and of the path between its quotes. */
  start: number;
  end: number;
  pathStart: number;
  pathEnd: number;
}

/** A part of a text that becomes another text. */
export interface Edit {
  start: number;
  end: number;
  text: string;
}

/** The import statements of a .proto file. */
export function imports(source: string): Import[] {
  const tokens = code(source);
  return tokens.flatMap((token, index) => {
    if (token.text !== "import" || !/^[;}]?$/.test(tokens[index - 1]?.text ?? "")) return [];
    const at = /^(public|weak|option)$/.test(tokens[index + 1]?.text ?? "") ? index + 2 : index + 1;
    const [path, end] = [tokens[at], tokens[at + 1]];
    if (!path || !/^["']/.test(path.text) || end?.text !== ";") return [];
    return {
      path: path.text.slice(1, -1),
      start: token.start,
      end: end.start + 1,
      pathStart: path.start + 1,
      pathEnd: path.start + path.text.length - 1,
    };
  });
}

/** Applies edits that do not overlap. */
export function edit(source: string, edits: Edit[]): string {
  let text = source;
  for (const { start, end, text: by } of edits.toSorted((a, b) => b.start - a.start)) {
    text = text.slice(0, start) + by + text.slice(end);
  }
  return text;
}

/** Spaces in place of a part of the text; its line breaks stay. */
export function blank(source: string, start: number, end: number): Edit {
  return { start, end, text: source.slice(start, end).replace(/[^\n]/g, " ") };
}

/**
 * Takes names that cannot be found out of a .proto file: options go, `extend` blocks go, and types become
 * `substitute`, which has no default value either. `offsets` are where the names begin, or the default
 * values that do not fit. Lines stay where they are.
 */
export function neutralize(source: string, offsets: Iterable<number>, substitute: string): string {
  const tokens = code(source);
  const edits: Edit[] = [];
  const lists = new Map<number, Set<number>>();

  function removeItem(first: number): void {
    const list = openBracket(tokens, first - 1);
    lists.set(list, (lists.get(list) ?? new Set()).add(first));
  }

  for (const offset of new Set(offsets)) {
    const at = tokens.findIndex((token) => token.start === offset);
    if (at < 0) continue;
    const before = tokens[at - 1]?.text;
    const opener = tokens[at - 2]?.text ?? "";
    if (before === "extend") {
      const body = tokens.findIndex((token, index) => index > at && token.text === "{");
      edits.push(blank(source, tokens[at - 1]?.start ?? offset, endAt(tokens, closing(tokens, body))));
    } else if (before === "(" && opener === "option") {
      const end = nextOnLevel(tokens, at - 1, [";"]);
      edits.push(blank(source, tokens[at - 2]?.start ?? offset, startAt(tokens, end)));
    } else if (before === "(" && /^[[,]$/.test(opener)) {
      removeItem(at - 1);
    } else if (before === "=") {
      if (opener === "default") removeItem(at - 2);
    } else {
      edits.push({ start: offset, end: offset + (tokens[at]?.text.length ?? 0), text: substitute });
    }
  }
  for (const [list, items] of lists) edits.push(...withoutItems(source, tokens, { list, items }));
  return edit(source, outermost(edits));
}

/** Takes items, each given by its first token, out of the option list that opens at a token. */
function withoutItems(
  source: string,
  tokens: Token[],
  { list, items }: { list: number; items: Set<number> },
): Edit[] {
  const edits: Edit[] = [];
  const close = closing(tokens, list);
  let lastKeptComma: number | undefined;
  let kept = 0;
  for (let first = list + 1; first < close; ) {
    const end = nextOnLevel(tokens, first, [",", "]"]);
    if (items.has(first)) {
      // The comma behind it goes, too.
      edits.push(blank(source, startAt(tokens, first), startAt(tokens, end) + (end < close ? 1 : 0)));
    } else {
      kept++;
      lastKeptComma = end < close ? end : undefined;
    }
    first = end + 1;
  }
  if (kept === 0) return [blank(source, startAt(tokens, list), endAt(tokens, close))];
  if (lastKeptComma !== undefined) {
    edits.push(blank(source, startAt(tokens, lastKeptComma), endAt(tokens, lastKeptComma)));
  }
  return edits;
}

/** Edits inside of another edit are not needed. */
function outermost(edits: Edit[]): Edit[] {
  return edits.filter(
    (inner) =>
      !edits.some((outer) => outer !== inner && outer.start <= inner.start && inner.end <= outer.end),
  );
}

function code(source: string): Token[] {
  return tokenize(source).filter((token) => !token.comment);
}

/** The first token from `from` on with one of these texts, outside of brackets that open on the way. */
function nextOnLevel(tokens: Token[], from: number, texts: string[]): number {
  let depth = 0;
  for (let at = from; at < tokens.length; at++) {
    const { text } = tokens[at] ?? { text: "" };
    if (depth === 0 && texts.includes(text)) return at;
    if (/^[[({]$/.test(text)) depth++;
    else if (/^[\])}]$/.test(text)) depth--;
  }
  return tokens.length;
}

/** The bracket that closes the one at a token. */
function closing(tokens: Token[], open: number): number {
  return nextOnLevel(tokens, open + 1, ["}", "]"]);
}

/** The `[` of the option list in which a token stands, or the token itself if it is one. */
function openBracket(tokens: Token[], from: number): number {
  let depth = 0;
  for (let at = from; at >= 0; at--) {
    const { text } = tokens[at] ?? { text: "" };
    if (depth === 0 && text === "[") return at;
    if (/^[\])}]$/.test(text)) depth++;
    else if (/^[[({]$/.test(text)) depth--;
  }
  return 0;
}

function startAt(tokens: Token[], at: number): number {
  return tokens[at]?.start ?? tokens.at(-1)?.start ?? 0;
}

function endAt(tokens: Token[], at: number): number {
  const token = tokens[at] ?? tokens.at(-1);
  return token ? token.start + token.text.length : 0;
}
