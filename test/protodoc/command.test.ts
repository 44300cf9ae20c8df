import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { folderOf, rowsOf } from "./kit.ts";

const main = path.resolve(import.meta.dirname, "../../src/protodoc/main.ts");

async function run(
  cwd: string,
  ...args: string[]
): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [main, ...args], { cwd }, (_error, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    );
  });
}

test("prints the document of a file outside the project, twice the same", async () => {
  const file = path.join(import.meta.dirname, "fixtures/chinese");
  await using folder = await folderOf({ "a file.proto": await readFile(`${file}.proto`, "utf8") });
  const first = await run(folder.path, "a file.proto");
  expect(first).toEqual({ code: 0, stdout: await readFile(`${file}.expected`, "utf8"), stderr: "" });
  expect(await run("/", path.join(folder.path, "a file.proto"))).toEqual(first);
});

test("finds imports beside the file, above it, by .., and among the vendored ones", async () => {
  await using folder = await folderOf({
    "src/acme/v1/x.proto": `syntax = "proto3"; package acme.v1;
import "acme/v1/root.proto";
import "beside.proto";
import '../above.proto';
import "./beside.proto";
import "google/api/annotations.proto";
import "google/protobuf/empty.proto";
service S { rpc Call(Beside) returns (Root) { option (google.api.http) = {get: "/x"}; } }
message A { Above above = 1; google.protobuf.Empty empty = 2; }
`,
    "src/acme/v1/root.proto": 'syntax = "proto3"; package acme.v1; message Root { int32 root = 1; }',
    "src/acme/v1/beside.proto": 'syntax = "proto3"; package acme.v1; message Beside { int32 beside = 1; }',
    "src/acme/above.proto": 'syntax = "proto3"; package acme.v1; import "v1/root.proto"; message Above {}',
  });
  const { stderr, stdout } = await run(folder.path, "src/acme/v1/x.proto");
  expect(stderr).toBe("");
  expect(rowsOf(stdout)).toEqual([
    ["beside", "int32", ""],
    ["root", "int32", ""],
    ["above", "(Above)", ""],
    ["empty", "(google.protobuf.Empty)", ""],
  ]);
});

test("imports that are nowhere do not stop it", async () => {
  await using folder = await folderOf({
    "x.proto": `syntax = "proto2";
package acme.v1;
import "gogoproto/gogo.proto"; import "validate/validate.proto";
import public "other/types.proto";
import "google/protobuf/unheard_of.proto";
import "here.proto";
option (gogoproto.marshaler_all) = true;
option (gogoproto.more) = { a: 1 b { c: "}" } };
// Of S.
service S {
  option (other.service) = "x";
  // Of Call.
  rpc Call(stream other.Req) returns (A) {
    option (other.method) = { get: "/v1/{name}" };
  }
}
// Of A.
message A {
  option (other.message) = true;
  optional string a = 1 [(validate.rules).string.min_len = 1, deprecated = true]; // behind a
  optional other.Kind b = 2 [default = NEW, (gogoproto.x) = {y: [1, 2]}]; // behind b
  repeated .other.Thing c = 3 [(gogoproto.x) = 1 /* , ] */, (gogoproto.y).z = "]"];
  // over d
  optional v1.Own d = 4 [deprecated = false, (gogoproto.x) = 1];
  optional Here e = 5;
  oneof o {
    option (other.oneof) = true;
    Lost f = 6 [(gogoproto.x) = 1];
  }
  enum Kind {
    option (other.enum) = true;
    ZERO = 0 [(other.value) = "//"]; // nil
  }
  optional Kind kind = 7;
  extensions 100 to 200;
}
extend other.Thing {
  // in extend
  optional other.Kind g = 100;
}
`,
    "here.proto": `syntax = "proto3"; package acme.v1; import "nowhere.proto";
message Here { Nowhere n = 1; }`,
  });
  const { code, stderr, stdout } = await run(folder.path, "x.proto");
  expect(stderr).toBe("");
  expect(code).toBe(0);
  expect(stdout).toContain("## Service S\n\nOf S.\n\n### Method S.Call\n\nWebSocket client-streaming\n");
  expect(stdout).toContain("\n\nOf Call.\n\nRequest is empty\n\nResponse parameters\n");
  expect(rowsOf(stdout.slice(stdout.indexOf("Response parameters")))).toEqual([
    ["a", "string", "behind a"],
    ["b", "(other.Kind)", "behind b"],
    ["c", "array of (.other.Thing)", ""],
    ["d", "(v1.Own)", "over d"],
    ["e", "(Here)", ""],
    ["kind", "(Kind)", ""],
  ]);
});

test("a broken file gives one line and exit code 1", async () => {
  await using folder = await folderOf({
    "bad.proto": 'syntax = "proto3";\nmessage A {\n  string a = 1\n}\n',
    "unknown.proto": 'syntax = "proto3";\nmessage A {\n  /* 中文 */ Unknown a = 1;\n}\n',
    "both.proto": 'syntax = "proto3";\nimport "nowhere.proto";\nmessage A { B b = 1; }\nenum E { X = 1; }\n',
    "importer.proto": 'syntax = "proto3";\nimport "sub/broken.proto";\n',
    "sub/broken.proto": 'syntax = "proto3";\n\nmessage {}\n',
  });
  const failures = await Promise.all(
    ["bad.proto", "unknown.proto", "both.proto", "importer.proto", "none.proto"].map((name) =>
      run(folder.path, name),
    ),
  );
  expect(failures.map(({ code, stdout }) => [code, stdout])).toEqual(failures.map(() => [1, ""]));
  expect(failures.map(({ stderr }) => stderr)).toEqual([
    expect.stringMatching(/^bad\.proto:\d:\d+: \S.*\n$/),
    "unknown.proto:3:16: cannot find `Unknown` in this scope\n",
    expect.stringMatching(/^both\.proto:4:\d+: first value of open enum must be zero\n$/),
    expect.stringMatching(/^sub\/broken\.proto:3:\d+: \S.*\n$/),
    "none.proto:1:1: the file cannot be read (ENOENT)\n",
  ]);
});

test("says how it is called", async () => {
  expect(await run("/", "a.proto", "b.proto")).toEqual({
    code: 2,
    stdout: "",
    stderr: "usage: protodoc FILE.proto > FILE.md\n",
  });
});
