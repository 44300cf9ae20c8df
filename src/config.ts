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
const key = z.string().regex(/^[A-Za-z0-9+/_-]{43}=?$/, "expected 32 bytes in base64");

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
  WECHAT_APPID: secret
    .optional()
    .describe("The mini-program's appid. Unset, the server starts in the sandbox, with a WeChat of its own."),
  WECHAT_SECRET: secret.optional().describe("The mini-program's secret. Needed outside the sandbox."),
  WECHAT_API_BASE: z
    .url()
    .optional()
    .describe(
      "Where WeChat's API is: https://api.weixin.qq.com, or the simulator in the sandbox, unless set.",
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
    for (const name of ["WECHAT_SECRET", "ENCRYPTION_KEY"] as const) {
      if (settings[name] === undefined) throw new SettingsError(`${name}: needed when WECHAT_APPID is set`);
    }
  }
  return settings;
}

/** Every setting as [name, default, sentence], for --help and the README. */
export function settingsTable(): [name: string, byDefault: string, sentence: string][] {
  return Object.entries(schema.shape).map(([name, field]) => {
    const byDefault = field instanceof z.ZodDefault ? String(field.def.defaultValue) : "";
    return [name, byDefault, field.description ?? ""];
  });
}
