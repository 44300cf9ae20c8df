import { setTimeout as wait } from "node:timers/promises";
import { expect, test } from "vitest";
import { ErrorInfoSchema } from "../../../gen/google/rpc/error_details_pb.ts";
import { type Caller, movableClock, rejects, startApp } from "../../app.ts";
import { databases } from "../../databases.ts";
import { goodWave, recorded } from "./pulse.ts";

const remarks = ({ measurements }: Awaited<ReturnType<Caller["measurement"]["list"]>>) =>
  measurements.map(({ remark }) => remark);

for (const database of databases) {
  test(`a wave comes back as it was sent (${database})`, async () => {
    await using app = await startApp({ database });
    const alice = await app.signIn("alice");
    const extremes = Array.from({ length: 99 }, (_, i) => [-32768, 32767, 0][i % 3] as number);
    for (const { samples, sampleRate } of [
      { samples: [7], sampleRate: 20 },
      { samples: extremes, sampleRate: 2000 },
      { samples: [0, 0, 0], sampleRate: 1000 / 3 },
      { ...goodWave(), sampleRate: 99.99999999999999 },
    ]) {
      const measurement = await recorded(alice, { samples, sampleRate, remark: "☕ 前" });
      const { $typeName: _, samples: none, id, createdAt, ...rest } = measurement;
      const sampleCount = samples.length;
      expect(rest).toEqual({ sampleRate, sampleCount, remark: "☕ 前", hasPaid: false, price: 0 });
      expect(none).toEqual([]);
      const { measurement: whole } = await alice.measurement.get({ id });
      expect(whole).toEqual({ ...measurement, samples });
      expect(Math.abs(Number(createdAt) - Date.now())).toBeLessThan(60_000);
    }
  });

  test(`the same key and content give the same measurement, also at once; other content is refused (${database})`, async () => {
    await using app = await startApp({ database });
    const [alice, bob] = [await app.signIn("alice"), await app.signIn("bob")];
    const request = { samples: [1, 2, 3], sampleRate: 50, remark: "r", idempotencyKey: "k1" };
    const answers = await Promise.all(Array.from({ length: 100 }, () => alice.measurement.record(request)));
    expect(new Set(answers.map(({ measurement }) => measurement?.id)).size).toBe(1);
    expect((await alice.measurement.list({})).measurements).toHaveLength(1);
    for (const other of [{ samples: [1, 2, 4] }, { sampleRate: 51 }, { remark: "" }]) {
      await rejects(alice.measurement.record({ ...request, ...other }), "IDEMPOTENCY_KEY_REUSED");
    }
    await alice.measurement.remark({ id: answers[0]?.measurement?.id, remark: "changed since" });
    expect((await alice.measurement.record(request)).measurement?.remark).toBe("changed since");
    const theirs = await recorded(bob, request);
    expect(theirs.id).not.toBe(answers[0]?.measurement?.id);
    await Promise.all([recorded(bob), recorded(bob)]);
    expect((await bob.measurement.list({})).measurements).toHaveLength(3);
  });

  test(`nobody but the owner sees or touches a measurement (${database})`, async () => {
    await using app = await startApp({ database });
    const [alice, bob] = [await app.signIn("alice"), await app.signIn("bob")];
    const { id } = await recorded(alice, { remark: "mine" });
    for (const method of ["get", "analyze", "picture", "remark", "pay", "delete"] as const) {
      await rejects(bob.measurement[method]({ id }), "MEASUREMENT_NOT_FOUND");
      await rejects(bob.measurement[method]({ id: id + 1n }), "MEASUREMENT_NOT_FOUND");
    }
    await rejects(bob.wx.payStatus({ measurementId: id }), "MEASUREMENT_NOT_FOUND");
    await rejects(bob.wx.prepay({ measurementId: id }), "MEASUREMENT_NOT_FOUND");
    expect((await bob.measurement.list({})).measurements).toEqual([]);
    expect(await alice.measurement.get({ id })).toMatchObject({
      measurement: { remark: "mine", hasPaid: false },
    });
    await rejects((await app.appWith("service")).measurement.get({ id }), "ACCESS_DENIED");
  });

  test(`pages hold while new measurements come and old ones go (${database})`, async () => {
    await using app = await startApp({ database });
    const alice = await app.signIn("alice");
    await recorded(await app.signIn("bob"));
    for (let i = 1; i <= 23; i++) await recorded(alice, { remark: `${i}` });
    const first = await alice.measurement.list({});
    expect(remarks(first)).toEqual(Array.from({ length: 20 }, (_, i) => `${23 - i}`));
    expect(first.measurements[0]?.samples).toEqual([]);
    await recorded(alice, { remark: "new" });
    await alice.measurement.delete({ id: first.measurements.at(-1)?.id });
    const second = await alice.measurement.list({ cursor: first.cursor });
    expect(remarks(second)).toEqual(["3", "2", "1"]);
    expect(second.cursor).toBe(0n);
    const all = await alice.measurement.list({ limit: 100 });
    expect([remarks(all)[0], all.measurements.length, all.cursor]).toEqual(["new", 23, 0n]);
    const exact = await alice.measurement.list({ limit: 23 });
    expect([exact.measurements.length, exact.cursor]).toEqual([23, 0n]);
  });

  test(`a time range takes what was made in it (${database})`, async () => {
    const clock = movableClock();
    await using app = await startApp({ database, clock });
    const alice = await app.signIn("alice");
    const times: bigint[] = [];
    for (const remark of ["a", "b", "c", "d"]) {
      times.push((await recorded(alice, { remark })).createdAt);
      clock.pass(60_000);
    }
    const [, b = 0n, , d = 0n] = times;
    expect(remarks(await alice.measurement.list({ from: b, to: d }))).toEqual(["c", "b"]);
    expect(remarks(await alice.measurement.list({ from: d }))).toEqual(["d"]);
    expect(remarks(await alice.measurement.list({ to: b }))).toEqual(["a"]);
    const page = await alice.measurement.list({ from: b, limit: 2 });
    expect(remarks(page)).toEqual(["d", "c"]);
    expect(remarks(await alice.measurement.list({ from: b, cursor: page.cursor, limit: 2 }))).toEqual(["b"]);
  });

  test(`a remark is written, replaced and removed (${database})`, async () => {
    await using app = await startApp({ database });
    const alice = await app.signIn("alice");
    const { id } = await recorded(alice);
    for (const remark of ["after coffee", "脉".repeat(500), ""]) {
      const { measurement } = await alice.measurement.remark({ id, remark });
      expect(measurement).toMatchObject({ id, remark, samples: [] });
      expect((await alice.measurement.get({ id })).measurement?.remark).toBe(remark);
    }
    await rejects(alice.measurement.remark({ id, remark: "x".repeat(501) }), "INVALID_REQUEST");
  });

  test(`a good wave has a report and a picture, a poor one says why (${database})`, async () => {
    await using app = await startApp({ database, environment: { WORKERS: "1" } });
    const alice = await app.signIn("alice");
    const wave = goodWave();
    const { id } = await recorded(alice, wave);
    const { report } = await alice.measurement.analyze({ id });
    expect(report?.id).toBe(id);
    expect(Math.abs((report?.heartRate ?? 0) - wave.trueRate)).toBeLessThan(1);
    expect(report?.beats.length).toBeGreaterThan(30);
    expect(report?.beatIntervals.length).toBeGreaterThan(30);
    expect(report?.summary).toContain("72");
    expect(await alice.measurement.analyze({ id })).toMatchObject({ report });
    const { svg } = await alice.measurement.picture({ id });
    expect(svg).toMatch(/^<svg .*<\/svg>\s*$/s);

    const poor = await recorded(alice, { samples: Array(50).fill(0), sampleRate: 50 });
    const error = await rejects(alice.measurement.analyze({ id: poor.id }), "SIGNAL_POOR");
    const { metadata } = error.findDetails(ErrorInfoSchema)[0] ?? {};
    expect(metadata).toEqual({
      why: "too short",
      quality: expect.stringMatching(/^[01]/),
      explanation: expect.stringMatching(/\p{Script=Han}/u),
    });
    const words = (await alice.measurement.picture({ id: poor.id })).svg;
    expect(words).toMatch(/^<svg .*<\/svg>\s*$/s);
    expect(words).not.toBe(svg);
  });

  test(`a deleted measurement is gone for good (${database})`, async () => {
    await using app = await startApp({ database });
    const alice = await app.signIn("alice");
    const { id } = await recorded(alice, { idempotencyKey: "k", remark: "secret" });
    const kept = await recorded(alice, { remark: "kept" });
    await alice.measurement.delete({ id });
    for (const method of ["get", "analyze", "picture", "remark", "pay", "delete"] as const) {
      await rejects(alice.measurement[method]({ id }), "MEASUREMENT_NOT_FOUND");
    }
    expect(await alice.measurement.list({})).toMatchObject({ measurements: [kept] });
    const { db, t } = app.app.store.read;
    expect(JSON.stringify(await db.select().from(t.measurements))).not.toContain("secret");
    expect((await recorded(alice, { idempotencyKey: "k" })).id).not.toBe(id);
  });
}

test("what is no wave is refused", async () => {
  await using app = await startApp();
  const alice = await app.signIn("alice");
  const hour = Array(20 * 3600).fill(5);
  for (const request of [
    { samples: [] },
    { samples: [32768] },
    { samples: [-32769] },
    { sampleRate: 19.99 },
    { sampleRate: 2000.1 },
    { sampleRate: Number.NaN },
    { remark: "x".repeat(501) },
    { idempotencyKey: "x".repeat(65) },
    { samples: [...hour, 5], sampleRate: 20 },
  ]) {
    await rejects(recorded(alice, request), "INVALID_REQUEST");
  }
  expect((await recorded(alice, { samples: hour, sampleRate: 20 })).sampleCount).toBe(72_000);
  const list = (request: object) => alice.measurement.list(request);
  await rejects(list({ limit: 101 }), "INVALID_REQUEST");
  await rejects(list({ from: -1n }), "INVALID_REQUEST");
});

test("one may keep 5000 measurements; deleting makes room", async () => {
  await using app = await startApp();
  const alice = await app.signIn("alice");
  const one = await recorded(alice);
  await app.app.store.tx(async ({ db, t }) => {
    const [row] = await db.select().from(t.measurements);
    if (!row) throw new Error("nothing was recorded");
    const rows = Array.from({ length: 4999 }, (_, i) => ({ ...row, id: row.id - 1 - i }));
    for (let i = 0; i < rows.length; i += 500) await db.insert(t.measurements).values(rows.slice(i, i + 500));
  });
  await rejects(recorded(alice), "MEASUREMENTS_FULL");
  await recorded(await app.signIn("bob"));
  await alice.measurement.delete({ id: one.id });
  await recorded(alice);
});

test("a long analysis keeps nobody else waiting; many at once are all answered", async () => {
  await using app = await startApp({ environment: { WORKERS: "1" } });
  const alice = await app.signIn("alice");
  const { samples, sampleRate } = goodWave({ sampleRate: 500 });
  const long = await recorded(alice, {
    samples: Array.from({ length: 200_000 }, (_, i) => samples[i % samples.length] as number),
    sampleRate,
  });
  let running = true;
  const analysing = alice.measurement.analyze({ id: long.id }).finally(() => {
    running = false;
  });
  let answered = 0;
  for (; running; answered++) await alice.user.get({});
  expect((await analysing).report?.heartRate).toBeGreaterThan(60);
  // Were it done on the event loop, the first call at most would have been answered meanwhile.
  expect(answered).toBeGreaterThan(3);

  const short = await recorded(alice, goodWave());
  const all = await Promise.all(
    Array.from({ length: 32 }, () => alice.measurement.analyze({ id: short.id })),
  );
  expect(new Set(all.map(({ report }) => report?.heartRate)).size).toBe(1);
});

test("the server closes at once though an analysis runs", async () => {
  const app = await startApp({ environment: { WORKERS: "1" } });
  const alice = await app.signIn("alice");
  const { id } = await recorded(alice, goodWave());
  await alice.measurement.analyze({ id });
  const left = new AbortController();
  const analysing = alice.measurement.analyze({ id }, { signal: left.signal }).catch(() => "left");
  await wait(2);
  left.abort();
  await Promise.all([analysing, app[Symbol.asyncDispose]()]);
});
