import type { DescEnum, DescField, DescMessage, DescMethod, DescService } from "@bufbuild/protobuf";
import { getComments } from "@bufbuild/protoplugin";

type Described = DescService | DescMethod | DescMessage | DescEnum | DescField | DescEnum["values"][number];

/** The comments above and behind a declaration: lines joined to paragraphs; empty where there is none. */
export function commentOf(desc: Described): string {
  const { leading = "", trailing = "" } = getComments(desc);
  const paragraphs = `${leading}\n\n${trailing}`.split(/\n\s*\n/);
  return paragraphs
    .map((paragraph) => paragraph.trim().replace(/\s*\n\s*/g, " "))
    .filter((paragraph) => paragraph !== "")
    .join("\n\n");
}

/** The first sentence without its period, and what follows it. */
export function splitSummary(comment: string): { summary: string; rest: string } {
  const end = comment.search(/\.(\s|$)/);
  if (end < 0) return { summary: comment, rest: "" };
  return { summary: comment.slice(0, end), rest: comment.slice(end + 1).trimStart() };
}

/** Paragraphs of a description; undefined where there is none, so that the document leaves it out. */
export function describe(...paragraphs: string[]): string | undefined {
  return paragraphs.filter((paragraph) => paragraph !== "").join("\n\n") || undefined;
}
