import { readFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { documentsOf, documentsOfFile, folderOf, rowsOf } from "./kit.ts";

const fixtures = path.join(import.meta.dirname, "fixtures");

// Each fixture's .expected was written by hand after the format's rules.
for (const [name, what] of [
  ["chinese", "Chinese comments and punctuation"],
  ["empty", "a file with nothing in it"],
  ["services", "services, methods, streaming, their comments, no package"],
  ["comments", "comments"],
  ["order", "what is listed, its order, its names"],
  ["fields", "types of fields, what is left out, enum values"],
  ["proto2", "groups and extensions of proto2"],
  ["editions", "editions"],
] as const) {
  test(`${what} (${name}.proto)`, async () => {
    const expected = await readFile(path.join(fixtures, `${name}.expected`), "utf8");
    const { source, descriptors } = await documentsOfFile(path.join(fixtures, `${name}.proto`));
    expect(source).toBe(expected);
    expect(descriptors).toBe(expected);
  });
}

test("a byte order mark and CRLF change nothing", async () => {
  const proto = await readFile(path.join(fixtures, "comments.proto"), "utf8");
  const { source, descriptors } = await documentsOf(`\ufeff${proto.replaceAll("\n", "\r\n")}`);
  const expected = await readFile(path.join(fixtures, "comments.expected"), "utf8");
  expect(source).toBe(expected);
  expect(descriptors).toBe(expected);
});

test("options that liveuser adds, with files that import each other", async () => {
  const contract = path.join(import.meta.dirname, "contract");
  const all = await readFile(path.join(contract, "cart.expected"), "utf8");
  // One file's document lists nothing of the files it imports.
  const one = all
    .replace(/ {4}\* \[Enum Color\].*\n/, "")
    .replace(/ {4}\* \[Object Goods\].*\n/, "")
    .replace(/## Enums\n.*$/s, "## Enums\n\n## Objects\n")
    .replaceAll("[object Goods](#object-goods)", "(Goods)");
  const { source, descriptors } = await documentsOfFile(path.join(contract, "shop/cart.proto"));
  expect(source).toBe(one);
  expect(descriptors).toBe(one);
});

test("comments that a compiler attaches elsewhere or loses go where the source has them", async () => {
  const { source } = await documentsOf(`syntax = "proto3";
package p;
// under the package

// of A
message A {
  // under the brace

  int32 a = 1; // behind a
  // under a

  int32 b = 2; /* behind b */
  int32 c = 3; // behind c
  // under c

  // of d
  int32 d = 4;
  // at the end
}
// under the body

message B {}
`);
  expect(rowsOf(source)).toEqual([
    ["a", "int32", "under the brace behind a"],
    ["b", "int32", "under a behind b"],
    ["c", "int32", "behind c"],
    ["d", "int32", "under c of d"],
  ]);
  expect(source).toContain("### object A\n\nunder the package of A\n");
  expect(source).toContain("### object B\n\nunder the body\n");
});

test("a block comment of several lines becomes one line", async () => {
  const proto = `syntax = "proto3";
message A {
  /**
   * One
   *
   * two.
   */
  int32 a = 1;
  /* One
     two. */
  int32 b = 2;
  int32 c = 3; /* One
    two. */
  /*
   * One
   */
  int32 d = 4;
}
`;
  const { source, descriptors } = await documentsOf(proto);
  const expected = ["One  two.", "One two.", "One two.", "One"];
  expect(rowsOf(source).map(([, , text]) => text)).toEqual(expected);
  // A descriptor does not tell the last one from two lines of //, the first of them blank.
  expect(rowsOf(descriptors).map(([, , text]) => text?.trim())).toEqual(expected);
});

test("what looks like a comment or a brace in a string is none", async () => {
  const { source, descriptors } = await documentsOf(`syntax = "proto2";
message A {
  optional string a = 1 [default = "// } \\" /*"]; // of a
  optional string b = 2 [default = '" {']; /* of b */
  // of C */
  optional string c = 3;
}
`);
  expect(rowsOf(source).map(([, , text]) => text)).toEqual(["of a", "of b", "of C */"]);
  expect(descriptors).toBe(source);
});

test("types in round brackets: as written, or the shortest name that reaches them", async () => {
  await using folder = await folderOf({
    "acme/common/money.proto": 'syntax = "proto3"; package acme.common; message Money { message Part {} }',
    "acme/shop/unit.proto": 'syntax = "proto3"; package acme.shop; message Unit { message Part {} }',
    "acme/shop/x.proto": `syntax = "proto3"; package acme.shop;
import "acme/common/money.proto";
import "acme/shop/unit.proto";
message A {
  message Unit {}
  common.Money money = 1;
  .acme.common.Money.Part part = 2;
  acme.shop.Unit.Part own = 3;
  shop.Unit unit = 4;
}
message B { Unit.Part part = 1; }
`,
  });
  const { source, descriptors } = await documentsOfFile(path.join(folder.path, "acme/shop/x.proto"));
  const types = (document: string) => rowsOf(document).map(([, type]) => type);
  expect(types(source)).toEqual([
    "(common.Money)",
    "(.acme.common.Money.Part)",
    "(acme.shop.Unit.Part)",
    "(shop.Unit)",
    "(Unit.Part)",
  ]);
  // Inside A the name Unit means A.Unit.
  expect(types(descriptors)).toEqual([
    "(acme.common.Money)",
    "(acme.common.Money.Part)",
    "(shop.Unit.Part)",
    "(shop.Unit)",
    "(Unit.Part)",
  ]);
});

test("a request that is nested or imported shows its fields", async () => {
  const { source, descriptors } = await documentsOf(`syntax = "proto3"; package p;
import "google/protobuf/empty.proto";
import "google/protobuf/duration.proto";
message Outer { message In { bool yes = 1; } }
service S {
  rpc A(Outer.In) returns (google.protobuf.Empty);
  rpc B(p.Outer.In) returns (google.protobuf.Duration);
}
`);
  expect(rowsOf(source).map(([name, type]) => `${name} ${type}`)).toEqual([
    "yes bool",
    "yes bool",
    "seconds int64",
    "nanos int32",
  ]);
  expect(source).toContain("* [Objects](#objects)\n    * [Object Outer](#object-outer)\n\n");
  expect(rowsOf(descriptors).slice(0, 2)).toEqual(rowsOf(source).slice(0, 2));
});
