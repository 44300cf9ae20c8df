import { z } from "zod";

const text = z.string();
const secret = z.string().min(1);
const port = z.coerce.number("expected a number").int().min(0).max(65535);
const seconds = z.coerce
  .number()
  .int()
  .min(1)
  .max(10 * 365 * 86400);
const list = z.string().transform((value) => value.split(",").flatMap((item) => item.trim() || []));
const origins = list.pipe(z.array(z.url().transform((url) => new URL(url).origin)));
const database = z
  .string()
  .regex(/^(file:.+|postgres(ql)?:\/\/.+)$/, "expected file:PATH or postgres://USER:PASSWORD@HOST/NAME");
const pem = z
  .string()
  .transform((value) => value.replaceAll("\\n", "\n").trim())
  .refine((value) => /^-----BEGIN [A-Z ]+-----\n.+\n-----END [A-Z ]+-----$/s.test(value), "expected PEM");
const pages = list.pipe(
  z.array(z.url().refine((value) => !/[?#]/.test(value), "expected a URL without query and fragment")),
);
/** A text of JSON as what it says. */
const json = z.string().transform((value, context): unknown => {
  try {
    return JSON.parse(value);
  } catch {
    context.addIssue("expected JSON");
    return z.NEVER;
  }
});
const httpHeaders = json
  .pipe(z.record(z.string(), z.string(), "expected an object of texts"))
  .refine((value) => {
    try {
      return new Headers(value);
    } catch {
      return false;
    }
  }, "expected names and values of HTTP headers");
const key = z.string().regex(/^[A-Za-z0-9+/_-]{43}=?$/, "expected 32 bytes in base64");

/** A leading dot means nothing any more (RFC 6265, 5.2.3). */
const domain = z
  .string()
  .transform((value) => value.toLowerCase().replace(/^\./, ""))
  .refine((value) => /^([a-z0-9-]+\.)+[a-z][a-z0-9-]*$/.test(value), "expected a domain");

function wechatHost(host: string, what: string) {
  return z
    .url()
    .optional()
    .describe(`Where ${what} is: ${host}, or the simulator in the sandbox, unless set.`);
}

/**
 * Every setting: its form, its default and a sentence for the user. The one list: `npm start -- --help`
 * and the README's table are made from it, and nothing else reads the environment.
 */
const schema = z.object({
  PORT: port.default(8080).describe("Port to listen on; 0 lets the system choose."),
  HOST: text
    .default("127.0.0.1")
    .describe("Address to listen on. The sandbox takes loopback addresses only."),
  PUBLIC_URL: z
    .url()
    .optional()
    .describe(
      "The server's address as clients see it; the issuer of its tokens. A later change ends all of them.",
    ),
  DATABASE_URL: database.default("file:./data/liveuser.db").describe("file:PATH for SQLite, or postgres://…"),
  ENCRYPTION_KEY: key
    .optional()
    .describe(
      "32 random bytes in base64 that encrypt the keys in the database. Needed outside the sandbox; the sandbox keeps one in a file beside the database.",
    ),
  ACCESS_TOKEN_TTL: seconds.default(3600).describe("How long an access token is good (s)."),
  REFRESH_TOKEN_TTL: seconds.default(2592000).describe("How long a session lasts without being renewed (s)."),
  REFRESH_TOKEN_MAX: seconds.default(15552000).describe("How long a session lasts at most (s)."),
  ORDER_EXPIRE: seconds.default(1800).describe("How long an order can be paid (s)."),
  TICKET_EXPIRE: seconds.default(3000).describe("How long a cinema ticket can be paid (s)."),
  RAIL_EXPIRE: seconds.default(1800).describe("How long a rail order can be paid (s)."),
  RAIL_CONFIRM: seconds
    .default(604800)
    .describe("After which time a rail order confirms itself whose ticket was approved (s)."),
  MEASUREMENT_PRICE: z.coerce
    .number("expected a number")
    .int()
    .min(0)
    .max(2 ** 31 - 1)
    .default(0)
    .describe(
      "What the report of a pulse measurement costs (fen); 0 for nothing. Earlier ones keep their price.",
    ),
  RAIL_SIGN_KEY: secret
    .optional()
    .describe(
      "The key of the signatures at the old rail URLs (/api/v1/user/…). Unset, they are closed; the sandbox takes the key of their document.",
    ),
  WECHAT_APPID: secret
    .optional()
    .describe("The mini-program's appid. Unset, the server starts in the sandbox, with a WeChat of its own."),
  WECHAT_SECRET: secret.optional().describe("The mini-program's secret. Needed outside the sandbox."),
  WECHAT_OA_APPID: secret.optional().describe("The official account's appid; the mini-program's unless set."),
  WECHAT_OA_SECRET: secret.optional().describe("The official account's secret. Needed with WECHAT_OA_APPID."),
  WECHAT_TOKEN: secret
    .optional()
    .describe("The token that signs what WeChat sends to /wx/callback. Unset, the path is closed."),
  WECHAT_AES_KEY: z
    .string()
    .regex(/^[A-Za-z0-9]{43}$/, "expected 43 letters and digits")
    .optional()
    .describe("EncodingAESKey of encrypted events. Set, plain ones are refused."),
  WECHAT_PAGES: pages
    .default([])
    .describe(
      "Web pages that a sign-in may return to and that may use the JS-SDK: origins or URLs that theirs begin with, with commas between them. The sandbox also takes any page on the loopback host.",
    ),
  WECHAT_MCHID: z
    .string()
    .regex(/^\d{1,32}$/, "expected digits")
    .optional()
    .describe("The merchant's number at WeChat Pay. Unset, nothing can be paid."),
  WECHAT_MCH_SERIAL: z
    .string()
    .regex(/^[0-9A-Fa-f]{1,40}$/, "expected hexadecimal digits")
    .transform((value) => value.toUpperCase())
    .optional()
    .describe("Serial number of the merchant's certificate."),
  WECHAT_MCH_PRIVATE_KEY: pem
    .optional()
    .describe("The merchant's private key, in PEM; its line breaks may be written as \\n."),
  WECHAT_APIV3_KEY: z
    .string()
    .regex(/^[\x21-\x7e]{32}$/, "expected 32 characters")
    .optional()
    .describe("The merchant's APIv3 key, which notifications are encrypted with."),
  WECHAT_PAY_PUBLIC_KEY_ID: z
    .string()
    .regex(/^PUB_KEY_ID_\w+$/, "expected PUB_KEY_ID_…")
    .optional()
    .describe("Id of WeChat Pay's public key. Unset, WeChat Pay's certificates are fetched instead."),
  WECHAT_PAY_PUBLIC_KEY: pem
    .optional()
    .describe("WeChat Pay's public key, in PEM. Needed with WECHAT_PAY_PUBLIC_KEY_ID."),
  HALL_PRIZE_TEMPLATE: secret
    .optional()
    .describe(
      "Id of the official account's message template for prize notices, with the fields first, keyword1 (activity), keyword2 (prize) and remark. Unset, the hall's partners can send none; the sandbox has one of its own.",
    ),
  WECHAT_API_BASE: wechatHost("https://api.weixin.qq.com", "WeChat's API"),
  WECHAT_OPEN_BASE: wechatHost("https://open.weixin.qq.com", "WeChat's page authorisation"),
  WECHAT_PAY_BASE: wechatHost("https://api.mch.weixin.qq.com", "WeChat Pay"),
  SMS_URL: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe(
      "Where text messages are sent: a URL with {phone} and {code} in it, or in SMS_BODY; any 2xx within 5 s is a success. Unset, phone codes can't be sent; the sandbox writes them to the log.",
    ),
  SMS_BODY: json
    .pipe(z.json())
    .optional()
    .describe("JSON with {phone} and {code} in its texts, sent there by POST. Unset, it is a GET."),
  SMS_HEADERS: httpHeaders
    .optional()
    .describe('Headers of that request, as JSON: {"authorization":"Bearer …"}.'),
  RATE_LIMITS: z.coerce
    .number("expected a number")
    .min(0)
    .max(1_000_000)
    .optional()
    .describe(
      "What the contract's limits of calls are multiplied by; 0 for none. 1 unless set, in the sandbox 0. Each process counts by itself.",
    ),
  TRUSTED_PROXIES: z.coerce
    .number("expected a number")
    .int()
    .min(0)
    .max(16)
    .default(0)
    .describe(
      "How many proxies stand before the server and add to X-Forwarded-For: a caller's address is then that many from its right end.",
    ),
  SIM_PORT: port.optional().describe("Port of the sandbox's WeChat simulator; PORT + 1 unless set."),
  SIM_TIME_SCALE: z.coerce
    .number()
    .positive()
    .max(100000)
    .default(1)
    .describe("How many times faster the simulator's clock runs."),
  SANDBOX_REMOTE: z
    .stringbool()
    .default(false)
    .describe(
      "1 lets the sandbox listen on other addresses than loopback: then anybody who reaches it signs in as anybody.",
    ),
  CORS_ORIGINS: origins.default([]).describe("Origins of web pages that may call, with commas between them."),
  COOKIE_DOMAIN: domain
    .optional()
    .describe(
      "Domain whose hosts all get the session cookie: PUBLIC_URL's host or one above it, for pages on another subdomain. Unset, only the server's own host gets it.",
    ),
  BODY_LIMIT: z.coerce
    .number()
    .int()
    .min(1024)
    .max(1 << 30)
    .default(4 * 1024 * 1024)
    .describe("Largest request body (bytes)."),
  REQUEST_TIMEOUT: seconds.default(30).describe("How long a caller may take to send a request (s)."),
  METRICS_TOKEN: secret
    .optional()
    .describe(
      "Token that GET /metrics asks for. Unset, the sandbox shows its metrics to anybody and a real server to nobody.",
    ),
  REFLECTION: z
    .stringbool()
    .optional()
    .describe(
      "1 shows the contract to gRPC tools (server reflection), 0 does not. Unset, only the sandbox does.",
    ),
  WORKERS: z.coerce
    .number("expected a number")
    .int()
    .min(1)
    .max(64)
    .optional()
    .describe(
      "How many threads analyse pulse waves at most; one fewer than the machine has processors, unless set. They start when there is work and end when there is none.",
    ),
  LOG_LEVEL: z
    .enum(["fatal", "error", "warn", "info", "debug", "silent"])
    .default("info")
    .describe("Least severe lines to log."),
});

/** The settings as the rest of the program sees them; `sandbox` says that no WECHAT_APPID is set. */
export type Settings = z.output<typeof schema> & { readonly sandbox: boolean };

/** A wrong or missing setting; its text is one line that names it. */
export class SettingsError extends Error {}

const loopback = /^(127\.\d+\.\d+\.\d+|::1|localhost)$/;

/**
 * Reads the settings. An empty value counts as unset.
 * @throws SettingsError naming the first setting that is wrong or missing; its value is not shown.
 */
export function readSettings(environment: Record<string, string | undefined>): Settings {
  const given = Object.fromEntries(
    Object.entries(environment).filter(([name, value]) => name in schema.shape && value !== ""),
  );
  const result = schema.safeParse(given);
  if (!result.success) {
    const issue = result.error.issues[0];
    throw new SettingsError(`${issue?.path[0]?.toString()}: ${issue?.message}`);
  }
  const settings = { ...result.data, sandbox: result.data.WECHAT_APPID === undefined };
  if (settings.sandbox) {
    if (!loopback.test(settings.HOST) && !settings.SANDBOX_REMOTE) {
      throw new SettingsError("HOST: the sandbox listens on loopback only, unless SANDBOX_REMOTE=1");
    }
  } else {
    const needs = "needed when WECHAT_APPID is set";
    require(settings, ["WECHAT_SECRET", "ENCRYPTION_KEY"], needs);
  }
  const { SMS_URL, SMS_BODY } = settings;
  if (SMS_URL && !/\{phone\}.*\{code\}|\{code\}.*\{phone\}/.test(`${SMS_URL} ${JSON.stringify(SMS_BODY)}`)) {
    throw new SettingsError("SMS_URL: expected {phone} and {code} in it or in SMS_BODY");
  }
  const { COOKIE_DOMAIN: cookieDomain, PUBLIC_URL: publicUrl } = settings;
  if (cookieDomain && publicUrl && !`.${new URL(publicUrl).hostname}`.endsWith(`.${cookieDomain}`)) {
    throw new SettingsError("COOKIE_DOMAIN: expected PUBLIC_URL's host or a domain above it");
  }
  for (const [name, others] of together) {
    if (settings[name] !== undefined) require(settings, others, `needed when ${name} is set`);
  }
  return settings;
}

/** What makes no sense without others. */
const together: readonly [keyof Settings, readonly (keyof Settings)[]][] = [
  ["WECHAT_OA_APPID", ["WECHAT_OA_SECRET"]],
  ["COOKIE_DOMAIN", ["PUBLIC_URL"]],
  ["SMS_BODY", ["SMS_URL"]],
  ["SMS_HEADERS", ["SMS_URL"]],
  ["WECHAT_AES_KEY", ["WECHAT_TOKEN"]],
  ["WECHAT_MCHID", ["WECHAT_MCH_SERIAL", "WECHAT_MCH_PRIVATE_KEY", "WECHAT_APIV3_KEY", "PUBLIC_URL"]],
  ["WECHAT_PAY_PUBLIC_KEY_ID", ["WECHAT_PAY_PUBLIC_KEY"]],
  ["WECHAT_PAY_PUBLIC_KEY", ["WECHAT_PAY_PUBLIC_KEY_ID"]],
];

function require(settings: Settings, names: readonly (keyof Settings)[], why: string): void {
  const missing = names.find((name) => settings[name] === undefined);
  if (missing) throw new SettingsError(`${missing}: ${why}`);
}

/** Every setting as [name, default, sentence], for --help and the README. */
export function settingsTable(): [name: string, byDefault: string, sentence: string][] {
  return Object.entries(schema.shape).map(([name, field]) => {
    const byDefault = field instanceof z.ZodDefault ? String(field.def.defaultValue) : "";
    return [name, byDefault, field.description ?? ""];
  });
}
