/**
 * Writes to the store at argv[2] for argv[3] ms with 16 waiting callers, and prints each id once its
 * transaction is acknowledged.
 */
import { writeSync } from "node:fs";
import { openStore } from "../../src/storage/open.ts";
import { testIds } from "./test-ids.ts";

const [, , url = "", ms = ""] = process.argv;
const ids = testIds();
const store = await openStore({ url, ids });
const until = Date.now() + Number(ms);

async function write(): Promise<void> {
  while (Date.now() < until) {
    const id = ids.next();
    await store.tx(async ({ db, t }) => {
      await db.insert(t.auditEvents).values({ id, at: Date.now(), kind: "test" });
      await db.insert(t.users).values({ id, createdAt: Date.now() });
    });
    writeSync(1, `${id}\n`);
  }
}

await Promise.all(Array.from({ length: 16 }, write));
await store.close();
