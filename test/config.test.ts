import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, test } from "vitest";
import { chinese } from "../scripts/settings.zh-CN.ts";
import { readSettings, settingsTable } from "../src/config.ts";

test("an empty environment is the sandbox on loopback", () => {
  expect(readSettings({})).toMatchObject({ sandbox: true, HOST: "127.0.0.1", PORT: 8080, LOG_LEVEL: "info" });
  expect(readSettings({ PORT: "", PATH: "/bin" })).toEqual(readSettings({}));
});

test("a value is taken in its form or refused by its name", () => {
  const settings = readSettings({
    PORT: "0",
    CORS_ORIGINS: "https://a.test/x, http://b.test:81",
    SANDBOX_REMOTE: "1",
  });
  expect(settings).toMatchObject({
    PORT: 0,
    CORS_ORIGINS: ["https://a.test", "http://b.test:81"],
    SANDBOX_REMOTE: true,
  });
  for (const [name, value] of [
    ["PORT", "65536"],
    ["PORT", "1.5"],
    ["ACCESS_TOKEN_TTL", "0"],
    ["CORS_ORIGINS", "*"],
    ["LOG_LEVEL", "loud"],
    ["SIM_TIME_SCALE", "-1"],
    ["WECHAT_API_BASE", "api"],
    ["WECHAT_AES_KEY", "short"],
    ["WECHAT_PAGES", "https://a.test/?x"],
    ["WECHAT_MCHID", "one"],
    ["WECHAT_MCH_PRIVATE_KEY", "MIIE"],
    ["WECHAT_APIV3_KEY", "k".repeat(31)],
    ["WECHAT_PAY_PUBLIC_KEY_ID", "5A0D"],
    ["SMS_URL", "ftp://sms.test/{phone}/{code}"],
    ["SMS_URL", "https://sms.test/?to={phone}"],
    ["SMS_BODY", "{phone}"],
    ["SMS_HEADERS", '{"x":1}'],
    ["SMS_HEADERS", '{"a b":"c"}'],
    ["RATE_LIMITS", "-1"],
    ["COOKIE_DOMAIN", "com"],
    ["COOKIE_DOMAIN", "127.0.0.1"],
    ["COOKIE_DOMAIN", "a.test; Path=/x"],
    ["TRUSTED_PROXIES", "yes"],
  ] as const) {
    expect(() => readSettings({ [name]: value })).toThrow(new RegExp(`^${name}: `));
  }
});

test("the sandbox opens itself to others only when told to", () => {
  expect(() => readSettings({ HOST: "0.0.0.0" })).toThrow(/^HOST: /);
  expect(readSettings({ HOST: "0.0.0.0", SANDBOX_REMOTE: "1" }).HOST).toBe("0.0.0.0");
  const real = { WECHAT_APPID: "wx1", WECHAT_SECRET: "s", ENCRYPTION_KEY: "A".repeat(43) };
  expect(readSettings({ ...real, HOST: "0.0.0.0" }).sandbox).toBe(false);
});

test("the session cookie is for the server's own domain or one above it", () => {
  const domain = (COOKIE_DOMAIN: string, PUBLIC_URL = "https://api.shop.test") =>
    readSettings({ PUBLIC_URL, COOKIE_DOMAIN }).COOKIE_DOMAIN;
  expect(domain("Shop.test")).toBe("shop.test");
  expect(domain(".shop.test")).toBe("shop.test");
  expect(domain("api.shop.test")).toBe("api.shop.test");
  for (const other of ["h5.shop.test", "evilshop.test", "hop.test", "api.shop.test.evil.test"]) {
    expect(() => domain(other)).toThrow(/^COOKIE_DOMAIN: /);
  }
  expect(() => readSettings({ COOKIE_DOMAIN: "shop.test" })).toThrow(/^PUBLIC_URL: /);
});

test("what makes no sense alone asks for the rest", () => {
  const pem = "-----BEGIN PRIVATE KEY-----\\nAAAA\\n-----END PRIVATE KEY-----";
  const merchant = {
    WECHAT_MCHID: "1900000001",
    WECHAT_MCH_SERIAL: "5a0d",
    WECHAT_MCH_PRIVATE_KEY: pem,
    WECHAT_APIV3_KEY: "k".repeat(32),
    PUBLIC_URL: "https://api.test",
  };
  expect(readSettings(merchant)).toMatchObject({
    WECHAT_MCH_SERIAL: "5A0D",
    WECHAT_MCH_PRIVATE_KEY: pem.replaceAll("\\n", "\n"),
  });
  for (const name of Object.keys(merchant).slice(1)) {
    expect(() => readSettings({ ...merchant, [name]: "" })).toThrow(
      `${name}: needed when WECHAT_MCHID is set`,
    );
  }
  expect(() => readSettings({ WECHAT_AES_KEY: "a".repeat(43) })).toThrow(/^WECHAT_TOKEN: /);
  expect(() => readSettings({ WECHAT_OA_APPID: "wx2" })).toThrow(/^WECHAT_OA_SECRET: /);
  expect(() => readSettings({ WECHAT_PAY_PUBLIC_KEY_ID: "PUB_KEY_ID_1" })).toThrow(
    /^WECHAT_PAY_PUBLIC_KEY: /,
  );
});

test("both READMEs have every setting as it is", () => {
  const readme = (file: string) => readFileSync(resolve(import.meta.dirname, "..", file), "utf8");
  for (const [name, byDefault, sentence] of settingsTable()) {
    const start = `| \`${name}\` | ${byDefault ? `\`${byDefault}\`` : ""} |`;
    expect(readme("README.md")).toContain(`${start} ${sentence} |`);
    expect(readme("README.zh-CN.md")).toContain(`${start} ${chinese[name]} |`);
  }
});
