import { execFile } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { post, root, startProcess, temporaryFolder } from "./process.ts";

const run = promisify(execFile);

async function failure(environment: Record<string, string>): Promise<string> {
  const error = await startProcess(environment).catch((thrown: Error) => thrown);
  return (error as Error).message;
}

test("a start prints a line that signs in when it is pasted into a shell", async () => {
  using folder = temporaryFolder();
  const server = await startProcess({ DATABASE_URL: `file:${folder.path}/test.db`, LOG_LEVEL: "error" });
  try {
    expect(server.output()).toContain("sandbox");
    const line = /^ +(curl .*)$/m.exec(server.output())?.[1] ?? "";
    const { stdout } = await run("sh", ["-c", line]);
    const { access_token, uid } = JSON.parse(stdout);
    const { body } = await post(server.url, "/liveuser/User/Get", {}, access_token);
    expect(body.user.uid).toBe(uid);
    const key = statSync(`${folder.path}/test.db.key`);
    expect(key.mode & 0o777).toBe(0o600);
  } finally {
    expect(await server.stop("SIGTERM")).toBe(0);
  }
});

test("a wrong or missing setting ends the start with one line that names it and not its value", async () => {
  for (const [name, environment] of [
    ["PORT", { PORT: "many" }],
    ["DATABASE_URL", { DATABASE_URL: "mysql://hunter2@x" }],
    ["HOST", { HOST: "0.0.0.0" }],
    ["WECHAT_SECRET", { WECHAT_APPID: "wx1" }],
    ["ENCRYPTION_KEY", { WECHAT_APPID: "wx1", WECHAT_SECRET: "hunter2" }],
    ["ENCRYPTION_KEY", { WECHAT_APPID: "wx1", WECHAT_SECRET: "s", ENCRYPTION_KEY: "hunter2" }],
  ] as [string, Record<string, string>][]) {
    const text = await failure(environment);
    expect(text).toMatch(new RegExp(`^ended with 1: liveuser: ${name}: [^\n]+\n$`));
    expect(text).not.toContain("hunter2");
  }
});

test("outside the sandbox its people and machines are unknown", async () => {
  using folder = temporaryFolder();
  const sandbox = {
    DATABASE_URL: `file:${folder.path}/test.db`,
    LOG_LEVEL: "silent",
    ENCRYPTION_KEY: "A".repeat(43),
  };
  const before = await startProcess(sandbox);
  const { body: token } = await post(before.url, "/liveuser/Hall/Token", {
    appid: "sandbox-operator",
    secret: "sandbox",
  });
  await before.stop("SIGTERM");
  const real = await startProcess({
    ...sandbox,
    WECHAT_APPID: "wx1",
    WECHAT_SECRET: "secret",
    // Nobody listens there.
    WECHAT_API_BASE: "http://127.0.0.1:9",
  });
  try {
    expect(real.output()).not.toContain("sandbox");
    const login = await post(real.url, "/liveuser/Wx/Login", { code: "dev:alice" });
    expect([login.status, login.body.code]).toEqual([503, "unavailable"]);
    const app = await post(real.url, "/liveuser/Hall/Token", {
      appid: "sandbox-operator",
      secret: "sandbox",
    });
    expect(app.status).toBe(401);
    const list = await post(real.url, "/liveuser/Order/ListAll", {}, token.access_token);
    expect(list.status).toBe(401);
  } finally {
    await real.stop("SIGTERM");
  }
});

test("calls that are under way when the server is told to stop are answered", async () => {
  using folder = temporaryFolder();
  const server = await startProcess({ DATABASE_URL: `file:${folder.path}/test.db`, LOG_LEVEL: "error" });
  const { body: session } = await post(server.url, "/liveuser/Wx/Login", { code: "dev:alice" });
  const simulator = /Its WeChat is (\S+)/.exec(server.output())?.[1] ?? "";
  await fetch(`${simulator}/sim/fault`, {
    method: "POST",
    body: JSON.stringify({ path: "/sns/jscode2session", delay_ms: 1500, times: 1 }),
  });
  const slow = post(server.url, "/liveuser/Wx/Login", { code: "dev:bob" });
  await new Promise((resolve) => setTimeout(resolve, 200));
  const stopped = server.stop("SIGTERM");
  await new Promise((resolve) => setTimeout(resolve, 200));
  await expect(post(server.url, "/liveuser/User/Get", {}, session.access_token)).rejects.toThrow();
  expect((await slow).status).toBe(200);
  expect(await stopped).toBe(0);
  // A WAL that is left means that the database was not closed.
  expect(existsSync(`${folder.path}/test.db-wal`)).toBe(false);
});

test("an operator's programs work beside the server", async () => {
  using folder = temporaryFolder();
  const environment = { DATABASE_URL: `file:${folder.path}/test.db`, LOG_LEVEL: "error" };
  const server = await startProcess(environment);
  const cli = (program: string, ...args: string[]) =>
    run(process.execPath, [`src/cli/${program}.ts`, ...args], {
      cwd: root,
      env: { PATH: process.env.PATH, ...environment },
    }).catch((error: { code: number; stdout: string; stderr: string }) => error);
  try {
    const { stdout } = await cli("app", "create", "--role", "operator");
    const [, appid] = /appid +(\S+)/.exec(stdout) ?? [];
    const [, secret] = /secret +(\S+)/.exec(stdout) ?? [];
    const { body: token } = await post(server.url, "/liveuser/Hall/Token", { appid, secret });
    expect((await post(server.url, "/liveuser/Order/ListAll", {}, token.access_token)).status).toBe(200);

    const keys = async () =>
      ((await (await fetch(`${server.url}/.well-known/jwks.json`)).json()) as { keys: unknown[] }).keys;
    expect(await keys()).toHaveLength(1);
    expect((await cli("keys", "rotate")).stdout).toContain("next");
    await expect.poll(keys, { timeout: 8000 }).toHaveLength(2);

    expect((await cli("migrate")).stdout).toBe("nothing to do\n");
    for (const args of [["create", "--role", "king"], ["--what"]]) {
      expect(await cli("app", ...args)).toMatchObject({
        code: 2,
        stderr: expect.stringMatching(
          /^usage: npm run app -- create [^\n]+\n( {7}npm run app -- [^\n]+\n)+$/,
        ),
      });
    }
    expect((await cli("app", "disable", appid as string)).stdout).toContain("out of use");
    expect((await post(server.url, "/liveuser/Hall/Token", { appid, secret })).status).toBe(401);
  } finally {
    await server.stop("SIGTERM");
  }
}, 60_000);

test("--help names every setting", async () => {
  const { stdout } = await run(process.execPath, ["src/main.ts", "--help"], { cwd: root });
  for (const name of ["PORT", "DATABASE_URL", "ENCRYPTION_KEY", "WECHAT_APPID", "LOG_LEVEL"]) {
    expect(stdout).toContain(`  ${name} `);
  }
});
