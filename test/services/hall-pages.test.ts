import { expect, test } from "vitest";
import type { AppError } from "../../src/errors.ts";
import { partnerPages } from "../../src/services/hall/pages.ts";
import { startApp } from "../app.ts";
import { databases } from "../databases.ts";
import { partner } from "./hall-world.ts";

for (const database of databases) {
  test(`an operator keeps a partner's list of pages (${database})`, async () => {
    await using app = await startApp({ database });
    await partner(app, "good");
    await partner(app, "other");
    const pages = partnerPages(app.app);
    expect(await pages.list("good")).toEqual([]);
    const added = await Promise.all([1, 2, 3].map(() => pages.add("good", "https://GOOD.example:443")));
    expect(added.sort()).toEqual([false, false, true]);
    expect(await pages.add("good", "http://good.example:8080/app")).toBe(true);
    expect((await pages.list("good")).sort()).toEqual([
      "http://good.example:8080/app",
      "https://good.example/",
    ]);
    expect(await pages.list("other")).toEqual([]);
    expect(await pages.remove("other", "https://good.example/")).toBe(false);
    expect(await pages.remove("good", "https://good.example")).toBe(true);
    expect(await pages.list("good")).toEqual(["http://good.example:8080/app"]);
    for (const url of [
      "",
      "good.example",
      "https://good.example/?a",
      "https://good.example/#a",
      "https://user@good.example/",
      "https://good.example/a/../b",
      "https://good.example\\a",
      "javascript:alert(1)",
      "ftp://good.example/",
      "https://*.good.example/",
    ]) {
      const why = await pages.add("good", url).catch((error: AppError) => error.why);
      expect(why, url).toMatch(/expected an http or https URL/);
    }
    for (const appid of ["nobody", "sandbox-service"]) {
      const why = await pages.add(appid, "https://good.example/").catch((error: AppError) => error.why);
      expect(why).toBe(`there is no partner ${appid} in use`);
    }
    expect(await pages.list("good")).toHaveLength(1);
  });
}
