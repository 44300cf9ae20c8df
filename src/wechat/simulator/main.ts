import { sandboxApp } from "./sandbox-app.ts";
import { startSimulator } from "./server.ts";

/** A number from the environment; the program ends with one line when it is none. */
function setting(name: string, fallback: number, fits: (value: number) => boolean): number {
  const text = process.env[name];
  const value = text === undefined ? fallback : Number(text);
  if (text?.trim() !== "" && fits(value)) return value;
  console.error(`${name} has a value that does not fit: ${text}`);
  process.exit(1);
}

const port = setting("SIM_PORT", 8081, (value) => Number.isInteger(value) && value >= 0 && value <= 65_535);
const timeScale = setting("SIM_TIME_SCALE", 1, (value) => value > 0 && Number.isFinite(value));
const callbackUrl = process.env.SIM_CALLBACK ?? "http://127.0.0.1:8080/wx/callback";
if (!/^https?:$/.test(URL.parse(callbackUrl)?.protocol ?? "")) {
  console.error(`SIM_CALLBACK has a value that does not fit: ${callbackUrl}`);
  process.exit(1);
}

try {
  const simulator = await startSimulator({ port, timeScale });
  simulator.setCallback(callbackUrl);
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void simulator.close());
  console.log(
    `WeChat simulator on ${simulator.url}, appid ${sandboxApp.appid}, secret ${sandboxApp.secret}, ` +
      `time ${timeScale} times as fast`,
  );
} catch (error) {
  console.error(`the simulator did not start: ${(error as Error).message}`);
  process.exitCode = 1;
}
