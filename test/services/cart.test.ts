import { expect, test } from "vitest";
import { CartAction } from "../../gen/liveuser/cart_pb.ts";
import { Product_Kind } from "../../gen/liveuser/catalog_pb.ts";
import {
  TicketProgress_Phase as Phase,
  TicketRecord_Status as Status,
} from "../../gen/liveuser/ticket_pb.ts";
import { type Caller, rejects, startApp } from "../app.ts";
import { databases } from "../databases.ts";
import { scan, ticketOf } from "./cinema.ts";

const { MOVEUP, MOVEDOWN, REMOVE } = CartAction;

async function movies(caller: Caller, openId = ""): Promise<string[]> {
  return (await caller.cart.get({ openId })).movieIds;
}

async function addMovies(operator: Caller, count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, (_, i) => `movie-${i}`);
  await Promise.all(
    ids.map((productId) =>
      operator.catalog.set({ product: { productId, kind: Product_Kind.MOVIE, name: productId, price: 1 } }),
    ),
  );
  return ids;
}

for (const database of databases) {
  test(`a cart keeps its order, has no doubles, and its ends are no errors (${database})`, async () => {
    await using app = await startApp({ database });
    const alice = await app.signIn("alice");
    expect(await alice.cart.get({})).toMatchObject({ openId: "sandbox_alice", movieIds: [] });
    for (const movieId of ["orbit", "rally", "glacier", "rally"]) await alice.cart.add({ movieId });
    expect(await movies(alice)).toEqual(["orbit", "rally", "glacier"]);
    const moves: [string, CartAction, string[]][] = [
      ["glacier", MOVEUP, ["orbit", "glacier", "rally"]],
      ["orbit", MOVEUP, ["orbit", "glacier", "rally"]],
      ["rally", MOVEDOWN, ["orbit", "glacier", "rally"]],
      ["orbit", MOVEDOWN, ["glacier", "orbit", "rally"]],
      ["orbit", REMOVE, ["glacier", "rally"]],
    ];
    for (const [movieId, action, after] of moves) {
      await alice.cart.modify({ movieId, action });
      expect(await movies(alice)).toEqual(after);
    }
    await rejects(alice.cart.modify({ movieId: "orbit", action: REMOVE }), "MOVIE_NOT_IN_CART");
    for (const movieId of ["nothing", "tea"]) await rejects(alice.cart.add({ movieId }), "MOVIE_NOT_FOUND");
    expect(await movies(await app.signIn("bob"))).toEqual([]);
  });

  test(`two phones of one person at once lose nothing (${database})`, async () => {
    await using app = await startApp({ database });
    const ids = await addMovies(await app.appWith("operator"), 40);
    const phones = [await app.signIn("alice"), await app.signIn("alice")];
    // Each movie from both phones, and the first ones moved about meanwhile.
    await phones[0]?.cart.add({ movieId: "orbit" });
    await phones[0]?.cart.add({ movieId: "rally" });
    await Promise.all([
      ...ids.flatMap((movieId) => phones.map((phone) => phone.cart.add({ movieId }))),
      ...Array.from({ length: 10 }, () => phones[1]?.cart.modify({ movieId: "orbit", action: MOVEDOWN })),
      ...Array.from({ length: 10 }, () => phones[0]?.cart.modify({ movieId: "rally", action: MOVEUP })),
    ]);
    const now = await movies(phones[0] as Caller);
    expect([...now].sort()).toEqual([...ids, "orbit", "rally"].sort());
  });

  test(`one ticket comes of a cart, however often it is submitted at once (${database})`, async () => {
    await using app = await startApp({ database });
    const alice = await app.signIn("alice");
    await scan(app, "alice", 7);
    for (const movieId of ["rally", "orbit"]) await alice.cart.add({ movieId });
    const answers = await Promise.allSettled(Array.from({ length: 20 }, () => alice.cart.submit({})));
    const made = answers.flatMap((answer) => (answer.status === "fulfilled" ? [answer.value.ticket] : []));
    expect(made).toHaveLength(1);
    for (const answer of answers) {
      if (answer.status === "rejected") await rejects(Promise.reject(answer.reason), "CART_EMPTY");
    }
    expect(made[0]).toMatchObject({
      status: Status.PENDING_PAYMENT,
      progressPhase: Phase.PENDING_PAYMENT,
      price: 7500,
      actualPrice: 7500,
      payMode: "",
      payTime: 0n,
      viewerOpenId: "sandbox_alice",
      vrClientId: "vr-007",
      seatNumber: "007",
      cinemaName: "Sandbox VR Cinema",
      hallName: "Hall 1",
      movieIds: ["rally", "orbit"],
      expireTime: 3000,
    });
    expect(Math.abs(Number(made[0]?.startTime) - Date.now())).toBeLessThan(60_000);
    expect(await movies(alice)).toEqual([]);
    expect(await alice.ticket.list({})).toMatchObject({ tickets: [made[0]], totalCount: 1 });
  });
}

test("a cart takes 50 movies; what a cancelled ticket gives back comes on top", async () => {
  await using app = await startApp();
  const ids = await addMovies(await app.appWith("operator"), 51);
  const alice = await app.signIn("alice");
  await scan(app, "alice", 1);
  const ticket = await ticketOf(alice, "orbit");
  for (const movieId of ids.slice(0, 50)) await alice.cart.add({ movieId });
  const error = await rejects(alice.cart.add({ movieId: "movie-50" }), "INVALID_REQUEST");
  expect(JSON.stringify(error.details)).toContain("movie_id");
  await alice.cart.add({ movieId: "movie-3" });
  await alice.ticket.cancel({ ticketId: ticket.ticketId });
  expect(await movies(alice)).toEqual(["orbit", ...ids.slice(0, 50)]);
  expect((await alice.cart.submit({})).ticket?.movieIds).toHaveLength(51);
});

test("a ticket needs movies, a scene and a seat, and leaves the cart as it was without them", async () => {
  await using app = await startApp();
  const alice = await app.signIn("alice");
  const operator = await app.appWith("operator");
  await rejects(alice.cart.submit({}), "CART_EMPTY");
  await alice.cart.add({ movieId: "orbit" });
  await rejects(alice.cart.submit({}), "SCENE_NOT_FOUND");
  await scan(app, "alice", 4711);
  await rejects(alice.cart.submit({}), "SEAT_NOT_FOUND");
  await scan(app, "alice", 12);
  const product = { productId: "orbit", kind: Product_Kind.MOVIE, name: "One Orbit", price: 3500 };
  await operator.catalog.set({ product: { ...product, offSale: true } });
  await rejects(alice.cart.submit({}), "MOVIE_NOT_FOUND");
  await operator.catalog.set({ product: { ...product, price: 2_147_483_647 } });
  await alice.cart.add({ movieId: "rally" });
  await rejects(alice.cart.submit({}), "AMOUNT_OVERFLOW");
  expect(await movies(alice)).toEqual(["orbit", "rally"]);
  await operator.catalog.set({ product: { ...product, price: 100 } });
  expect((await alice.cart.submit({})).ticket).toMatchObject({
    actualPrice: 4100,
    hallName: "Hall 2",
    seatNumber: "002",
    vrClientId: "vr-012",
  });
});

test("a mini-program that read the seat's code itself names its scene, whatever was scanned in WeChat", async () => {
  await using app = await startApp();
  const alice = await app.signIn("alice");
  await alice.cart.add({ movieId: "orbit" });
  await rejects(alice.cart.submit({ sceneId: 4711 }), "SEAT_NOT_FOUND");
  expect((await alice.cart.submit({ sceneId: 3 })).ticket?.seatNumber).toBe("003");
  await scan(app, "alice", 12);
  await alice.cart.add({ movieId: "orbit" });
  expect((await alice.cart.submit({ sceneId: 4 })).ticket).toMatchObject({
    hallName: "Hall 1",
    seatNumber: "004",
  });
  await alice.cart.add({ movieId: "orbit" });
  expect((await alice.cart.submit({})).ticket?.vrClientId).toBe("vr-012");
});

test("a ticket that costs nothing is paid at once", async () => {
  await using app = await startApp();
  const operator = await app.appWith("operator");
  await operator.catalog.set({
    product: { productId: "trailer", kind: Product_Kind.MOVIE, name: "A Trailer", price: 0 },
  });
  const alice = await app.signIn("alice");
  await scan(app, "alice", 1);
  const ticket = await ticketOf(alice, "trailer");
  expect(ticket).toMatchObject({
    status: Status.ALREADY_PAID,
    progressPhase: Phase.TO_DISTRIBUTE,
    actualPrice: 0,
    payMode: "",
    payTime: ticket.startTime,
  });
  await rejects(alice.wx.prepay({ ticketId: ticket.ticketId }), "ALREADY_PAID");
  await rejects(alice.ticket.cancel({ ticketId: ticket.ticketId }), "TICKET_STATE");
});

test("a machine identity works on anybody's cart, a person on their own alone", async () => {
  await using app = await startApp();
  const service = await app.appWith("service");
  const alice = await app.signIn("alice");
  const missing = await rejects(service.cart.add({ movieId: "orbit" }), "INVALID_REQUEST");
  expect(JSON.stringify(missing.details)).toContain("open_id");
  await rejects(service.cart.get({}), "INVALID_REQUEST");
  await rejects(alice.cart.get({ openId: "sandbox_bob" }), "ACCESS_DENIED");
  await rejects(alice.cart.add({ movieId: "orbit", openId: "sandbox_bob" }), "ACCESS_DENIED");
  await rejects((await app.appWith("operator")).cart.get({ openId: "sandbox_alice" }), "ACCESS_DENIED");

  await service.cart.add({ movieId: "orbit", openId: "sandbox_alice" });
  await alice.cart.add({ movieId: "rally", openId: "sandbox_alice" });
  expect(await movies(alice)).toEqual(["orbit", "rally"]);

  // Nobody has seen this one: reading makes no person of them, adding does, at once too.
  const openId = "oNobodySawThisOne";
  expect(await service.cart.get({ openId })).toMatchObject({ openId, movieIds: [] });
  const { identities } = app.app.store.read.t;
  const known = () => app.app.store.read.db.select({ openid: identities.openid }).from(identities);
  expect(await known()).toEqual([{ openid: "sandbox_alice" }]);
  await Promise.all(["orbit", "rally", "beehive"].map((movieId) => service.cart.add({ movieId, openId })));
  expect((await movies(service, openId)).sort()).toEqual(["beehive", "orbit", "rally"]);
  expect(await known()).toHaveLength(2);

  // Who signs in later finds what was done in their name.
  await service.cart.add({ movieId: "glacier", openId: "sandbox_carol" });
  const carol = await app.signIn("carol");
  expect(await movies(carol)).toEqual(["glacier"]);
  await scan(app, "carol", 3);
  const { ticket } = await service.cart.submit({ openId: "sandbox_carol" });
  expect(ticket).toMatchObject({ viewerOpenId: "sandbox_carol", vrClientId: "vr-003" });
  expect((await carol.ticket.list({})).tickets).toMatchObject([{ ticketId: ticket?.ticketId }]);
});

test("a blocked person's cart stays as it is", async () => {
  await using app = await startApp();
  const service = await app.appWith("service");
  const alice = await app.signIn("alice");
  await app.app.store.tx(({ db, t }) => db.update(t.users).set({ bannedAt: 1 }));
  await rejects(service.cart.add({ movieId: "orbit", openId: "sandbox_alice" }), "USER_BANNED");
  expect(await movies(service, "sandbox_alice")).toEqual([]);
  expect(alice.uid).not.toBe("");
});
