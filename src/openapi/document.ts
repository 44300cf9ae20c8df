import type { DescFile, DescMethod } from "@bufbuild/protobuf";
import { commentOf, describe, splitSummary } from "./comments.ts";
import { type Contract, readContract } from "./contract.ts";
import { errorResponses, errorSchemas, otherResponses, sharedResponses } from "./failures.ts";
import type { Json } from "./json.ts";
import { type Schemas, schemasOf } from "./schemas.ts";

export interface Info {
  title: string;
  version: string;
}

const conventions = `\
Every method is one POST with a JSON body, answered in JSON.

Requests: fields are named as here (\`access_token\`) or in camel case (\`accessToken\`); both are read. A field \
that is left out or null has its zero value. 64-bit integers may be decimal strings or, below 2^53, numbers; enum \
values names or numbers: here are the forms to write. Unknown fields are ignored.

Answers: fields are named as here. Zero values are written too: only objects, and what is said to be optional, \
may be missing. 64-bit integers are decimal strings, enum values are names. Clients pass over \
fields that they do not know.

Errors: a reason for programs stands in the error's details as google.rpc.ErrorInfo; the message is for people.`;

/**
 * The OpenAPI 3.1 document of the unary and server-streaming methods in some files of one package, as the
 * plain JSON calls `POST /package/Service/Method` (https://spec.openapis.org/oas/v3.1.1).
 * @throws Error if the files do not import liveuser's options, or a rule of theirs does not compile
 */
export function openapiDocument(files: readonly DescFile[], info: Info): Json {
  const services = files
    .toSorted((a, b) => (a.proto.name < b.proto.name ? -1 : 1))
    .flatMap((file) => file.services);
  const methods = services.flatMap((service) => service.methods);
  const contract = readContract(files);
  const schemas = schemasOf(methods);
  return {
    openapi: "3.1.1",
    info: { ...info, description: conventions },
    servers: [{ url: "/" }],
    tags: services.map((service) => ({ name: service.name, description: describe(commentOf(service)) })),
    paths: Object.fromEntries(
      methods.map((method) => [pathOf(method), { post: operation(method, contract, schemas) }]),
    ),
    components: {
      schemas: { ...schemas.components, ...errorSchemas },
      responses: sharedResponses(contract),
      securitySchemes: {
        bearer: {
          type: "http",
          scheme: "bearer",
          bearerFormat: "JWT",
          description: "The access token of a person or of a machine identity.",
        },
      },
    },
  };
}

function pathOf(method: DescMethod): string {
  return `/${method.parent.typeName.replaceAll(".", "/")}/${method.name}`;
}

function operation(method: DescMethod, contract: Contract, schemas: Schemas): Json {
  const { access, callers, limits, errors } = contract.facts(method);
  const { summary, rest } = splitSummary(commentOf(method));
  const streams = method.methodKind !== "unary";
  const contentType = streams ? "application/connect+json" : "application/json";
  const content = (schema: Json) => ({ [contentType]: { schema } });
  return {
    operationId: `${method.parent.name}.${method.name}`,
    tags: [method.parent.name],
    summary: summary || undefined,
    description: describe(
      rest,
      `Who may call it: ${callers}.`,
      limits.length > 0 ? `At most ${limits.join(", and ")}.` : "",
      streams
        ? "Not a plain JSON call: request and answers are messages in the envelopes of Connect's streams, each of " +
            "the schema here, and an error comes in the last one. Use one of Connect's clients."
        : "",
      errors.length > 0 ? `Reasons of its own to fail: ${errors.map(({ name }) => name).join(", ")}.` : "",
    ),
    security: access.includes("anyone") ? [] : [{ bearer: [] }],
    requestBody: { required: true, content: content(schemas.refer(method.input)) },
    responses: {
      200: {
        description: streams ? "A stream of messages." : "Done.",
        content: content(schemas.refer(method.output)),
      },
      ...(streams ? otherResponses : errorResponses(contract, method)),
    },
    "x-access": access,
    "x-errors": errors.map(({ name }) => name),
  };
}
