import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { sizes } from "../../scripts/client/sizes.ts";

const run = promisify(execFile);
const root = resolve(import.meta.dirname, "../..");
const tsc = join(root, "node_modules/typescript/bin/tsc");
const folder = mkdtempSync(join(tmpdir(), "liveuser-client-"));
const installed = join(folder, "node_modules/liveuser-client");

beforeAll(async () => {
  mkdirSync(installed, { recursive: true });
  await run(process.execPath, [join(root, "scripts/build-client.ts"), installed]);
});

afterAll(() => rmSync(folder, { recursive: true }));

const program = `
import { AbortController, type Client, Code, ConnectError, createSession, metadataOf, miniProgram, Order,
  OrderRecord_State, type Reason, reasonOf, retryDelayOf, type Session, violationsOf, web } from "liveuser-client";
const session: Session = createSession({ baseUrl: "https://api.example.com", platform: PLATFORM,
  interceptors: [(next) => (request) => { request.header.set("x-a", request.method.name); return next(request); }],
  onSignedOut(reason: Reason) { reason satisfies string; } });
const order: Client<typeof Order> = session.client(Order);
export async function buy(): Promise<bigint | undefined> {
  const stop = new AbortController();
  try {
    const { order: made } = await order.create({ products: [{ productId: "tea", count: 1 }] },
      { signal: stop.signal, timeoutMs: 5000, headers: { "x-b": "1" }, onHeader: (header) => header.get("x-c") });
    if (made?.state === OrderRecord_State.PAID) return made.id;
    // @ts-expect-error: it is typed
    made?.nonsense;
  } catch (error) {
    if (error instanceof ConnectError && error.code === Code.Unavailable) return undefined;
    if (reasonOf(error) === "PRODUCT_NOT_FOUND") return BigInt(metadataOf(error).product_id?.length ?? 0);
    // @ts-expect-error: no reason of the contract
    if (reasonOf(error) === "NONSENSE") return undefined;
    const [first] = violationsOf(error);
    throw new Error(first?.field ?? String(retryDelayOf(error)));
  }
  return undefined;
}
`;

const consumers = [
  {
    who: "a mini-program: no DOM, no Node, old resolution, all declarations checked",
    platform: "miniProgram()",
    options: { lib: ["es2020"], types: [], module: "commonjs", moduleResolution: "bundler" },
  },
  {
    who: "a mini-program with WeChat's typings",
    platform: "miniProgram({ wx })",
    options: {
      lib: ["es2020"],
      typeRoots: [join(root, "node_modules")],
      types: ["miniprogram-api-typings"],
      module: "esnext",
      moduleResolution: "bundler",
      skipLibCheck: true,
    },
  },
  {
    who: "a page: the DOM and its own AbortController",
    platform: "web({ fetch, storage: sessionStorage })",
    options: { lib: ["es2022", "dom"], types: [], module: "esnext", moduleResolution: "bundler" },
    program: program.replace("AbortController, type Client", "type Client"),
  },
  {
    who: "Node's modules",
    platform: 'web({ signIn: "mini" })',
    options: { lib: ["es2022"], types: [], module: "nodenext", moduleResolution: "nodenext" },
  },
];

for (const { who, platform, options, program: text = program } of consumers) {
  test(`the folder alone gives its types to ${who}`, async () => {
    const own = mkdtempSync(join(folder, "consumer-"));
    const compilerOptions = {
      target: "es2020",
      strict: true,
      noEmit: true,
      skipDefaultLibCheck: true,
      ...options,
    };
    writeFileSync(join(own, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["main.ts"] }));
    writeFileSync(join(own, "package.json"), '{"type":"module"}');
    writeFileSync(join(own, "main.ts"), text.replace("PLATFORM", platform));
    const { stdout } = await run(process.execPath, [tsc, "-p", own]).catch((error) => error);
    expect(stdout).toBe("");
  });
}

test("Node takes the package by import and by require", async () => {
  for (const [file, load] of [
    ["a.mjs", 'import * as client from "liveuser-client";'],
    ["a.cjs", 'const client = require("liveuser-client");'],
  ] as const) {
    writeFileSync(
      join(folder, file),
      `${load}
      const session = client.createSession({ baseUrl: "http://127.0.0.1:1", platform: client.web() });
      const stop = new client.AbortController();
      session.client(client.Catalog).list({}, { signal: stop.signal }).catch((error) => {
        console.log(error instanceof client.ConnectError, error.code === client.Code.Unavailable);
      });`,
    );
    expect((await run(process.execPath, [join(folder, file)])).stdout).toBe("true true\n");
  }
});

test("the package needs no other, and holds one script for WeChat's developer tools", () => {
  const manifest = JSON.parse(readFileSync(join(installed, "package.json"), "utf8"));
  expect(manifest).toMatchObject({
    name: "liveuser-client",
    main: "index.js",
    miniprogram: ".",
    sideEffects: false,
  });
  expect(manifest).not.toHaveProperty("dependencies");
  const files = readdirSync(installed, { recursive: true, encoding: "utf8" });
  expect(files.filter((file) => /\.(js|mjs|cjs)$/.test(file)).sort()).toEqual(["index.js", "index.mjs"]);
  for (const file of ["index.js", "index.mjs"]) {
    const text = readFileSync(join(installed, file), "utf8");
    expect(text.slice(0, 30)).toBe("/*!\n * liveuser-client: MIT. C");
    // Neither other packages nor the rules that the server alone checks.
    expect(text.match(/\brequire\(|^import .*|\bfrom ?"[^,]*;|buf\.validate/gm)).toBe(null);
  }
});

test("the mini-program's script names nothing that devices lack", () => {
  const text = readFileSync(join(installed, "index.js"), "utf8");
  // Names of theirs in texts for people, in quotes, are harmless.
  const code = text.replace(/"(?:[^"\\]|\\.)*"/g, '""');
  const missing = /\b(Headers|AbortController|TextEncoder|TextDecoder|URL|ReadableStream|globalThis|eval)\b/g;
  const named = [...code.matchAll(missing)].map(({ 0: name, index }) =>
    code.slice(index - 1, index + name.length + 1),
  );
  // A property's name is no global.
  expect(named.filter((it) => !/^\./.test(it) && !/:$/.test(it))).toEqual([]);
  expect(code.match(/\bFunction\(|\b\d+n\b/g)).toBe(null);
});

test("all services are 45 KB at most, one is 30 KB, gzipped", async () => {
  const limits = { "all services": 45, "one service": 30 };
  for (const { what, gzipped } of await sizes()) {
    const limit = limits[what.replace(/^.*, /, "") as keyof typeof limits];
    expect(gzipped / 1024, what).toBeLessThan(limit);
  }
});

test("who imports one service from the package carries one", async () => {
  const { build } = await import("esbuild");
  const { gzipSync } = await import("node:zlib");
  const app = join(folder, "page");
  mkdirSync(app);
  cpSync(installed, join(app, "node_modules/liveuser-client"), { recursive: true });
  const { outputFiles } = await build({
    stdin: { contents: 'export { createSession, web, Order } from "liveuser-client"', resolveDir: app },
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
  });
  expect(gzipSync(outputFiles[0]?.contents ?? "").length / 1024).toBeLessThan(30);
});
