import { randomUUID } from "node:crypto";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { startApp } from "./app.ts";

// `LOSSY=1000x50x1000` runs the full measure: sessions x renewals x delay (ms).
const [sessions = 40, renewals = 8, delayMs = 20] = (process.env.LOSSY ?? "")
  .split("x")
  .filter(Boolean)
  .map(Number);

/**
 * Stands between client and server and spoils half of what passes: the request never arrives, or it
 * arrives and the answer is lost, or the connection breaks in the middle of the answer.
 */
async function lossyProxy(target: string) {
  const lost = { requests: 0, answers: 0 };
  const proxy = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk) => chunks.push(chunk));
    incoming.on("end", () =>
      setTimeout(() => {
        if (Math.random() < 0.25) {
          lost.requests++;
          return incoming.socket.destroy();
        }
        const { method, headers, url } = incoming;
        const passed = request(`${target}${url}`, { method, headers }, (answer) => {
          const body: Buffer[] = [];
          answer.on("data", (chunk) => body.push(chunk));
          answer.on("end", () => {
            if (Math.random() >= 0.33) {
              outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
              return outgoing.end(Buffer.concat(body));
            }
            lost.answers++;
            if (Math.random() < 0.5) return incoming.socket.destroy();
            outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
            outgoing.write(Buffer.concat(body).subarray(0, 20), () => incoming.socket.destroy());
          });
        });
        passed.on("error", () => incoming.socket.destroy());
        passed.end(Buffer.concat(chunks));
      }, delayMs),
    );
  });
  await new Promise<void>((listening) => proxy.listen(0, "127.0.0.1", listening));
  return {
    url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    lost,
    [Symbol.dispose]() {
      proxy.closeAllConnections();
      proxy.close();
    },
  };
}

test("on a bad line nobody is made to sign in again", async () => {
  await using app = await startApp();
  using line = await lossyProxy(app.url);

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
  expect(line.lost.answers).toBeGreaterThan(0);
}, 3_600_000);
