/** Prints 5000 ids. */
import { testIds } from "./test-ids.ts";

const ids = testIds();
process.stdout.write(Array.from({ length: 5000 }, () => ids.next()).join("\n"));
