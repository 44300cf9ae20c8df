import { Code, type ConnectError } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { ErrorInfoSchema, RetryInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { deleteOldPhoneCodes } from "../../src/services/user/phone-codes.ts";
import { sandboxApp } from "../../src/wechat/simulator/sandbox-app.ts";
import { movableClock, rejects, startApp, type TestApp } from "../app.ts";
import { databases } from "../databases.ts";
import { startGateway } from "../sms/gateway.ts";

const phone = "13800138000";
const other = "13912345678";
const minute = 60_000;

/** What the sandbox's page says of a number. */
async function page(app: TestApp, number = phone): Promise<[status: number, answer: unknown]> {
  const response = await fetch(`${app.url}/sim/sms?phone=${number}`);
  return [response.status, await response.json()];
}

async function sentCode(app: TestApp, number = phone): Promise<string> {
  const [status, answer] = await page(app, number);
  expect([status, answer]).toEqual([200, { phone: number, code: expect.stringMatching(/^\d{6}$/) }]);
  return (answer as { code: string }).code;
}

/** A code that is not that one. */
function wrong(code: string): string {
  return `${(Number(code) + 1) % 1_000_000}`.padStart(6, "0");
}

function waitOf(error: ConnectError): number {
  const delay = error.findDetails(RetryInfoSchema)[0]?.retryDelay;
  return Number(delay?.seconds ?? 0n) * 1000 + (delay?.nanos ?? 0) / 1e6;
}

for (const database of databases) {
  test(`a right code verifies the number, once (${database})`, async () => {
    await using app = await startApp({ database });
    const alice = await app.signIn("alice");
    const { body } = await app.post("/liveuser/User/SendPhoneCode", { phone }, alice.token);
    expect(body).toEqual({});
    const code = await sentCode(app);
    const bob = await app.signIn("bob");
    await rejects(bob.user.checkPhoneCode({ phone, code }), "PHONE_CODE_EXPIRED");
    await rejects(alice.user.checkPhoneCode({ phone: other, code }), "PHONE_CODE_EXPIRED");
    expect((await alice.user.getProfile({})).profile?.phone).toBe("");

    const missed = await rejects(alice.user.checkPhoneCode({ phone, code: wrong(code) }), "PHONE_CODE_WRONG");
    expect(missed.findDetails(ErrorInfoSchema)[0]?.metadata).toEqual({ tries_left: "4" });
    await alice.user.checkPhoneCode({ phone, code });
    expect((await alice.user.getProfile({})).profile?.phone).toBe(phone);
    expect((await bob.user.getProfile({})).profile?.phone).toBe("");
    await rejects(alice.user.checkPhoneCode({ phone, code }), "PHONE_CODE_EXPIRED");
  });

  test(`100 wrong guesses at once count as five (${database})`, async () => {
    await using app = await startApp({ database });
    const alice = await app.signIn("alice");
    await alice.user.sendPhoneCode({ phone });
    const code = await sentCode(app);
    const guesses = Array.from({ length: 100 }, () =>
      alice.user.checkPhoneCode({ phone, code: wrong(code) }).then(
        () => "right",
        (error) => error.findDetails(ErrorInfoSchema)[0],
      ),
    );
    const answers = await Promise.all(guesses);
    const left = answers
      .filter(({ reason }) => reason === "PHONE_CODE_WRONG")
      .map(({ metadata }) => metadata.tries_left);
    expect(left.sort()).toEqual(["0", "1", "2", "3", "4"]);
    expect(answers.filter(({ reason }) => reason === "PHONE_CODE_EXPIRED")).toHaveLength(95);
    // Not even the right one is good any more.
    await rejects(alice.user.checkPhoneCode({ phone, code }), "PHONE_CODE_EXPIRED");
  });

  test(`of a right code checked many times at once one is right (${database})`, async () => {
    await using app = await startApp({ database });
    const alice = await app.signIn("alice");
    await alice.user.sendPhoneCode({ phone });
    const code = await sentCode(app);
    const checks = Array.from({ length: 4 }, () => alice.user.checkPhoneCode({ phone, code }));
    const settled = await Promise.allSettled(checks);
    expect(settled.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect((await alice.user.getProfile({})).profile?.phone).toBe(phone);
  });

  test(`one a minute and ten a day, for a number and for a person (${database})`, async () => {
    const clock = movableClock();
    await using app = await startApp({ database, clock });
    const [alice, bob] = [await app.signIn("alice"), await app.signIn("bob")];
    const atOnce = await Promise.allSettled(
      Array.from({ length: 8 }, () => alice.user.sendPhoneCode({ phone })),
    );
    expect(atOnce.filter(({ status }) => status === "fulfilled")).toHaveLength(1);

    // For the number, whoever asks; and for the person, whatever the number.
    const soon = await rejects(bob.user.sendPhoneCode({ phone }), "RATE_LIMITED");
    expect(waitOf(soon)).toBeGreaterThan(50_000);
    expect(waitOf(soon)).toBeLessThanOrEqual(minute);
    await rejects(alice.user.sendPhoneCode({ phone: other }), "RATE_LIMITED");
    // What was refused counts for nobody: neither bob nor the other number has to wait.
    await bob.user.sendPhoneCode({ phone: other });

    for (let sent = 2; sent <= 10; sent += 1) {
      clock.pass(minute);
      await alice.user.sendPhoneCode({ phone });
    }
    clock.pass(minute);
    const late = await rejects(alice.user.sendPhoneCode({ phone: other }), "RATE_LIMITED");
    expect(waitOf(late)).toBeGreaterThan(23 * 60 * minute);
    await rejects(bob.user.sendPhoneCode({ phone }), "RATE_LIMITED");
    await bob.user.sendPhoneCode({ phone: other });
    clock.pass(24 * 60 * minute);
    await (await app.signIn("bob")).user.sendPhoneCode({ phone });
    await (await app.signIn("alice")).user.sendPhoneCode({ phone: other });
  });

  test(`a code runs out, and a new one replaces it (${database})`, async () => {
    const clock = movableClock();
    await using app = await startApp({ database, clock });
    const alice = await app.signIn("alice");
    await alice.user.sendPhoneCode({ phone });
    const first = await sentCode(app);
    await rejects(alice.user.checkPhoneCode({ phone, code: wrong(first) }), "PHONE_CODE_WRONG");
    let second = first;
    while (second === first) {
      clock.pass(minute);
      await alice.user.sendPhoneCode({ phone });
      second = await sentCode(app);
    }
    const missed = await rejects(alice.user.checkPhoneCode({ phone, code: first }), "PHONE_CODE_WRONG");
    expect(missed.findDetails(ErrorInfoSchema)[0]?.metadata).toEqual({ tries_left: "4" });
    clock.pass(5 * minute);
    await rejects(alice.user.checkPhoneCode({ phone, code: second }), "PHONE_CODE_EXPIRED");
    expect((await alice.user.getProfile({})).profile?.phone).toBe("");
  });

  test(`the database has neither codes nor numbers, and keeps nothing for long (${database})`, async () => {
    const clock = movableClock();
    await using app = await startApp({ database, clock });
    const alice = await app.signIn("alice");
    await alice.user.sendPhoneCode({ phone });
    const code = await sentCode(app);
    const { db, t } = app.app.store.read;
    const rows = async () => [
      await db.select().from(t.phoneCodes),
      await db.select().from(t.phoneCodeCounts),
    ];
    const [codes = [], counts = []] = await rows();
    expect([codes.length, counts.length]).toEqual([1, 2]);
    const everything = [...codes, ...counts]
      .flatMap((row) => Object.values(row))
      .map((value) => (value instanceof Uint8Array ? Buffer.from(value).toString("latin1") : `${value}`));
    expect(everything.join()).not.toContain(phone);
    expect(everything).not.toContain(code);
    await deleteOldPhoneCodes(app.app);
    expect((await rows()).map(({ length }) => length)).toEqual([1, 2]);
    clock.pass(5 * minute);
    await deleteOldPhoneCodes(app.app);
    expect((await rows()).map(({ length }) => length)).toEqual([0, 2]);
    clock.pass(24 * 60 * minute);
    await deleteOldPhoneCodes(app.app);
    expect((await rows()).map(({ length }) => length)).toEqual([0, 0]);
  });
}

test("only mobile numbers of mainland China get a code", async () => {
  await using app = await startApp();
  const alice = await app.signIn("alice");
  for (const number of [
    "",
    "12800138000",
    "1380013800",
    "138001380000",
    "+8613800138000",
    "１３８00138000",
  ]) {
    await rejects(alice.user.sendPhoneCode({ phone: number }), "INVALID_REQUEST");
  }
  await rejects(alice.user.checkPhoneCode({ phone, code: "12345" }), "INVALID_REQUEST");
  await rejects(app.as().user.sendPhoneCode({ phone }), "TOKEN_MISSING");
  expect(await page(app)).toEqual([404, { error: "no message to that number" }]);
});

test("a message that could not be sent counts for the day, not for the minute", async () => {
  const clock = movableClock();
  await using gateway = await startGateway(500, 200, 503);
  const environment = { SMS_URL: `${gateway.url}/?to={phone}`, SMS_BODY: '{"code":"{code}"}' };
  await using app = await startApp({ clock, environment });
  const alice = await app.signIn("alice");
  await rejects(alice.user.sendPhoneCode({ phone }), "SMS_NOT_SENT");
  await alice.user.sendPhoneCode({ phone });
  await rejects(alice.user.sendPhoneCode({ phone }), "RATE_LIMITED");
  expect(gateway.asked).toHaveLength(2);
  clock.pass(minute);
  for (let sent = 3; sent <= 10; sent += 1) {
    await rejects(alice.user.sendPhoneCode({ phone }), "SMS_NOT_SENT");
  }
  await rejects(alice.user.sendPhoneCode({ phone }), "RATE_LIMITED");
  expect(gateway.asked).toHaveLength(10);
  // The code of the newest message is good, even if the gateway said that it failed.
  const { code } = JSON.parse(gateway.asked[9]?.body ?? "");
  await alice.user.checkPhoneCode({ phone, code });
  expect((await page(app))[0]).toBe(404);
});

test("whoever hangs up while a message is sent has to wait all the same", async () => {
  await using gateway = await startGateway("silence");
  await using app = await startApp({ environment: { SMS_URL: `${gateway.url}/{phone}/{code}` } });
  const alice = await app.signIn("alice");
  const hungUp = alice.user.sendPhoneCode({ phone }, { timeoutMs: 200 });
  await expect(hungUp).rejects.toMatchObject({ code: Code.DeadlineExceeded });
  expect(gateway.asked).toHaveLength(1);
  await new Promise((resolve) => setTimeout(resolve, 100));
  await rejects(alice.user.sendPhoneCode({ phone }), "RATE_LIMITED");
});

test("outside the sandbox nothing is sent without SMS_URL, and no page shows codes", async () => {
  const { appid: WECHAT_APPID, secret: WECHAT_SECRET } = sandboxApp;
  await using app = await startApp({ environment: { WECHAT_APPID, WECHAT_SECRET } });
  expect(app.app.settings.sandbox).toBe(false);
  const alice = await app.signIn("alice");
  await rejects(alice.user.sendPhoneCode({ phone }), "SMS_NOT_SENT");
  expect((await page(app))[0]).toBe(404);
  expect((await page(app))[1]).toMatchObject({ code: "unimplemented" });
});
