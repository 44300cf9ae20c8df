import { readdirSync, readFileSync } from "node:fs";
import { dirname, relative, resolve } from "node:path";
import { expect, test } from "vitest";

const src = resolve(import.meta.dirname, "../src");

/** Which parts of src each part may import, besides itself, gen/ and errors.ts. */
const mayImport: Record<string, string[] | "all"> = {
  rpc: ["auth/identity.ts"],
  storage: [],
  wechat: [],
  client: [],
  sms: ["log.ts"],
  protodoc: ["options.ts"],
  openapi: ["options.ts"],
  "options.ts": [],
  "config.ts": [],
  "errors.ts": [],
  auth: ["storage"],
  ledger: ["storage"],
  payments: ["auth", "storage", "ledger", "wechat", "app.ts"],
  services: ["payments", "ledger", "rpc", "auth", "storage", "wechat", "app.ts"],
  http: ["rpc", "auth", "services", "wechat", "app.ts", "log.ts"],
  "app.ts": ["config.ts", "storage", "auth", "wechat", "sms", "log.ts"],
  "log.ts": [],
  cli: "all",
  "serve.ts": "all",
  "server.ts": "all",
};

/** The simulator is a program of its own: its files import each other, and only serve.ts starts it. */
const simulator = "wechat/simulator";

const files = readdirSync(src, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"));

const imports = files
  .filter((file) => file !== "main.ts")
  .flatMap((file) => {
    const text = readFileSync(resolve(src, file), "utf8");
    const specifiers = [...text.matchAll(/(?:from|import|import\()\s*"(\.[^"]+)"/g)];
    return specifiers.map(([, specifier]) => ({
      file,
      target: relative(src, resolve(src, dirname(file), specifier as string)),
    }));
  });

test("every part of src is known to this test", () => {
  const parts = new Set(files.map((file) => file.split("/")[0] as string));
  parts.delete("main.ts");
  expect([...parts].filter((part) => !(part in mayImport))).toEqual([]);
});

test("each part imports only what it may", () => {
  const forbidden = imports.filter(({ file, target }) => {
    const part = file.split("/")[0] as string;
    const allowed = mayImport[part];
    if (allowed === "all" || target.startsWith("../gen/") || target === "errors.ts") return false;
    const own = target === part || target.startsWith(`${part}/`);
    return !own && !allowed?.some((path) => target === path || target.startsWith(`${path}/`));
  });
  expect(forbidden).toEqual([]);
});

test("the simulator shares nothing with the server", () => {
  const crossing = imports.filter(
    ({ file, target }) => file.startsWith(simulator) !== target.startsWith(simulator) && file !== "serve.ts",
  );
  expect(crossing.filter(({ file, target }) => `${file} ${target}`.includes(simulator))).toEqual([]);
});

test("a service reaches another one's tables only through its store", () => {
  const crossing = imports.filter(({ file, target }) => {
    const [, from] = file.match(/^services\/([^/]+)\//) ?? [];
    const [, to, name] = target.match(/^services\/([^/]+)\/(.+)$/) ?? [];
    return from && to && from !== to && name !== "store.ts";
  });
  expect(crossing).toEqual([]);
});

test("only the settings' schema and the programs' beginnings read the environment", () => {
  const readers = files.filter((file) => readFileSync(resolve(src, file), "utf8").includes("process.env"));
  const programs = /^(serve\.ts|cli\/|wechat\/simulator\/main\.ts)/;
  expect(readers.filter((file) => !programs.test(file))).toEqual([]);
});
