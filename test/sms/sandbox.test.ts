import { expect, test } from "vitest";
import { createLogger } from "../../src/log.ts";
import { sandboxSms } from "../../src/sms/sandbox.ts";

test("the sandbox's codes stand in the log, and the newest of each number is kept", async () => {
  const lines: string[] = [];
  const log = createLogger({ level: "info", destination: { write: (line) => void lines.push(line) } });
  const sms = sandboxSms(log);
  const { signal } = new AbortController();
  await sms.send({ phone: "13800138000", code: "000001", signal });
  await sms.send({ phone: "13912345678", code: "000002", signal });
  await sms.send({ phone: "13800138000", code: "073519", signal });
  expect(sms.newest?.("13800138000")).toBe("073519");
  expect(sms.newest?.("13912345678")).toBe("000002");
  expect(sms.newest?.("13700000000")).toBeUndefined();
  expect(lines.map((line) => JSON.parse(line).msg)).toEqual([
    "text message to 13800138000: your code is 000001",
    "text message to 13912345678: your code is 000002",
    "text message to 13800138000: your code is 073519",
  ]);
});
