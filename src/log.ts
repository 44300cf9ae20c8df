import pino from "pino";

/** What the parts of the server need of a log. */
export interface Logger {
  debug(fields: object, text?: string): void;
  info(fields: object | string, text?: string): void;
  warn(fields: object, text?: string): void;
  error(fields: object, text?: string): void;
  fatal(fields: object, text?: string): void;
  /** Writes what is still in memory. What is left when the process exits is written by itself. */
  flush(): void;
}

export interface LogOptions {
  /** The least severe lines to write; "silent" for none. */
  level: string;
  /** Where the lines go; standard output unless set. */
  destination?: pino.DestinationStream;
}

/** Names of values that no line may hold, in any of the ways they are spelled. */
const secretNames = [
  "authorization",
  "cookie",
  "set-cookie",
  "password",
  "(?:app_?|client_?|wx_?)?secret",
  "session_?key",
  "(?:access_?|refresh_?|id_?)?token",
  "login_?key",
  "phone_?code",
  "(?:api_?v3_?|private_?|encryption_?|aes_?|api_?)key",
  "identity_?number",
  "id_?card",
  "real_?name",
  "phone",
];
const text = String.raw`"(?:[^"\\]|\\.)*"`;
const secretField = new RegExp(
  String.raw`("(?:${secretNames.join("|")})"\s*:\s*)(?:${text}|-?[\d.eE+]+)`,
  "gi",
);
/** A code of WeChat's or of a text message. Names like SQLITE_BUSY or ECONNRESET are codes of errors. */
const secretCode = new RegExp(String.raw`("code"\s*:\s*)(?:(?!"[A-Z][A-Z0-9_]*")${text}|\d{4,8})`, "g");
/** Secrets inside other text: tokens, headers, query parameters, identity numbers, keys, and passwords in URLs. */
const looseSecrets: readonly (readonly [RegExp, string])[] = [
  [/eyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]*)?/g, "[redacted]"],
  [/\b(Bearer|Basic)\s+[\w.~+/-]{8,}=*/gi, "$1 [redacted]"],
  [/\b((?:\w+_)?(?:token|secret|code)=)[^&\s"\\]+/gi, "$1[redacted]"],
  [/(?<!\d)\d{17}[\dXx](?!\d)/g, "[redacted]"],
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----/gs, "[redacted]"],
  [/(\b[a-z][a-z0-9+.-]*:\/\/[^\s:/@"]*:)[^\s@"]+@/gi, "$1[redacted]@"],
];
/** Whether a line can hold any of them at all; most lines are plain calls and cannot. */
const suspicious = new RegExp(
  String.raw`"(?:code|${secretNames.join("|")})"\s*:|eyJ|bearer |basic |(?:token|secret|code)=|\d{17}|PRIVATE KEY|:\/\/`,
  "i",
);

/** A line of the log without tokens, secrets, codes and identity numbers, wherever in it they stand. */
export function scrub(line: string): string {
  if (!suspicious.test(line)) return line;
  let clean = line.replace(secretField, '$1"[redacted]"').replace(secretCode, '$1"[redacted]"');
  for (const [pattern, replacement] of looseSecrets) clean = clean.replace(pattern, replacement);
  return clean;
}

/** The time as pino wants it. Made once a millisecond: it is a good part of what a line costs. */
function createTimestamp(): () => string {
  let madeAt = 0;
  let text = "";
  return () => {
    const now = Date.now();
    if (now !== madeAt) {
      madeAt = now;
      text = `,"time":"${new Date(now).toISOString()}"`;
    }
    return text;
  };
}

/**
 * The log: one JSON object a line, kept in memory for at most a fifth of a second. Secrets do not
 * belong into a line; should one get there, in a library's error for one, it is blotted out.
 */
export function createLogger(options: LogOptions): Logger {
  const destination =
    options.destination ?? pino.destination({ dest: 1, sync: false, minLength: 4096, periodicFlush: 200 });
  return pino(
    {
      level: options.level,
      base: undefined,
      timestamp: createTimestamp(),
      formatters: { level: (label) => ({ level: label }) },
      hooks: { streamWrite: scrub },
    },
    destination,
  );
}
