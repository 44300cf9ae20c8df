import type { MethodFacts } from "./contract.ts";
import { anchor } from "./types.ts";

/** What the document says about one method. */
export interface MethodPart {
  name: string;
  comment: string;
  clientStreaming: boolean;
  serverStreaming: boolean;
  request: Row[];
  requestRules: string[];
  response: Row[];
  responseRules: string[];
  facts: MethodFacts;
}

export interface ServicePart {
  name: string;
  /** The full package, or undefined for a file without one. */
  package: string | undefined;
  comment: string;
  methods: MethodPart[];
}

export interface EnumPart {
  name: string;
  comment: string;
  rows: Row[];
}

export interface ObjectPart {
  name: string;
  comment: string;
  rows: Row[];
  rules: string[];
}

/** The cells of a table's row: field, type, description; or number, name, description. */
export type Row = [string, string, string];

export interface DocumentParts {
  services: ServicePart[];
  enums: EnumPart[];
  objects: ObjectPart[];
}

/**
 * Writes the 'API Protocol' document. Nothing is escaped. What the format has no place for (access, status,
 * errors, rules) adds lines of its own and leaves the others as they are.
 */
export function writeDocument({ services, enums, objects }: DocumentParts): string {
  const out = ["# API Protocol", "", "Table of Contents", ""];
  for (const service of services) {
    out.push(`* [Service ${service.name}](${anchor("service", service.name)})`);
    for (const method of service.methods) {
      const name = `${service.name}.${method.name}`;
      out.push(`    * [Method ${name}](${anchor("method", name)})`);
    }
  }
  out.push("* [Enums](#enums)");
  for (const { name } of enums) out.push(`    * [Enum ${name}](${anchor("enum", name)})`);
  out.push("* [Objects](#objects)");
  for (const { name } of objects) out.push(`    * [Object ${name}](${anchor("object", name)})`);
  out.push("", "");
  for (const service of services) {
    out.push("", "", `## Service ${service.name}`, "", service.comment);
    for (const method of service.methods) out.push(...methodLines(service, method));
    out.push("", "");
  }
  out.push("", "", "## Enums");
  for (const [index, { name, comment, rows }] of enums.entries()) {
    if (index > 0) out.push("");
    out.push("", `### enum ${name}`, "", comment, "", "Constants", "", ...enumTable(rows));
  }
  out.push(...(enums.length > 0 ? ["", ""] : [""]), "## Objects");
  for (const [index, { name, comment, rows, rules }] of objects.entries()) {
    if (index > 0) out.push("");
    out.push("", `### object ${name}`, "", comment, "");
    out.push(
      ...(rows.length > 0 ? ["Attributes", "", ...fieldTable(rows)] : ["It has no attributes"]),
      ...ruleLines(rules),
    );
  }
  if (objects.length > 0) out.push("");
  return `${out.join("\n")}\n`;
}

function methodLines(service: ServicePart, method: MethodPart): string[] {
  const { facts } = method;
  const kind = streamingKind(method);
  const path = `/${service.package ?? "(missed-package)"}/${service.name}/${method.name}`;
  const out = ["", `### Method ${service.name}.${method.name}`, ""];
  if (kind) out.push(`WebSocket ${kind}-streaming`, "");
  out.push(`> ${kind ? "GET" : "POST"} ${path} <br/>`);
  if (!kind) out.push("> Content-Type: application/json <br/>", "> Authorization: Bearer (token) <br/>");
  if (facts.access) out.push(`> Access: ${facts.access} <br/>`);
  if (facts.limits) out.push(`> Limit: ${facts.limits} <br/>`);
  out.push("", method.comment, "");
  out.push(...parameters("Request", method.request), ...ruleLines(method.requestRules), "");
  out.push(...parameters("Response", method.response), ...ruleLines(method.responseRules), "");
  if (facts.errors.length > 0) {
    out.push(
      "Errors",
      "",
      "|   Reason   |   Code   |  Description |",
      "| --------- | --------- | ------------ |",
    );
    for (const { reason, code, description } of facts.errors)
      out.push(`| ${reason} | ${code} | ${description} |`);
    out.push("");
  }
  return out;
}

function streamingKind({ clientStreaming, serverStreaming }: MethodPart): string | undefined {
  if (clientStreaming && serverStreaming) return "bidirectional";
  if (clientStreaming) return "client";
  return serverStreaming ? "server" : undefined;
}

function parameters(what: "Request" | "Response", rows: Row[]): string[] {
  return rows.length > 0 ? [`${what} parameters`, "", ...fieldTable(rows)] : [`${what} is empty`];
}

function fieldTable(rows: Row[]): string[] {
  return [
    "|   Name    |   Type    |  Description |",
    "| --------- | --------- | ------------ |",
    ...rows.map(([name, type, description]) => `| ${name} | ${type} | ${description} |`),
  ];
}

function enumTable(rows: Row[]): string[] {
  return [
    "|   Value   |   Name    |  Description |",
    "| --------- | --------- | ------------ |",
    ...rows.map(([value, name, description]) => `| ${value}  | ${name} | ${description} |`),
  ];
}

function ruleLines(rules: string[]): string[] {
  return rules.length > 0 ? ["", `Rules: ${rules.join("; ")}`] : [];
}
