import { openApp, withWechat } from "./app.ts";
import { readSettings, type Settings, settingsTable } from "./config.ts";
import { createLogger } from "./log.ts";
import { startServer } from "./server.ts";
import { sandboxSettings } from "./wechat/simulator/sandbox-app.ts";
import { startSimulator } from "./wechat/simulator/server.ts";

try {
  if (process.argv.includes("--help")) printHelp();
  else await serve(readSettings(process.env));
} catch (error) {
  console.error(`liveuser: ${error instanceof Error ? error.message : error}`);
  process.exit(1);
}

async function serve(settings: Settings): Promise<void> {
  const log = createLogger({ level: settings.LOG_LEVEL });
  const ownWechat = settings.sandbox && !settings.WECHAT_API_BASE;
  const simulator = ownWechat ? await startSandboxWechat(settings) : undefined;
  const wechatUrl = settings.WECHAT_API_BASE ?? simulator?.url;
  const sandbox = settings.sandbox && wechatUrl ? sandboxSettings(wechatUrl) : {};
  const app = await openApp(withWechat(settings, sandbox), log);
  const server = await startServer(app);
  simulator?.setCallback(`${server.url}/wx/callback`);
  async function stop(signal: NodeJS.Signals): Promise<void> {
    log.info({ signal }, "stopping");
    await server.close();
    await app.close();
    await simulator?.close();
    log.info("stopped");
    log.flush();
    process.exit(0);
  }
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, stop);
  console.log(welcome(settings, server.url, simulator?.url));
}

async function startSandboxWechat({ PORT, SIM_PORT, SIM_TIME_SCALE }: Settings) {
  const port = SIM_PORT ?? (PORT === 0 ? 0 : PORT + 1);
  return startSimulator({ port, timeScale: SIM_TIME_SCALE });
}

function welcome(settings: Settings, url: string, simulator: string | undefined): string {
  const first = `liveuser listens on ${url}`;
  if (!settings.sandbox) return first;
  return [
    first,
    `This is the sandbox: anybody signs in as anybody.${simulator ? ` Its WeChat is ${simulator}` : ""}`,
    "Sign in as alice:",
    `  curl -s ${url}/liveuser/Wx/Login -H 'Content-Type: application/json' -d '{"code":"dev:alice"}'`,
  ].join("\n");
}

function printHelp(): void {
  console.log("liveuser: npm start. Settings are environment variables:\n");
  for (const [name, byDefault, sentence] of settingsTable()) {
    console.log(`  ${name.padEnd(18)} ${sentence}${byDefault ? ` [${byDefault}]` : ""}`);
  }
}
