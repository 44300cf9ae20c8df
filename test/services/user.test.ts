import { eq } from "drizzle-orm";
import { expect, test } from "vitest";
import { UserProfile_Status as Status } from "../../gen/liveuser/user_pb.ts";
import { identityNumber } from "../../src/services/identity-number.ts";
import { rejects, startApp } from "../app.ts";
import { databases } from "../databases.ts";

// The example of GB 11643-1999 itself.
const number = "11010519491231002X";

for (const database of databases) {
  test(`a record is what its owner set last; uid and time are the server's (${database})`, async () => {
    await using app = await startApp({ database });
    const alice = await app.signIn("alice");
    const empty = (await alice.user.get({})).user;
    expect(empty).toMatchObject({ uid: alice.uid, name: "", agent: "", avatar: "", updateAt: 0n });
    const before = Date.now();
    await alice.user.set({
      user: { uid: "1", name: "爱丽丝", agent: "iPhone", avatar: "https://a.test/1", updateAt: 5n },
    });
    const { user } = await alice.user.get({});
    expect(user).toMatchObject({
      uid: alice.uid,
      name: "爱丽丝",
      agent: "iPhone",
      avatar: "https://a.test/1",
    });
    expect(Number(user?.updateAt)).toBeGreaterThanOrEqual(before);
    const bob = await app.signIn("bob");
    expect((await bob.user.get({})).user).toMatchObject({ uid: bob.uid, name: "" });
  });

  test(`a profile changes by the fields that a request has (${database})`, async () => {
    await using app = await startApp({ database });
    const alice = await app.signIn("alice");
    expect((await alice.user.getProfile({})).profile).toMatchObject({
      phone: "",
      balance: 0n,
      status: Status.WAIT_AUTHEN,
    });
    await alice.user.setProfile({ profile: { name: "Alice", birthday: "1990-05-17", wechatNo: "alice_wx" } });
    const { profile } = await alice.user.setProfile({
      profile: { realName: "艾丽丝", identityNumber: number.toLowerCase() },
    });
    const expected = {
      name: "Alice",
      birthday: "1990-05-17",
      wechatNo: "alice_wx",
      realName: "艾丽丝",
      identityNumber: number,
      status: Status.AUTHENED,
    };
    expect(profile).toMatchObject(expected);
    expect((await alice.user.getProfile({})).profile).toMatchObject(expected);
    expect((await alice.user.get({})).user?.name).toBe("Alice");
    const cleared = await alice.user.setProfile({ profile: { identityNumber: "", wechatNo: "" } });
    expect(cleared.profile).toMatchObject({
      identityNumber: "",
      wechatNo: "",
      status: Status.WAIT_AUTHEN,
      name: "Alice",
    });
  });

  test(`text that an engine can't hold is refused or kept, and never breaks anything (${database})`, async () => {
    await using app = await startApp({ database });
    const alice = await app.signIn("alice");
    for (const name of ["a\u0000b", "\u{1F600}", "'; drop table users; --", "\u202e", "x\ud800y"]) {
      const { status, body } = await app.post("/liveuser/User/Set", { user: { name } }, alice.token);
      expect([200, 400], JSON.stringify(body)).toContain(status);
      const kept = (await alice.user.get({})).user?.name;
      if (status === 200) expect(kept).toBe(name.toWellFormed());
    }
  });

  test(`the database holds no identity number in the clear (${database})`, async () => {
    await using app = await startApp({ database });
    const alice = await app.signIn("alice");
    await alice.user.setProfile({ profile: { identityNumber: number } });
    const { db, t } = app.app.store.read;
    const [row] = await db
      .select()
      .from(t.profiles)
      .where(eq(t.profiles.userId, Number(alice.uid)));
    expect(row?.identitySealed?.length).toBeGreaterThan(18);
    expect(Buffer.from(row?.identitySealed ?? []).toString("latin1")).not.toContain(number);
    expect(row?.identityLast4).toBe("002X");
  });
}

test("what the server owns in a profile can't be written", async () => {
  await using app = await startApp();
  const alice = await app.signIn("alice");
  const { profile } = await alice.user.setProfile({
    profile: {
      phone: "13800000000",
      balance: 5n,
      frozenBalance: 5n,
      status: Status.AUTHENED,
      benefitRate: 9,
    },
  });
  expect(profile).toMatchObject({
    phone: "",
    balance: 0n,
    frozenBalance: 0n,
    status: Status.WAIT_AUTHEN,
    benefitRate: 0,
  });
});

test("wrong numbers and dates are refused and change nothing", async () => {
  await using app = await startApp();
  const alice = await app.signIn("alice");
  const set = (profile: Record<string, string>) =>
    alice.user.setProfile({ profile: { name: "X", ...profile } });
  await rejects(set({ identityNumber: "110105194912310021" }), "IDENTITY_INVALID");
  await rejects(set({ identityNumber: "11010519491331002X" }), "IDENTITY_INVALID");
  await rejects(set({ identityNumber: "123" }), "INVALID_REQUEST");
  await rejects(set({ birthday: "1990-02-30" }), "INVALID_REQUEST");
  await rejects(set({ birthday: "17.5.1990" }), "INVALID_REQUEST");
  await rejects(alice.user.setProfile({}), "INVALID_REQUEST");
  await rejects(alice.user.set({ user: { name: "x".repeat(65) } }), "INVALID_REQUEST");
  expect((await alice.user.get({})).user?.name).toBe("");
});

test("of all check digits one fits", () => {
  const fitting = [..."0123456789X"].filter((digit) => identityNumber(`11010519491231002${digit}`));
  expect(fitting).toEqual(["X"]);
});
