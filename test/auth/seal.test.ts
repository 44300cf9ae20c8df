import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, expect, test } from "vitest";
import { createDigest, createSeal, deriveKey, loadEncryptionKey } from "../../src/auth/seal.ts";

const folder = mkdtempSync(join(tmpdir(), "seal-"));
afterAll(() => rmSync(folder, { recursive: true }));

const key = randomBytes(32);

test("what was sealed opens under the same key, purpose and name, and no other", () => {
  const seal = createSeal(key, "a");
  const sealed = seal.seal(Buffer.from("secret"), "row 1");
  expect(seal.open(sealed, "row 1").toString()).toBe("secret");
  expect(Buffer.from(sealed).includes("secret")).toBe(false);
  expect(seal.seal(Buffer.from("secret"), "row 1")).not.toEqual(sealed);
  expect(() => seal.open(sealed, "row 2")).toThrow(/^row 2: altered/);
  expect(() => createSeal(key, "b").open(sealed, "row 1")).toThrow("altered");
  expect(() => createSeal(randomBytes(32), "a").open(sealed, "row 1")).toThrow("altered");
  for (let at = 0; at < sealed.length; at++) {
    const altered = Buffer.from(sealed);
    altered[at] = (altered[at] ?? 0) ^ 1;
    expect(() => seal.open(altered, "row 1"), `byte ${at}`).toThrow("row 1");
  }
  for (const length of [0, 1, 28, sealed.length - 1]) {
    expect(() => seal.open(sealed.subarray(0, length), "row 1")).toThrow("row 1");
  }
});

test("a digest is the same for the same key, purpose, name and text alone", () => {
  const digest = createDigest(key, "a");
  expect(digest("phone", "13800138000")).toEqual(createDigest(Buffer.from(key), "a")("phone", "13800138000"));
  const all = [
    digest("phone", "13800138000"),
    digest("phone", "13800138001"),
    digest("phones", "13800138000"),
    digest("phone1", "3800138000"),
    createDigest(key, "b")("phone", "13800138000"),
    createDigest(randomBytes(32), "a")("phone", "13800138000"),
  ].map((bytes) => bytes.toString("hex"));
  expect(new Set(all).size).toBe(all.length);
  expect(all[0]).toMatch(/^[0-9a-f]{64}$/);
});

test("each purpose has a key of its own, always the same", () => {
  expect(deriveKey(key, "a")).toEqual(deriveKey(key, "a"));
  expect(deriveKey(key, "a")).not.toEqual(deriveKey(key, "b"));
});

test("the encryption key comes from the setting, in either base64", () => {
  expect(loadEncryptionKey({ value: key.toString("base64") })).toEqual(key);
  expect(loadEncryptionKey({ value: key.toString("base64url"), file: "/nowhere" })).toEqual(key);
});

test("a malformed key fails with one line that names its place and not its value", () => {
  const file = join(folder, "short");
  writeFileSync(file, "c2hvcnQ=");
  expect(() => loadEncryptionKey({ file })).toThrow(new Error(`${file}: expected 32 bytes in base64`));
  for (const value of ["", "c2hvcnQ=", randomBytes(33).toString("base64"), "!".repeat(44)]) {
    expect(() => loadEncryptionKey({ value })).toThrow(
      new Error("ENCRYPTION_KEY: expected 32 bytes in base64"),
    );
  }
  expect(() => loadEncryptionKey({})).toThrow("ENCRYPTION_KEY: missing");
  expect(() => loadEncryptionKey({ file: folder })).toThrow(`${folder}: the encryption key cannot be read`);
});

test("processes that start at once make one file with mode 600 and end with the same key", async () => {
  const file = join(folder, "new", "key");
  const script = `import { loadEncryptionKey } from ${JSON.stringify(join(import.meta.dirname, "../../src/auth/seal.ts"))};
    console.log(loadEncryptionKey({ file: ${JSON.stringify(file)} }).toString("hex"));`;
  const run = () => promisify(execFile)(process.execPath, ["--input-type=module", "-e", script]);
  const keys = new Set((await Promise.all([run(), run(), run(), run()])).map(({ stdout }) => stdout.trim()));
  expect(keys.size).toBe(1);
  expect([...keys]).toEqual([loadEncryptionKey({ file }).toString("hex")]);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readdirSync(join(folder, "new"))).toEqual(["key"]);
  expect(readFileSync(file, "utf8")).toMatch(/^[A-Za-z0-9+/]{43}=\n$/);
});
