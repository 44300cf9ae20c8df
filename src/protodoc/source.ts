import { type Comments, commentText } from "./comments.ts";

/** A piece of a .proto file: a word (with its dots), a string, a comment or one sign. */
export interface Token {
  text: string;
  /** Offset of its first character. */
  start: number;
  /** Lines of its first and last character, from 0. */
  line: number;
  endLine: number;
  comment: boolean;
}

/** A declaration as its author wrote it. */
export interface SourceDeclaration extends Comments {
  /** A field's type as written, without `repeated` or `optional`. */
  type?: string;
}

interface Statement {
  words: Token[];
  /** The `;` or `{` that ends it; undefined where the file breaks off. */
  end: Token | undefined;
}

type Scope = "file" | "message" | "enum" | "service";

const pieces = /\s+|(\/\/[^\n]*|\/\*.*?\*\/)|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|[\w.]+|./gsy;

/** Splits a .proto file into its tokens. Never fails: what is no proto becomes single signs. */
export function tokenize(source: string): Token[] {
  const tokens: Token[] = [];
  let line = 0;
  for (const match of source.matchAll(pieces)) {
    const [text, comment] = match;
    const endLine = line + (text.match(/\n/g)?.length ?? 0);
    if (!/^\s/.test(text)) {
      tokens.push({ text, start: match.index, line, endLine, comment: comment !== undefined });
    }
    line = endLine;
  }
  return tokens;
}

/**
 * Reads the comments and the written types of a .proto file that compiles. A compiler attaches a comment
 * that stands directly below a declaration, or below the `{` of a body, to what is above it, or loses it;
 * the text itself shows which declaration follows.
 * Keys: `kind path`, for example `message Outer.Inner`, `field Outer.name`, `value Outer.Kind.ZERO`,
 * `method User.Get`; the path is without the package.
 */
export function readDeclarations(source: string): Map<string, SourceDeclaration> {
  const tokens = tokenize(source);
  const found = new Map<string, SourceDeclaration>();
  let at = 0;

  function takeComments(line?: number): string[] {
    const texts: string[] = [];
    for (
      let token = tokens[at];
      token?.comment && (line ?? token.line) === token.line;
      token = tokens[++at]
    ) {
      texts.push(commentText(token.text));
    }
    return texts;
  }

  function takeStatement(): Statement {
    const words: Token[] = [];
    let depth = 0;
    for (let token = tokens[at]; token; token = tokens[++at]) {
      if (token.comment) continue;
      // Braces inside brackets, and after `option name =`, are a value and not a body.
      const opens = token.text === "{" ? depth > 0 || words[0]?.text === "option" : /^[[(]$/.test(token.text);
      if (depth === 0 && !opens && /^[;{}]$/.test(token.text)) {
        if (token.text !== "}") at++;
        return { words, end: token.text === "}" ? undefined : token };
      }
      if (opens) depth++;
      else if (/^[\])}]$/.test(token.text)) depth--;
      words.push(token);
    }
    return { words, end: undefined };
  }

  function skipBody(): void {
    for (let depth = 1; depth > 0 && at < tokens.length; at++) {
      if (tokens[at]?.text === "{") depth++;
      else if (tokens[at]?.text === "}") depth--;
    }
  }

  function readBody(scope: Scope, path: string): void {
    for (;;) {
      const head = takeComments().join(" ");
      const token = tokens[at];
      if (!token) return;
      if (token.text === "}") {
        at++;
        return;
      }
      const { words, end } = takeStatement();
      if (!end) continue;
      const listed = whatIs(scope, words, end.text);
      const name = listed && (path ? `${path}.${listed.name}` : listed.name);
      let inline = "";
      if (end.text === "{") {
        takeComments(end.line);
        if (listed?.body) readBody(listed.body, name ?? "");
        else skipBody();
        takeComments(tokens[at - 1]?.line);
      } else if (tokens[at]?.comment && tokens[at]?.line === end.line) {
        inline = commentText(tokens[at++]?.text ?? "");
      }
      if (listed) found.set(`${listed.kind} ${name}`, { head, inline, type: listed.type });
    }
  }

  readBody("file", "");
  return found;
}

interface Listed {
  kind: string;
  name: string;
  type?: string;
  body?: Scope;
}

/** What a statement declares, or undefined for all that the document does not list. */
function whatIs(scope: Scope, words: Token[], end: string): Listed | undefined {
  const texts = words.map((word) => word.text);
  // Editions may put a visibility before a type.
  if (/^(export|local)$/.test(texts[0] ?? "") && /^(message|enum)$/.test(texts[1] ?? "")) texts.shift();
  const [first = "", second = ""] = texts;
  const equals = texts.indexOf("=");
  if (end === "{") {
    if (scope === "service") return first === "rpc" ? { kind: "method", name: second } : undefined;
    if (first === "message" || first === "enum") return { kind: first, name: second, body: first };
    return first === "service" ? { kind: first, name: second, body: first } : undefined;
  }
  if (scope === "service") return first === "rpc" ? { kind: "method", name: second } : undefined;
  if (/^(option|extensions|reserved)$/.test(first) || equals < 1) return undefined;
  if (scope === "enum") return { kind: "value", name: first };
  const label = /^(optional|required|repeated)$/.test(first) && equals > 2 ? 1 : 0;
  const type = texts.slice(label, equals - 1).join("");
  return scope === "message" && !type.startsWith("map<")
    ? { kind: "field", name: texts[equals - 1] ?? "", type }
    : undefined;
}
