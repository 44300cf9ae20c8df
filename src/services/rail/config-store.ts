import { eq, sql } from "drizzle-orm";
import { prepared, type Reader, type Tx } from "../../storage/store.ts";

const byKey = prepared((db, t) =>
  db
    .select({ value: t.appConfig.value })
    .from(t.appConfig)
    .where(eq(t.appConfig.key, sql.placeholder("key"))),
);

/** The value (JSON) of a key; nothing when it has none. */
export async function findConfig(reader: Reader, key: string): Promise<string | undefined> {
  const [row] = await byKey(reader, { key });
  return row?.value;
}

export async function putConfig(
  { db, t }: Tx,
  config: { key: string; value: string; updatedAt: number },
): Promise<void> {
  const { key, value, updatedAt } = config;
  await db
    .insert(t.appConfig)
    .values({ key, value, updatedAt })
    .onConflictDoUpdate({ target: t.appConfig.key, set: { value, updatedAt } });
}
