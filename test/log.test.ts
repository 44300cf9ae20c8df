import { describe, expect, test } from "vitest";
import { createLogger, scrub } from "../src/log.ts";

function logged(write: (log: ReturnType<typeof createLogger>) => void): string {
  const lines: string[] = [];
  write(createLogger({ level: "debug", destination: { write: (line) => void lines.push(line) } }));
  return lines.join("");
}

const jwt = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiI3In0.c2lnbmF0dXJlLXNpZ25hdHVyZQ";

describe("no line holds a secret", () => {
  const cases: [string, object][] = [
    ["a token by its name", { access_token: "S3CRET" }],
    ["deep inside", { a: [{ b: { refreshToken: "S3CRET" } }] }],
    ["a number", { phone_code: 735219, phone: 735219 }],
    ["a code of WeChat's", { body: { code: "0a3S3CRET" } }],
    ["a code as a number", { code: 735219 }],
    ["with quotes in it", { secret: 'x"S3CRET\\' }],
    ["a header", { headers: { authorization: "Bearer S3CRET12", cookie: "sid=S3CRET" } }],
    ["a session key", { session_key: "S3CRET", appSecret: "S3CRET", client_secret: "S3CRET" }],
    ["a JWT anywhere", { note: `token ${jwt} refused` }],
    ["a bearer header in a text", { note: "sent Authorization: Bearer S3CRET_abcdef" }],
    [
      "a query",
      { url: "https://api.weixin.qq.com/sns/jscode2session?appid=wx1&secret=S3CRET&js_code=S3CRET" },
    ],
    ["an identity number", { note: "contact 11010519491231002X exists", name: "110105194912310021" }],
    ["a password in a URL", { note: "cannot reach postgres://liveuser:S3CRET@db:5432/x" }],
    ["a private key", { note: "-----BEGIN PRIVATE KEY-----\nS3CRET\n-----END PRIVATE KEY-----" }],
    ["an error's message", { err: new Error(`https://x/?access_token=S3CRET, jwt ${jwt}`) }],
  ];
  test.each(cases)("%s", (_, fields) => {
    const line = logged((log) => log.info(fields, "text"));
    expect(line).not.toMatch(/S3CRET|735219|1101051949|c2lnbmF0dXJl/);
    expect(JSON.parse(line)).toMatchObject({ level: "info", msg: "text" });
    expect(line).toContain("[redacted]");
  });
});

test("what helps stays", () => {
  const fields = {
    method: "User.Get",
    result: "TOKEN_EXPIRED",
    requestId: "a-1",
    uid: 12345678901,
    err: Object.assign(new Error("cannot reach https://api.weixin.qq.com/x?appid=wx1"), {
      code: "ECONNRESET",
    }),
  };
  const line = logged((log) => log.error(fields, "failed"));
  expect(line).not.toContain("[redacted]");
  expect(JSON.parse(line)).toMatchObject({
    method: "User.Get",
    result: "TOKEN_EXPIRED",
    uid: 12345678901,
    err: { message: "cannot reach https://api.weixin.qq.com/x?appid=wx1", code: "ECONNRESET" },
  });
  expect(scrub('{"msg":"call"}\n')).toBe('{"msg":"call"}\n');
});

test("lines below the level are not written", () => {
  const lines: string[] = [];
  const log = createLogger({ level: "warn", destination: { write: (line) => void lines.push(line) } });
  log.info({}, "no");
  log.warn({}, "yes");
  expect(lines.map((line) => JSON.parse(line).msg)).toEqual(["yes"]);
});
