import { existsSync } from "node:fs";

/** Where a browser of the Chromium family usually is; CHROME_PATH names one elsewhere. */
const places = [
  process.env.CHROME_PATH,
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/usr/bin/google-chrome-stable",
  "/usr/bin/microsoft-edge",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
];

/** The browser that tests are run in; undefined on a machine without one. */
export const chromium: string | undefined = places.find((place) => place && existsSync(place));
