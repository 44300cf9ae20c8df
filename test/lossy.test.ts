import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { startApp } from "./app.ts";
import { lossyLine } from "./lossy-line.ts";

// `LOSSY=1000x50x1000` runs the full measure: sessions x renewals x delay (ms).
const [sessions = 40, renewals = 8, delayMs = 20] = (process.env.LOSSY ?? "")
  .split("x")
  .filter(Boolean)
  .map(Number);

test("on a bad line nobody is made to sign in again", async () => {
  await using app = await startApp();
  using line = await lossyLine(app.url, {
    delayMs,
    requests: 0.25,
    answers: 0.33,
    losses: ["closed", "cut"],
  });

  /** Asks until there is an answer; each renewal is one attempt, however often it is asked for. */
  async function renew(refreshToken: string): Promise<string> {
    const body = JSON.stringify({ refresh_token: refreshToken, attempt_id: randomUUID() });
    for (;;) {
      const answer = await fetch(`${line.url}/liveuser/Wx/RenewToken`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body,
      })
        .then(async (response) => ({ status: response.status, text: await response.text() }))
        .catch(() => undefined);
      if (!answer) continue;
      expect(answer.status, answer.text).toBe(200);
      return JSON.parse(answer.text).refresh_token;
    }
  }

  await Promise.all(
    Array.from({ length: sessions }, async (_, person) => {
      let { refreshToken } = await app.signIn(`person-${person}`);
      for (let i = 0; i < renewals; i++) refreshToken = await renew(refreshToken);
    }),
  );
  expect(line.lost.requests).toBeGreaterThan(0);
  expect(line.lost.closed).toBeGreaterThan(0);
  expect(line.lost.cut).toBeGreaterThan(0);
}, 3_600_000);
