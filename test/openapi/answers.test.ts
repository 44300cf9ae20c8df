import { expect, test } from "vitest";
import { startApp } from "../app.ts";
import { contractDocument, schemaValidator } from "./kit.ts";

test("what the server answers is what the document says", async () => {
  await using app = await startApp();
  const document = await contractDocument();
  const schemaOf = schemaValidator(document);

  /** Makes a call; its status has to be listed and its body has to fit the status's schema. */
  async function call(name: string, request: unknown, token?: string) {
    const path = `/liveuser/${name.replace(".", "/")}`;
    const answer = await app.post(path, request, token);
    expect(document.paths[path]?.post.responses, `${name} ${answer.status}`).toHaveProperty(
      String(answer.status),
    );
    const fits = schemaOf(answer.status === 200 ? `${name.replace(".", "")}Response` : "Error");
    expect(fits(answer.body), `${name} ${JSON.stringify(answer.body)} ${JSON.stringify(fits.errors)}`).toBe(
      true,
    );
    return answer;
  }

  const login = await call("Wx.Login", { code: "dev:alice" });
  const token = String(login.body.access_token);
  const statuses = async (calls: [name: string, request: unknown, token?: string][]) => {
    const answers = [];
    for (const [name, request, bearer] of calls) answers.push((await call(name, request, bearer)).status);
    return answers;
  };
  const service = (await app.appWith("service")).token;
  const operator = (await app.appWith("operator")).token;
  const product = { product_id: "oolong", kind: "PRODUCT", name: "Oolong", price: 1200 };
  expect(
    await statuses([
      ["User.Set", { user: { name: "Alice" } }, token],
      ["User.Get", {}, token],
      ["User.GetProfile", {}, token],
      ["User.ListSessions", {}, token],
      ["Catalog.Set", { product }, operator],
      ["Catalog.List", { limit: 2 }],
      ["Catalog.Get", { product_id: "oolong" }],
      ["Order.Create", { products: [{ product_id: "oolong", count: 2 }] }, token],
      ["Order.List", {}, token],
      ["Order.ListAll", {}, operator],
      ["Order.Get", { id: "1" }, token],
      ["Order.Get", { id: 0 }, token],
      ["User.Get", {}],
      ["User.Get", {}, service],
      ["Measurement.Get", { id: "1" }, token],
      ["User.Set", { user: { name: "n".repeat(2 ** 23) } }, token],
    ]),
  ).toEqual([...Array(10).fill(200), 404, 400, 401, 403, 404, 413]);
});
