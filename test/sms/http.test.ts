import { expect, test } from "vitest";
import { AppError } from "../../src/errors.ts";
import { httpSms } from "../../src/sms/http.ts";
import { noSms } from "../../src/sms/sms.ts";
import { startGateway } from "./gateway.ts";

const message = { phone: "13800138000", code: "073519", signal: new AbortController().signal };

async function failure(sending: Promise<void>): Promise<AppError> {
  const error = await sending.then(
    () => undefined,
    (thrown) => thrown,
  );
  expect(error).toBeInstanceOf(AppError);
  expect(error.reason).toBe("SMS_NOT_SENT");
  return error;
}

test("a URL alone is a GET", async () => {
  await using gateway = await startGateway(204);
  const sms = httpSms({
    url: `${gateway.url}/send/{phone}?text=code%20{code}&again={code}&key=K`,
    headers: { "X-Key": "k" },
  });
  await sms.send(message);
  expect(gateway.asked).toMatchObject([
    {
      method: "GET",
      url: "/send/13800138000?text=code%20073519&again=073519&key=K",
      headers: { "x-key": "k" },
      body: "",
    },
  ]);
});

test("a body is a POST of JSON", async () => {
  await using gateway = await startGateway(200);
  const body = {
    to: ["+86{phone}"],
    text: '"{code}"\n',
    template: 5,
    vars: { "{code}": "{code}", none: null },
  };
  await httpSms({ url: gateway.url, body }).send(message);
  await httpSms({ url: gateway.url, body, headers: { "Content-Type": "application/vnd.x+json" } }).send(
    message,
  );
  expect(gateway.asked).toMatchObject([
    { method: "POST", url: "/", headers: { "content-type": "application/json" } },
    { method: "POST", headers: { "content-type": "application/vnd.x+json" } },
  ]);
  expect(JSON.parse(gateway.asked[0]?.body ?? "")).toEqual({
    to: ["+8613800138000"],
    text: '"073519"\n',
    template: 5,
    vars: { "{code}": "073519", none: null },
  });
});

test("values are escaped by their place", async () => {
  await using gateway = await startGateway(200);
  const odd = { ...message, phone: "1&x=/{code}", code: '"\\' };
  await httpSms({ url: `${gateway.url}/?to={phone}`, body: { text: "{code} {phone}" } }).send(odd);
  expect(gateway.asked[0]?.url).toBe("/?to=1%26x%3D%2F%7Bcode%7D");
  expect(JSON.parse(gateway.asked[0]?.body ?? "")).toEqual({ text: '"\\ 1&x=/{code}' });
});

test("anything but 2xx failed; nothing is asked twice or elsewhere", async () => {
  for (const status of [302, 307, 400, 500, 503]) {
    await using gateway = await startGateway(status);
    const error = await failure(httpSms({ url: `${gateway.url}/?key=SECRET` }).send(message));
    expect(error.why).toBe(`the text message could not be sent: HTTP ${status}`);
    expect(gateway.asked).toHaveLength(1);
  }
});

test("a broken connection and a gateway that is away failed; the URL stays out of the log", async () => {
  let url = "";
  {
    await using gateway = await startGateway("break");
    url = `${gateway.url}/?key=SECRET&to={phone}`;
    const error = await failure(httpSms({ url }).send(message));
    expect(error.why).toMatch(/^the text message could not be sent: the connection failed: [A-Z_]+$/);
    expect(gateway.asked).toHaveLength(1);
  }
  const error = await failure(httpSms({ url }).send(message));
  expect(error.why).toBe("the text message could not be sent: the connection failed: ECONNREFUSED");
  expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toMatch(/SECRET|13800138000/);
});

test("a gateway that takes too long failed, and one whose caller left", async () => {
  await using gateway = await startGateway("silence");
  const late = httpSms({ url: gateway.url, patience: () => AbortSignal.timeout(20) });
  expect((await failure(late.send(message))).why).toMatch(/no answer in time$/);
  const caller = new AbortController();
  const left = failure(httpSms({ url: gateway.url }).send({ ...message, signal: caller.signal }));
  caller.abort();
  await left;
});

test("without a gateway nothing is sent", async () => {
  expect((await failure(noSms.send(message))).why).toMatch("SMS_URL is not set");
});
