import { and, asc, count, eq, sql } from "drizzle-orm";
import { prepared, preparedWrite, type Reader, type Tx } from "../../storage/store.ts";

/** What WeChat said of somebody who signs in. */
export interface WechatPerson {
  appid: string;
  openid: string;
  unionid: string | undefined;
}

export interface PersonRow {
  id: number;
  role: "customer" | "business";
  bannedAt: number | null;
}

export interface RecordRow {
  id: number;
  name: string;
  agent: string;
  avatar: string;
  updateAt: number;
}

/** The parts of a profile that the person writes; the identity number is sealed. */
export interface ProfileChange {
  wechatNo?: string;
  birthday?: string;
  identitySealed?: Uint8Array<ArrayBuffer> | null;
  identityLast4?: string;
  realName?: string;
  railAccount?: string;
}

/** Somebody whom a person buys tickets for; the identity number is sealed. */
export interface ContactRow {
  id: number;
  identitySealed: Uint8Array<ArrayBuffer>;
  name: string;
  /** The numbers of Contact.PassengerType and Contact.DocumentType. */
  passengerType: number;
  documentType: number;
}

const recordById = prepared((db, t) =>
  db
    .select({
      id: t.users.id,
      name: t.users.name,
      agent: t.users.agent,
      avatar: t.users.avatar,
      updateAt: t.users.updateAt,
    })
    .from(t.users)
    .where(eq(t.users.id, sql.placeholder("id"))),
);

const updateRecord = preparedWrite((db, t) =>
  db
    .update(t.users)
    .set({
      name: sql`${sql.placeholder("name")}`,
      agent: sql`${sql.placeholder("agent")}`,
      avatar: sql`${sql.placeholder("avatar")}`,
      updateAt: sql`${sql.placeholder("updateAt")}`,
    })
    .where(eq(t.users.id, sql.placeholder("id"))),
);

const byIdentity = prepared((db, t) =>
  db
    .select({ ...personColumns(t), unionid: t.users.unionid })
    .from(t.identities)
    .innerJoin(t.users, eq(t.users.id, t.identities.userId))
    .where(
      and(
        eq(t.identities.appid, sql.placeholder("appid")),
        eq(t.identities.openid, sql.placeholder("openid")),
      ),
    ),
);

function personColumns(t: Reader["t"]) {
  return { id: t.users.id, role: t.users.role, bannedAt: t.users.bannedAt };
}

/** The person whom this app knows by this openid. */
export async function findByIdentity(
  reader: Reader,
  { appid, openid }: WechatPerson,
): Promise<(PersonRow & { unionid: string | null }) | undefined> {
  const [row] = await byIdentity(reader, { appid, openid });
  return row;
}

export async function findByUnionid({ db, t }: Reader, unionid: string): Promise<PersonRow | undefined> {
  const [row] = await db.select(personColumns(t)).from(t.users).where(eq(t.users.unionid, unionid));
  return row;
}

/** Creates a person; nothing when another call created one with this unionid meanwhile. */
export async function create(
  { db, t }: Tx,
  person: {
    id: number;
    openid: string;
    unionid: string | undefined;
    role: PersonRow["role"];
    createdAt: number;
  },
): Promise<PersonRow | undefined> {
  const [row] = await db
    .insert(t.users)
    .values({ ...person, unionid: person.unionid ?? null })
    .onConflictDoNothing({ target: t.users.unionid })
    .returning(personColumns(t));
  return row;
}

/** Notes that the app knows the person by this openid; false when it knows somebody by it already. */
export async function addIdentity(
  { db, t }: Tx,
  identity: { id: number; userId: number; appid: string; openid: string },
): Promise<boolean> {
  const added = await db
    .insert(t.identities)
    .values(identity)
    .onConflictDoNothing({ target: [t.identities.appid, t.identities.openid] })
    .returning({ id: t.identities.id });
  return added.length > 0;
}

/** Notes the unionid of a person who had none. */
export async function setUnionid({ db, t }: Tx, id: number, unionid: string): Promise<void> {
  await db.update(t.users).set({ unionid }).where(eq(t.users.id, id));
}

export async function findRecord(reader: Reader, id: number): Promise<RecordRow | undefined> {
  const [row] = await recordById(reader, { id });
  return row;
}

/** Replaces a person's record. */
export async function setRecord(tx: Tx, record: RecordRow): Promise<void> {
  await updateRecord(tx, { ...record });
}

/** A person's profile beside their record; nothing for one who never wrote any. */
export async function findProfile({ db, t }: Reader, userId: number) {
  const p = t.profiles;
  const [row] = await db
    .select({
      phone: p.phone,
      wechatNo: p.wechatNo,
      status: p.status,
      birthday: p.birthday,
      identitySealed: p.identitySealed,
      realName: p.realName,
      benefitRate: p.benefitRate,
      railAccount: p.railAccount,
    })
    .from(p)
    .where(eq(p.userId, userId));
  return row;
}

/** Changes the fields of a profile that `change` has; the status follows from what is there then. */
export async function changeProfile({ db, t }: Tx, userId: number, change: ProfileChange): Promise<void> {
  const p = t.profiles;
  await db.insert(p).values({ userId }).onConflictDoNothing({ target: p.userId });
  if (Object.keys(change).length > 0) await db.update(p).set(change).where(eq(p.userId, userId));
  await db
    .update(p)
    .set({
      status: sql`case when ${p.realName} <> '' and ${p.identitySealed} is not null then 'AUTHENED' else 'WAIT_AUTHEN' end`,
    })
    .where(eq(p.userId, userId));
}

function contactColumns({ contacts: c }: Reader["t"]) {
  return {
    id: c.id,
    identitySealed: c.identitySealed,
    name: c.name,
    passengerType: c.passengerType,
    documentType: c.documentType,
  };
}

/** A person's contacts, in the order in which they came. */
export async function listContacts({ db, t }: Reader, userId: number): Promise<ContactRow[]> {
  const c = t.contacts;
  return db.select(contactColumns(t)).from(c).where(eq(c.userId, userId)).orderBy(asc(c.id));
}

/** One of a person's contacts. */
export async function findContact(
  { db, t }: Reader,
  userId: number,
  id: number,
): Promise<ContactRow | undefined> {
  const c = t.contacts;
  const [row] = await db
    .select(contactColumns(t))
    .from(c)
    .where(and(eq(c.id, id), eq(c.userId, userId)));
  return row;
}

/** Until the transaction ends, nobody else who asks for this person gets an answer. */
export async function lockPerson({ db, t }: Tx, userId: number): Promise<void> {
  const p = t.profiles;
  // Written so that the row is locked.
  await db.insert(p).values({ userId }).onConflictDoUpdate({ target: p.userId, set: { userId } });
}

/** How many contacts a person has: until the transaction ends, nobody else who asks gets an answer. */
export async function takeContacts(tx: Tx, userId: number): Promise<number> {
  const { db, t } = tx;
  await lockPerson(tx, userId);
  const [row] = await db.select({ total: count() }).from(t.contacts).where(eq(t.contacts.userId, userId));
  return row?.total ?? 0;
}

/** Adds a contact; false when the person has one with that identity number. */
export async function addContact(
  { db, t }: Tx,
  contact: ContactRow & { userId: number; identityDigest: Uint8Array<ArrayBuffer>; createdAt: number },
): Promise<boolean> {
  const { id, userId, identitySealed, identityDigest, name, passengerType, documentType, createdAt } =
    contact;
  const c = t.contacts;
  const added = await db
    .insert(c)
    .values({ id, userId, identitySealed, identityDigest, name, passengerType, documentType, createdAt })
    .onConflictDoNothing({ target: [c.userId, c.identityDigest] })
    .returning({ id: c.id });
  return added.length > 0;
}

/** Removes one of a person's contacts; false when they have none of that id. */
export async function removeContact({ db, t }: Tx, userId: number, id: number): Promise<boolean> {
  const c = t.contacts;
  const removed = await db
    .delete(c)
    .where(and(eq(c.id, id), eq(c.userId, userId)))
    .returning({ id: c.id });
  return removed.length > 0;
}
