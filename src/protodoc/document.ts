import type { DescField, DescFile, DescMessage, DescMethod } from "@bufbuild/protobuf";
import {
  FieldDescriptorProto_Type,
  MethodDescriptorProtoSchema,
  type SourceCodeInfo_Location,
} from "@bufbuild/protobuf/wkt";
import { type Comments, commentsAt } from "./comments.ts";
import { methodFacts, usesContract } from "./contract.ts";
import { type Declared, fileOf, listing, localName, locator, sourceKey } from "./listing.ts";
import { type DocumentParts, type MethodPart, type Row, writeDocument } from "./markdown.ts";
import { memo } from "./memo.ts";
import { fieldRemarks, messageRemarks, oneofRequired } from "./rules.ts";
import { readDeclarations, type SourceDeclaration } from "./source.ts";
import { typeWriter } from "./types.ts";
import { jsonForm } from "./wellknown.ts";

/**
 * Writes the 'API Protocol' document of some files: their services in order, then their enums, then their
 * objects. `sources` maps the names of files to their text, where that is at hand: comments and the types
 * in round brackets are then taken from there, else from the descriptors.
 *
 * A plain file (one file that does not import liveuser's options) gives the format's own lines. buf.validate
 * rules are added wherever a field has some. A document of several files, or of a file that sees liveuser's
 * options, is complete: it also has map fields, the members of oneofs, and the JSON forms of well-known types.
 */
export function protocolDocument(files: readonly DescFile[], sources: ReadonlyMap<string, string>): string {
  const complete = files.length > 1 || files.some(usesContract);
  const locate = locator();
  const listed = listing(files, locate);
  const typeOf = typeWriter(listed);
  const declarations = memo((file: DescFile) => readDeclarations(sources.get(file.proto.name) ?? ""));

  function inSource(desc: Declared): SourceDeclaration | undefined {
    return declarations(fileOf(desc)).get(sourceKey(desc));
  }

  function commentsOf(desc: Declared): Comments {
    const written = inSource(desc);
    if (written) return written;
    const comments = commentsAt(locate(desc));
    // Compilers call a comment behind the `{` of a body trailing, too.
    return desc.kind === "rpc" && hasBody(desc) ? { ...comments, inline: "" } : comments;
  }

  function hasBody(method: DescMethod): boolean {
    const outputType = locate(method, MethodDescriptorProtoSchema.field.outputType.number);
    return lastLine(locate(method)) > lastLine(outputType);
  }

  function oneLine(desc: Declared): string {
    const { head, inline } = commentsOf(desc);
    return joined([head, inline], " ");
  }

  function fieldRow(field: DescField): Row {
    const remarks = fieldRemarks(field);
    if (complete) {
      if (field.oneof)
        remarks.unshift(
          `one of ${field.oneof.name}${oneofRequired(field) ? ", of which one is required" : ""}`,
        );
      const form = jsonForm(field);
      if (form) remarks.push(form);
    }
    const description = [oneLine(field), remarks.length > 0 ? `(${remarks.join("; ")})` : ""];
    return [field.name, typeOf(field, inSource(field)?.type), joined(description, " ")];
  }

  function rows(message: DescMessage): Row[] {
    return message.fields.filter((field) => isShown(field, complete)).map(fieldRow);
  }

  function methodPart(method: DescMethod): MethodPart {
    const { head, inline } = commentsOf(method);
    return {
      name: method.name,
      comment: joined([head, inline], "\n"),
      clientStreaming: method.proto.clientStreaming,
      serverStreaming: method.proto.serverStreaming,
      request: rows(method.input),
      requestRules: messageRemarks(method.input),
      response: rows(method.output),
      responseRules: messageRemarks(method.output),
      facts: methodFacts(method, oneLine),
    };
  }

  const parts: DocumentParts = {
    services: listed.services.map((service) => ({
      name: service.name,
      package: service.file.proto.package || undefined,
      comment: commentsOf(service).head,
      methods: service.methods.map(methodPart),
    })),
    enums: listed.enums.map((desc) => ({
      name: localName(desc),
      comment: commentsOf(desc).head,
      rows: desc.values.map((value): Row => [String(value.number), value.name, oneLine(value)]),
    })),
    objects: listed.objects.map((message) => ({
      name: localName(message),
      comment: commentsOf(message).head,
      rows: rows(message),
      rules: messageRemarks(message),
    })),
  };
  return writeDocument(parts);
}

function joined(texts: string[], separator: string): string {
  return texts.filter((text) => text !== "").join(separator);
}

/** Groups are never shown, maps and the members of oneofs only in a complete document. */
function isShown(field: DescField, complete: boolean): boolean {
  if (field.proto.type === FieldDescriptorProto_Type.GROUP) return false;
  return complete || (field.fieldKind !== "map" && field.oneof === undefined);
}

/** A span is [line, column, end line, end column], or [line, column, end column] on one line. */
function lastLine(location: SourceCodeInfo_Location | undefined): number {
  const span = location?.span ?? [];
  return (span.length === 4 ? span[2] : span[0]) ?? 0;
}
