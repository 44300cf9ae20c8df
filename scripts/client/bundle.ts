import { resolve } from "node:path";
import { type BuildOptions, build } from "esbuild";
import { shortDescriptors } from "./descriptors.ts";

const client = resolve(import.meta.dirname, "../../src/client");

const banner = `/*!
 * liveuser-client: MIT. Contains @bufbuild/protobuf and @connectrpc/connect, both Apache-2.0, see
 * LICENSE-Apache-2.0: copyright 2021-2026 Buf Technologies, Inc.; 2021-2026 The Connect Authors.
 */`;

const shared: BuildOptions = {
  bundle: true,
  write: false,
  plugins: [shortDescriptors],
  banner: { js: banner },
  legalComments: "none",
  logLevel: "silent",
};

/**
 * One CommonJS file that names no global but ECMAScript's, `wx` and setTimeout: what else the libraries
 * name is replaced by files of our own, in the bundle alone. ES2017, which every WeChat in use takes.
 * `entry` is the text of a module.
 */
export function bundleForDevices(entry: string): Promise<string> {
  return bundle(entry, {
    ...shared,
    format: "cjs",
    target: "es2017",
    minify: true,
    inject: [resolve(client, "shims/inject.ts")],
    define: { globalThis: "globalScope" },
  });
}

/** An ES module for pages and Node, readable: who uses it bundles and minifies it with the rest. */
export function bundleForWeb(entry: string, options: BuildOptions = {}): Promise<string> {
  return bundle(entry, { ...shared, format: "esm", target: "es2020", ...options });
}

async function bundle(contents: string, options: BuildOptions): Promise<string> {
  const stdin = { contents, resolveDir: client, loader: "ts" } as const;
  const { outputFiles = [] } = await build({ ...options, stdin });
  return outputFiles[0]?.text ?? "";
}
