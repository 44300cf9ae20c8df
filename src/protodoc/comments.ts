import { isFieldSet } from "@bufbuild/protobuf";
import { type SourceCodeInfo_Location, SourceCodeInfo_LocationSchema } from "@bufbuild/protobuf/wkt";

/** The comments of one declaration; an empty text means none. */
export interface Comments {
  /** Everything between the declaration before and this one. */
  head: string;
  /** What stands behind the closing `;`. */
  inline: string;
}

export const noComments: Comments = { head: "", inline: "" };

/**
 * Trims what Unicode calls White_Space. String.prototype.trim differs in two characters: it leaves
 * U+0085 and takes U+FEFF.
 */
export function trimSpace(text: string): string {
  const space = "[\\t-\\r \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]+";
  return text.replace(new RegExp(`^${space}|${space}$`, "g"), "");
}

/** The comments of a declaration as the descriptor's source info has them. */
export function commentsAt(location: SourceCodeInfo_Location | undefined): Comments {
  if (!location) return noComments;
  const { leadingDetachedComments, leadingComments, trailingComments } = location;
  // An empty leading comment is still a piece; an absent one is not.
  const leading = isFieldSet(location, SourceCodeInfo_LocationSchema.field.leadingComments);
  const head = leading ? [...leadingDetachedComments, leadingComments] : leadingDetachedComments;
  return {
    head: head.flatMap(linesOfDescriptor).join(" "),
    inline: linesOfDescriptor(trailingComments).join(" "),
  };
}

/** The text of one comment of a source file, with its delimiters: `// a`, `/* a *\/`. Several lines become one. */
export function commentText(raw: string): string {
  if (raw.startsWith("//")) return trimSpace(raw.slice(2));
  const [first = "", ...rest] = raw.slice(2, -2).split("\n");
  if (rest.length === 0) return trimSpace(first);
  return blockLines([first, ...rest.map((line) => trimSpace(line).replace(/^\*/, ""))]).join(" ");
}

/**
 * In a descriptor each `//` line ends with a line feed (some compilers leave the last one out), and a
 * block comment of several lines has lost its indents and stars, but not the second star of `/**`.
 */
function linesOfDescriptor(text: string): string[] {
  const lines = text.replace(/\n$/, "").split("\n");
  const block = text.startsWith("*\n") || (lines.length > 1 && !text.endsWith("\n"));
  return block ? blockLines(lines) : lines.map(trimSpace);
}

/** A block comment's lines without the blank ones at its ends. */
function blockLines(raw: string[]): string[] {
  const lines = raw.map(trimSpace);
  if (lines[0] === "*") lines[0] = "";
  const first = lines.findIndex((line) => line !== "");
  const last = lines.findLastIndex((line) => line !== "");
  return first < 0 ? [""] : lines.slice(first, last + 1);
}
