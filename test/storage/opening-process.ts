/** Opens the store at argv[2] and closes it. */
import { openStore } from "../../src/storage/open.ts";
import { testIds } from "./test-ids.ts";

const store = await openStore({ url: process.argv[2] ?? "", ids: testIds() });
await store.ping();
await store.close();
