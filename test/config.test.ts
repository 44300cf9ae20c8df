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

test("both READMEs have every setting as it is", () => {
  const readme = (file: string) => readFileSync(resolve(import.meta.dirname, "..", file), "utf8");
  for (const [name, byDefault, sentence] of settingsTable()) {
    const start = `| \`${name}\` | ${byDefault ? `\`${byDefault}\`` : ""} |`;
    expect(readme("README.md")).toContain(`${start} ${sentence} |`);
    expect(readme("README.zh-CN.md")).toContain(`${start} ${chinese[name]} |`);
  }
});
