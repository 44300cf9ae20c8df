import { randomInt } from "node:crypto";
import { createIds, type Ids } from "../../src/storage/ids.ts";

export function testIds(): Ids {
  return createIds({ clock: Date, random: randomInt });
}
