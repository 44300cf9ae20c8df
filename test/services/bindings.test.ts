import { expect, test } from "vitest";
import { rejects, startApp } from "../app.ts";
import { databases } from "../databases.ts";
import { learn, partner } from "./hall-world.ts";

for (const database of databases) {
  test(`lines and devices of a person's own (${database})`, async () => {
    await using app = await startApp({ database });
    const [alice, bob] = [await app.signIn("alice"), await app.signIn("bob")];
    const bind = (deviceNo: string, more = {}) => alice.user.bind({ binding: { deviceNo, ...more } });
    const { binding } = await bind("18964524000", { deviceName: "my phone", operators: "telecom", bpn: "7" });
    expect(binding).toMatchObject({
      openId: "sandbox_alice",
      deviceNo: "18964524000",
      deviceName: "my phone",
      operators: "telecom",
      qcellcore: "",
      bpn: `${binding?.id}`,
    });
    expect(Number(binding?.boundAt)).toBeGreaterThan(Date.now() - 60_000);
    await rejects(bind("18964524000"), "BINDING_EXISTS");
    const at = await Promise.allSettled(Array.from({ length: 10 }, () => bind("021-62306600")));
    expect(at.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    await bind("tv_box@home", { openId: "sandbox_alice" });
    const { bindings } = await alice.user.listBindings({});
    expect(bindings.map(({ deviceNo, deviceName }) => [deviceNo, deviceName])).toEqual([
      ["18964524000", "my phone"],
      ["021-62306600", "landline"],
      ["tv_box@home", "device"],
    ]);
    expect((await alice.user.listBindings({ openId: "sandbox_alice" })).bindings).toEqual(bindings);

    // Others have their own: the same line too.
    expect((await bob.user.listBindings({})).bindings).toEqual([]);
    await bob.user.bind({ binding: { deviceNo: "021-62306600" } });
    const id = bindings[0]?.id ?? 0n;
    await rejects(bob.user.unbind({ id }), "BINDING_NOT_FOUND");
    for (const openId of ["sandbox_alice", "nobody"]) {
      await rejects(bob.user.listBindings({ openId }), "ACCESS_DENIED");
      await rejects(bob.user.bind({ binding: { openId, deviceNo: "1" } }), "ACCESS_DENIED");
    }
    const gone = await Promise.allSettled([alice.user.unbind({ id }), alice.user.unbind({ id })]);
    expect(gone.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    await rejects(alice.user.unbind({ id }), "BINDING_NOT_FOUND");
    expect((await alice.user.listBindings({})).bindings).toHaveLength(2);
    for (const deviceNo of ["", " 1", "1 2", "号", "x".repeat(33)])
      await rejects(bind(deviceNo), "INVALID_REQUEST");
  });

  test(`a partner sees and changes those of openids that it learned (${database})`, async () => {
    await using app = await startApp({ database });
    const alice = await app.signIn("alice");
    await alice.user.bind({ binding: { deviceNo: "62306600" } });
    const good = await partner(app, "good", ["https://good.example/"]);
    await rejects(good.user.listBindings({ openId: "sandbox_alice" }), "OPENID_UNKNOWN");
    const openId = await learn(good, "https://good.example/", "alice");
    await rejects(good.user.listBindings({}), "INVALID_REQUEST");
    await rejects(good.user.bind({ binding: { deviceNo: "1" } }), "INVALID_REQUEST");
    const hand = (deviceNo: string) => good.hall.bind({ openId, deviceNo });
    await Promise.all([hand("18964524000"), hand("18964524000"), hand("18964524000")]);
    await rejects(good.user.bind({ binding: { openId, deviceNo: "18964524000" } }), "BINDING_EXISTS");
    const { bindings } = await good.user.listBindings({ openId });
    expect(bindings.map(({ deviceNo }) => deviceNo)).toEqual(["62306600", "18964524000"]);
    expect((await alice.user.listBindings({})).bindings).toEqual(bindings);
    // The line's owner ends what the partner made, and the other way round.
    await alice.user.unbind({ id: bindings[1]?.id ?? 0n });
    await good.user.unbind({ id: bindings[0]?.id ?? 0n });
    expect((await alice.user.listBindings({})).bindings).toEqual([]);
  });

  test(`nobody has more than 50, also at once (${database})`, async () => {
    await using app = await startApp({ database });
    const alice = await app.signIn("alice");
    const bind = (i: number) => alice.user.bind({ binding: { deviceNo: `${1000 + i}` } });
    const all = await Promise.allSettled(Array.from({ length: 55 }, (_, i) => bind(i)));
    expect(all.filter(({ status }) => status === "fulfilled")).toHaveLength(50);
    for (const one of all) {
      if (one.status === "rejected") await rejects(Promise.reject(one.reason), "BINDINGS_FULL");
    }
    const { bindings } = await alice.user.listBindings({});
    expect(bindings).toHaveLength(50);
    await rejects(alice.user.bind({ binding: { deviceNo: bindings[0]?.deviceNo ?? "" } }), "BINDING_EXISTS");
    await alice.user.unbind({ id: bindings[0]?.id ?? 0n });
    await bind(99);
  });
}
