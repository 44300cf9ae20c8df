import type { DescMethod, JsonValue, Message, MessageShape } from "@bufbuild/protobuf";
import type { Identity } from "../../auth/identity.ts";
import type { AppError, Reason } from "../../errors.ts";

/** Where a parameter stands. */
export type Place =
  | "query"
  /** A field of the JSON object or of the form. */
  | "body"
  /** The body, else the query: for documents that do not say. */
  | "param"
  /** With `Dialect.envelope`: a field beside the one that holds the parameters. */
  | "outer"
  | "path"
  | "header"
  | "cookie";

/** The name of a parameter; of several the first is the document's and all are read. */
export type Names = string | readonly string[];

/** What a request brought, before a message is made of it. */
export interface Incoming {
  /** Answered as x-request-id and found in the log. */
  readonly requestId: string;
  readonly method: string;
  readonly path: string;
  /** The `{parameters}` of the path. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** The name in lower case. */
  header(name: string): string | undefined;
  /** Of several cookies of a name the first. */
  cookie(name: string): string | undefined;
  /** The parameters in the body. */
  readonly body: Fields;
  /** The whole body, where the dialect has an envelope; else the same as `body`. */
  readonly outer: Fields;
  /** The whole body as it came: for signatures over it. */
  readonly text: string;
}

export type Fields = Readonly<Record<string, JsonValue>>;

/** How the old form of a value becomes the contract's: a table of words, or a function that answers undefined for what is malformed. */
export type Reading = Readonly<Record<string, JsonValue>> | ((value: JsonValue) => JsonValue | undefined);

interface Manner {
  /** It has to be there; an empty text is not. */
  readonly required?: boolean;
  /** What a parameter is that was left out. */
  readonly default?: JsonValue;
  readonly as?: Reading;
  /** What it means, where the contract's comment does not say it. */
  readonly doc?: string;
}

/**
 * Where a field of the request comes from. Texts become what the field is: numbers, booleans, enum
 * values by name, lists of texts with commas between them, JSON.
 */
export type Source =
  | { [P in Place]: Manner & { readonly [Q in P]: Names } }[Place]
  /** The same in every call. */
  | { readonly value: JsonValue }
  /** Found by a function: for what a table can't say. */
  | { readonly given: (incoming: Incoming) => JsonValue | undefined; readonly doc?: string };

type FieldOf<T> = Exclude<keyof T, "$typeName" | "$unknown"> & string;
type Item<V> = NonNullable<V> extends readonly (infer I)[] ? I : NonNullable<V>;
type Single<V> = NonNullable<V> extends readonly unknown[] ? never : NonNullable<V>;
/** Fields that are messages or lists of them. */
type Nested<T> = { [K in FieldOf<T>]: Item<T[K]> extends Message ? K : never }[FieldOf<T>];

/** How each field of a request is read; fields that are left out have their zero values. */
export type RequestTable<T> = {
  readonly [K in FieldOf<T>]?:
    | Source
    | (Single<T[K]> extends Message ? { readonly fields: RequestTable<NonNullable<T[K]>> } : never);
};

/** A field of a message, or of a message in it: `ticket.ticketId`. */
export type Path<T> =
  | FieldOf<T>
  | { [K in FieldOf<T>]: Single<T[K]> extends Message ? `${K}.${FieldOf<Single<T[K]>>}` : never }[FieldOf<T>];

type At<T, P> = P extends `${infer K}.${infer L}`
  ? K extends keyof T
    ? L extends keyof NonNullable<T[K]>
      ? NonNullable<T[K]>[L]
      : never
    : never
  : P extends keyof T
    ? T[P]
    : never;

/**
 * How a value of an answer is written: a field of the reply by its name, a constant, or an object.
 * 64-bit integers become JSON numbers and enum values their names, unless `as` says otherwise. What
 * the reply does not have is left out.
 */
export type Writer<T> =
  | Path<T>
  | number
  | boolean
  | null
  | { readonly value: JsonValue }
  | {
      [P in Path<T>]: {
        readonly from: P;
        /** A table of words, or a function; undefined leaves the value out. */
        readonly as?: Readonly<Record<string, JsonValue>> | ((value: At<T, P>) => JsonValue | undefined);
        /** What it means, where the contract's comment does not fit. */
        readonly doc?: string;
      };
    }[Path<T>]
  /** Made by a function: for what a table can't say. */
  | { readonly given: (message: T, incoming: Incoming) => JsonValue | undefined }
  /** An object made of the same message. */
  | { readonly fields: AnswerTable<T> }
  /** An object made of a message in it, or a list of such objects. */
  | { [K in Nested<T>]: { readonly from: K; readonly fields: AnswerTable<Item<T[K]>> } }[Nested<T>];

export interface AnswerTable<T> {
  readonly [name: string]: Writer<T>;
}

/** A call that was answered, for what a table can't say of its answer. */
export interface Answered<In, Out> {
  readonly incoming: Incoming;
  readonly request: In;
  readonly reply: Out;
}

/** A cookie of an answer; a value that is undefined deletes it. */
export interface CookieWriter<In, Out> {
  readonly name: string;
  value(answered: Answered<In, Out>): string | undefined;
  /** How long it is kept (s); without it as long as the browser runs. */
  maxAge?(answered: Answered<In, Out>): number;
}

/** What a failure is in the old system's terms. */
export interface Row {
  /** HTTP status; 200 unless set, as in systems that speak of failures only in the body. */
  readonly status?: number;
  readonly code?: string | number;
  /** Instead of the reason's own text. */
  readonly text?: string;
}

/** Who sent a request. */
export interface Caller {
  /** Undefined where a method asks for no credential. */
  readonly identity: Identity | undefined;
  /** Their address. */
  readonly peer: string;
}

/** A failure on its way out. */
export interface Failure extends Row {
  readonly status: number;
  readonly reason: Reason;
  /** What went wrong, for people; broken rules with the parameter's old name. */
  readonly text: string;
  /** What a program may want to know of it: the reason's metadata. */
  readonly metadata: Readonly<Record<string, string>>;
  /** The first broken rule of it, if any. */
  readonly rule: string | undefined;
  readonly incoming: Incoming;
}

/** How a dialect speaks of failures. */
export interface Errors {
  readonly rows: Readonly<Partial<Record<Reason, Row>>>;
  /** The row of a reason that has none. */
  otherwise(error: AppError): Row;
  /** The answer; its status is the failure's unless it has one of its own. */
  write(failure: Failure): Refusal;
}

export interface Refusal {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly json?: JsonValue;
}

export type HttpMethod = "GET" | "POST" | "PUT" | "DELETE";

/** One old URL: which RPC it reaches, how its request is read and its answer written. */
export interface RouteSpec<In, Out> {
  readonly method: HttpMethod | readonly HttpMethod[];
  /** `/wx/api/measurements/{record_id}/remark` */
  readonly path: string;
  /** What the old document says of it, where the RPC's comment does not. */
  readonly doc?: string;
  readonly request?: RequestTable<In>;
  /** Looks at a request before it is read; a row refuses it. */
  before?(incoming: Incoming): Row | undefined | Promise<Row | undefined>;
  /** The JSON body. Without it the body is what `Dialect.wrap` makes of nothing, or empty. */
  readonly answer?: Writer<Out>;
  /** Instead of JSON: a text. */
  text?(answered: Answered<In, Out>): string;
  /** The text's type; text/plain unless set. */
  readonly textType?: string;
  /** Headers of the answer, besides or instead of the usual ones. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Instead of a body: where the browser is sent (302). */
  redirect?(answered: Answered<In, Out>): string;
  readonly cookies?: readonly CookieWriter<In, Out>[];
  /** Values of the reply for the example in gen/DIALECTS.md, where made-up ones would not do. */
  readonly example?: Partial<Out>;
  /** What is different from the dialect's errors. */
  readonly errors?: Partial<Errors>;
}

/** A route without the types of its one RPC. */
export type Route = RouteSpec<Message, Message> & { readonly rpc: DescMethod };

/** The URLs of one old system. A table: it reaches nothing but the RPCs. */
export interface Dialect {
  /** Names the door in log and metrics. */
  readonly name: string;
  /** Whose document it is, for gen/DIALECTS.md. */
  readonly doc: string;
  /** Where the access token stands: "bearer" is `Authorization: Bearer`. */
  readonly credential: "bearer" | { readonly [P in Exclude<Place, "path">]?: Names };
  /** What the paths begin with, one or another: other paths below it get a 404 in the dialect's form. */
  readonly prefix?: string | readonly string[];
  readonly routes: readonly Route[];
  readonly errors: Errors;
  /** The field of the body that holds the parameters, as an object or as its JSON text. */
  readonly envelope?: string;
  /** Looks at every request before it is read; a row refuses it. */
  before?(incoming: Incoming): Row | undefined | Promise<Row | undefined>;
  /** Looks at every request once it is known who calls; a row refuses it. */
  admit?(incoming: Incoming, caller: Caller): Row | undefined;
  /** Puts every answer into the same frame. */
  wrap?(answer: JsonValue | undefined, incoming: Incoming): JsonValue;
  /** What every cookie carries: "Path=/; HttpOnly; Secure; SameSite=Lax". */
  readonly cookieAttributes?: string;
}

type Unary = DescMethod & { methodKind: "unary" };

/** A row of a dialect's table. Fields that the RPC's messages do not have are no valid TypeScript. */
export function route<M extends Unary>(
  rpc: M,
  spec: RouteSpec<MessageShape<M["input"]>, MessageShape<M["output"]>>,
): Route {
  return { ...spec, rpc } as unknown as Route;
}

/** The names of a source or credential with their place, the document's name first. */
export function namesOf(source: object): { place: Place; names: readonly string[] } | undefined {
  for (const place of places) {
    const names = (source as Partial<Record<Place, Names>>)[place];
    if (names !== undefined) return { place, names: typeof names === "string" ? [names] : names };
  }
  return undefined;
}

const places: readonly Place[] = ["query", "body", "param", "outer", "path", "header", "cookie"];

/** Whether a path is a dialect's own, with or without a route. */
export function isBelow({ prefix = [] }: Pick<Dialect, "prefix">, path: string): boolean {
  return [prefix].flat().some((each) => path.startsWith(each));
}

/** The HTTP methods of a route. */
export function methodsOf({ method }: Pick<Route, "method">): readonly HttpMethod[] {
  return typeof method === "string" ? [method] : method;
}
