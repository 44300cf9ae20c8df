import type { DescMessage } from "@bufbuild/protobuf";
import type { AnyRequestTable } from "./read.ts";
import { type Dialect, isBelow, methodsOf, namesOf, type Route } from "./table.ts";
import { type AnyWriter, fieldAt } from "./write.ts";

/**
 * Looks through a dialect for what the types don't find.
 * @throws Error that names the route
 */
export function checkDialect({ name, routes, prefix = "/" }: Dialect): void {
  const seen = new Set<string>();
  for (const route of routes) {
    try {
      if (!isBelow({ prefix }, route.path))
        throw new Error(`does not begin with ${[prefix].flat().join(" or ")}`);
      for (const method of methodsOf(route)) {
        const key = `${method} ${route.path.replace(/\{\w+\}/g, "{}")}`;
        if (seen.has(key)) throw new Error(`${method} is there twice`);
        seen.add(key);
      }
      checkRequest(route, route.rpc.input, route.request ?? {});
      if (route.answer !== undefined) checkWriter(route.rpc.output, route.answer);
    } catch (error) {
      throw new Error(`${name} ${route.path}: ${(error as Error).message}`);
    }
  }
}

function checkRequest(route: Route, desc: DescMessage, table: AnyRequestTable): void {
  for (const [localName, source] of Object.entries(table)) {
    const field = fieldAt(desc, localName);
    if ("fields" in source) {
      if (field.fieldKind !== "message") throw new Error(`${desc.typeName}.${localName} is no message`);
      checkRequest(route, field.message, source.fields);
      continue;
    }
    const { place, names = [] } = namesOf(source) ?? {};
    if (place === "body" && methodsOf(route).includes("GET")) throw new Error("GET has no body");
    for (const each of place === "path" ? names : []) {
      if (!route.path.includes(`{${each}}`)) throw new Error(`the path has no {${each}}`);
    }
  }
}

function checkWriter(desc: DescMessage, writer: AnyWriter): void {
  if (typeof writer === "string") checkPlain(desc, writer);
  if (typeof writer !== "object" || writer === null || "value" in writer || "given" in writer) return;
  if ("fields" in writer) {
    const inner = writer.from === undefined ? desc : fieldAt(desc, writer.from).message;
    if (!inner) throw new Error(`${desc.typeName}.${writer.from} holds no messages`);
    for (const each of Object.values(writer.fields)) checkWriter(inner, each);
  } else if (typeof writer.as === "function") fieldAt(desc, writer.from);
  else checkPlain(desc, writer.from);
}

function checkPlain(desc: DescMessage, path: string): void {
  if (fieldAt(desc, path).message) throw new Error(`${desc.typeName}.${path} needs its fields named`);
}
