import { eq } from "drizzle-orm";
import { expect, test } from "vitest";
import { ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import {
  Contact_DocumentType as Document,
  Contact_PassengerType as Passenger,
} from "../../gen/liveuser/user_pb.ts";
import { rejects, startApp } from "../app.ts";
import { databases } from "../databases.ts";

// The example of GB 11643-1999 itself.
const number = "11010519491231002X";
const contact = { identityNumber: number, name: "王五" };

/** Identity numbers of people born on one day, all different. */
function numberOf(sequence: number): string {
  const body = `11010519900101${`${sequence}`.padStart(3, "0")}`;
  const weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
  const sum = weights.reduce((total, weight, i) => total + weight * Number(body[i]), 0);
  return body + "10X98765432"[sum % 11];
}

for (const database of databases) {
  test(`contacts are added, listed, removed (${database})`, async () => {
    await using app = await startApp({ database });
    const [alice, bob] = [await app.signIn("alice"), await app.signIn("bob")];
    expect((await alice.user.listContacts({})).contacts).toEqual([]);

    const wang = (
      await alice.user.addContact({
        contact: { ...contact, identityNumber: number.toLowerCase(), name: " 王五 " },
      })
    ).contact;
    expect(wang).toMatchObject({
      identityNumber: number,
      name: "王五",
      passengerType: Passenger.ADULT,
      documentType: Document.IDENTITY_CARD,
    });
    const { contact: li } = await alice.user.addContact({
      contact: { identityNumber: numberOf(1), name: "李四", passengerType: Passenger.STUDENT },
    });
    expect(li?.id).not.toBe(wang?.id);
    expect((await alice.user.listContacts({})).contacts).toMatchObject([
      { id: wang?.id, identityNumber: number, name: "王五", passengerType: Passenger.ADULT },
      { id: li?.id, identityNumber: numberOf(1), name: "李四", passengerType: Passenger.STUDENT },
    ]);

    // Once for a person, but for each person.
    await rejects(alice.user.addContact({ contact: { ...contact, name: "别名" } }), "CONTACT_EXISTS");
    await bob.user.addContact({ contact });
    const id = wang?.id ?? 0n;
    await rejects(bob.user.removeContact({ id }), "CONTACT_NOT_FOUND");
    expect((await alice.user.listContacts({})).contacts).toHaveLength(2);
    await alice.user.removeContact({ id });
    await rejects(alice.user.removeContact({ id }), "CONTACT_NOT_FOUND");
    expect((await alice.user.listContacts({})).contacts.map(({ name }) => name)).toEqual(["李四"]);
    expect((await bob.user.listContacts({})).contacts).toHaveLength(1);
    await alice.user.addContact({ contact });
  });

  test(`of the same contact added many times at once one stays; 50 are the most (${database})`, async () => {
    await using app = await startApp({ database });
    const alice = await app.signIn("alice");
    const same = Array.from({ length: 8 }, () => alice.user.addContact({ contact }));
    const added = await Promise.allSettled(same);
    expect(added.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    const many = Array.from({ length: 60 }, (_, i) =>
      alice.user.addContact({ contact: { identityNumber: numberOf(i), name: "甲" } }).then(
        () => undefined,
        (error) => error.findDetails(ErrorInfoSchema)[0],
      ),
    );
    const refused = (await Promise.all(many)).filter((error) => error !== undefined);
    expect(refused).toHaveLength(11);
    for (const error of refused) {
      expect(error).toMatchObject({ reason: "CONTACTS_FULL", metadata: { most: "50" } });
    }
    const { contacts } = await alice.user.listContacts({});
    expect(contacts).toHaveLength(50);
    await rejects(alice.user.addContact({ contact }), "CONTACT_EXISTS");
    await alice.user.removeContact({ id: contacts[49]?.id ?? 0n });
    await alice.user.addContact({ contact: { identityNumber: numberOf(500), name: "乙" } });
  });

  test(`the database has no contact's number in the clear, nor one digest for two people (${database})`, async () => {
    await using app = await startApp({ database });
    for (const name of ["alice", "bob"]) await (await app.signIn(name)).user.addContact({ contact });
    const { db, t } = app.app.store.read;
    const rows = await db.select().from(t.contacts).where(eq(t.contacts.name, "王五"));
    expect(rows).toHaveLength(2);
    const everything = rows.map((row) =>
      Object.values(row)
        .map((value) => (value instanceof Uint8Array ? Buffer.from(value).toString("latin1") : `${value}`))
        .join(),
    );
    expect(everything.join()).not.toContain(number.slice(0, 8));
    const [one, other] = rows.map(({ identityDigest }) => Buffer.from(identityDigest).toString("hex"));
    expect(one).not.toBe(other);
  });
}

test("wrong contacts are refused", async () => {
  await using app = await startApp();
  const alice = await app.signIn("alice");
  const add = (over: object) => alice.user.addContact({ contact: { ...contact, ...over } });
  await rejects(add({ identityNumber: "110105194912310021" }), "IDENTITY_INVALID");
  await rejects(add({ identityNumber: "11010519491331002X" }), "IDENTITY_INVALID");
  await rejects(add({ name: " \t" }), "IDENTITY_INVALID");
  await rejects(add({ name: "" }), "INVALID_REQUEST");
  await rejects(add({ identityNumber: "" }), "INVALID_REQUEST");
  await rejects(add({ passengerType: 9 }), "INVALID_REQUEST");
  await rejects(add({ documentType: 1 }), "INVALID_REQUEST");
  await rejects(alice.user.addContact({}), "INVALID_REQUEST");
  await rejects(alice.user.removeContact({}), "INVALID_REQUEST");
  await rejects(app.as().user.listContacts({}), "TOKEN_MISSING");
  expect((await alice.user.listContacts({})).contacts).toEqual([]);
});

test("a contact travels by train, its owner's alone", async () => {
  await using app = await startApp();
  const [alice, bob] = [await app.signIn("alice"), await app.signIn("bob")];
  const added = await alice.user.addContact({ contact: { ...contact, passengerType: Passenger.CHILD } });
  const journey = {
    contactId: added.contact?.id ?? 0n,
    fromSite: "北京",
    toSite: "上海",
    details: [{ seatType: "二等座", departureDate: "2027-01-01", trainNum: "G1" }],
    amount: 100,
    idempotencyKey: "once",
  };
  const { order } = await alice.rail.create(journey);
  expect(order).toMatchObject({
    identityNumber: number,
    passengerName: "王五",
    passengerType: Passenger.CHILD,
  });
  await rejects(bob.rail.create(journey), "CONTACT_NOT_FOUND");
  await alice.user.removeContact({ id: journey.contactId });
  expect((await alice.rail.get({ id: order?.id ?? 0n })).order).toMatchObject({ identityNumber: number });
});
