import { XMLParser, XMLValidator } from "fast-xml-parser";

// A value stays the text that it is: an EventKey of 00123 is not 123. Entities are refused below.
const parser = new XMLParser({
  parseTagValue: false,
  processEntities: false,
  trimValues: false,
  maxNestedTags: 8,
});
const utf8 = new TextDecoder("utf-8", { fatal: true });

/** The bytes are none of WeChat's messages; the message says why and quotes nothing. */
export class XmlError extends Error {}

/**
 * Reads a message as WeChat writes them: one element, and in it elements with text, bare or as CDATA.
 * What has elements of its own is passed over. DOCTYPE, entities, comments and instructions are refused
 * wherever they count.
 * @param bytes UTF-8; the caller bounds their number
 * @returns the texts by the names of their elements, in an object without a prototype
 * @throws XmlError
 */
export function parseXml(bytes: Uint8Array): Readonly<Record<string, string>> {
  const text = decode(bytes);
  if (/<[!?]|&/.test(outsideCdata(text)))
    throw new XmlError("XML with a declaration, a comment or an entity");
  // The parser alone takes an element that is not closed, or closed by another one's end.
  if (XMLValidator.validate(text) !== true) throw new XmlError("no well-formed XML");
  return fieldsOf(parse(text));
}

function decode(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new XmlError("bytes that are no UTF-8");
  }
}

/** In one pass: a regular expression would begin anew at every `<![CDATA[` that has no end. */
function outsideCdata(text: string): string {
  const parts: string[] = [];
  let at = 0;
  for (;;) {
    const start = text.indexOf("<![CDATA[", at);
    if (start < 0) return parts.join("") + text.slice(at);
    const end = text.indexOf("]]>", start);
    if (end < 0) throw new XmlError("XML with a CDATA that has no end");
    parts.push(text.slice(at, start));
    at = end + 3;
  }
}

function parse(text: string): unknown {
  try {
    return parser.parse(text);
  } catch {
    throw new XmlError("XML that is nested too deep or breaks a rule");
  }
}

function fieldsOf(document: unknown): Record<string, string> {
  const roots = Object.values(document as object);
  const [root] = roots;
  if (roots.length !== 1 || typeof root !== "object" || root === null || Array.isArray(root)) {
    throw new XmlError("XML that is not one element with others in it");
  }
  const fields: Record<string, string> = Object.create(null);
  for (const [name, value] of Object.entries(root)) {
    if (Array.isArray(value)) throw new XmlError("XML with an element that stands there twice");
    if (typeof value === "string" && name !== "#text") fields[name] = value;
  }
  return fields;
}
