/**
 * Writes what both READMEs show of the program itself: the table of settings, and with `--run` a first
 * call and the example's output, taken from a server that is started for it.
 */
import { execFile, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { settingsTable } from "../src/config.ts";
import { chinese } from "./settings.zh-CN.ts";

const run = promisify(execFile);
const english = "README.md";
const inChinese = "README.zh-CN.md";
const files = [english, inChinese];

fill("settings", table("setting", "default"), [english]);
fill("settings", table("设置", "默认值", chinese), [inChinese]);
if (process.argv.includes("--run")) {
  const { firstCall, example } = await tryServer();
  fill("first-call", firstCall);
  fill("example", example);
}

/** Puts the text between `<!-- name -->` and `<!-- /name -->`. */
function fill(name: string, text: string, into = files): void {
  for (const file of into) {
    const before = readFileSync(file, "utf8");
    const marks = new RegExp(`(<!-- ${name} -->\n)[^]*?(<!-- /${name} -->)`);
    if (!marks.test(before)) throw new Error(`${file} has no place for ${name}`);
    writeFileSync(
      file,
      before.replace(marks, (_, open: string, close: string) => `${open}${text}\n${close}`),
    );
  }
}

function table(setting: string, byDefault: string, sentences: Record<string, string> = {}): string {
  const rows = settingsTable().map(([name, value, sentence]) => {
    return `| \`${name}\` | ${value ? `\`${value}\`` : ""} | ${sentences[name] ?? sentence} |`;
  });
  return [`| ${setting} | ${byDefault} | |`, "|---|---|---|", ...rows].join("\n");
}

async function tryServer(): Promise<{ firstCall: string; example: string }> {
  const folder = mkdtempSync(join(tmpdir(), "liveuser-readme-"));
  const server = spawn(process.execPath, ["bin/main.js"], {
    env: { ...process.env, DATABASE_URL: `file:${folder}/liveuser.db`, LOG_LEVEL: "error" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    await new Promise((resolve) => server.stdout.once("data", resolve));
    const call = (method: string, body: string) =>
      `curl -s http://127.0.0.1:8080/liveuser/${method} -H 'Content-Type: application/json' -d '${body}'`;
    const signIn = call("Wx/Login", '{"code":"dev:alice"}');
    const tokens = (await run("sh", ["-c", signIn])).stdout;
    const { access_token: token } = JSON.parse(tokens) as { access_token: string };
    const lines = [`$ ${signIn}`, shorten(tokens)];
    lines.push("", `$ ACCESS_TOKEN=${shorten(`"${token}"`).slice(1, -1)}   # the access_token of the answer`);
    for (const [method, body] of [
      ["User/Get", "{}"],
      ["Order/Create", '{"products":[{"product_id":"tea","count":2}]}'],
      ["Order/Create", '{"products":[{"product_id":"gold","count":1}]}'],
    ] as const) {
      const line = `${call(method, body)} -H "Authorization: Bearer $ACCESS_TOKEN"`;
      const { stdout } = await run("sh", ["-c", line], { env: { ...process.env, ACCESS_TOKEN: token } });
      lines.push("", `$ ${line}`, stdout.trim());
    }
    const { stdout } = await run(process.execPath, ["examples/node.ts"]);
    return {
      firstCall: `\`\`\`console\n${lines.join("\n")}\n\`\`\``,
      example: `\`\`\`console\n$ npm run -s example\n${stdout.trim()}\n\`\`\``,
    };
  } finally {
    server.kill();
    rmSync(folder, { recursive: true });
  }
}

/** Tokens fill lines and say nothing to a reader. */
function shorten(json: string): string {
  return json.trim().replace(/"(eyJ[\w-]{8})[\w.-]+"/g, '"$1…"');
}
