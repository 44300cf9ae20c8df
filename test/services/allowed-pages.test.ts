import { expect, test } from "vitest";
import { isAllowedOrigin, isAllowedPage } from "../../src/services/allowed-pages.ts";

const prefixes = ["https://shop.example/app", "https://open.example", "http://plain.example:8080/a/"];

const allowed = [
  "https://shop.example/app",
  "https://shop.example/app?x=1#/route",
  "https://shop.example/app#x",
  "https://shop.example/app/",
  "https://shop.example/app/orders/7?from=https%3A%2F%2Felsewhere.example%2F",
  "https://shop.example/app?back=../..",
  "https://shop.example:443/app/x",
  "https://SHOP.example/app/x",
  "https://open.example",
  "https://open.example/",
  "https://open.example?x",
  "https://open.example/any/page%2Fat%25all",
  "http://plain.example:8080/a/",
  "http://plain.example:8080/a/b",
];

test.for(allowed)("%s is allowed", (url) => {
  expect(isAllowedPage(url, prefixes)).toBe(true);
});

const refused = [
  // Another origin, however like it looks.
  "https://evil.example/app",
  "http://shop.example/app",
  "https://shop.example:8443/app",
  "https://shop.example:80/app",
  "https://www.shop.example/app",
  "https://shop.example.evil.example/app",
  "https://evil.example/https://shop.example/app",
  "https://evil.example/?https://shop.example/app",
  "https://evil.example#https://shop.example/app",
  "https://open.example.evil.example",
  "https://open.exampleevil",
  "https://open.example./",
  "https://xn--open-example.example/",
  "http://plain.example/a/",
  // A user in front of the host.
  "https://shop.example@evil.example/app",
  "https://shop.example:x@evil.example/app",
  "https://evil.example@shop.example/app",
  "https://@shop.example/app",
  "https://:@shop.example/app",
  "https://shop.example%40evil.example/app",
  // Backslashes, which browsers take for slashes and others do not.
  "https://evil.example\\@shop.example/app",
  "https://shop.example\\@evil.example/app",
  "https://shop.example\\.evil.example/app",
  "https://shop.example/app\\..\\..\\admin",
  "https:\\\\shop.example\\app",
  "https:/\\shop.example/app",
  // What URL parsers repair or drop.
  "https:shop.example/app",
  "https:/shop.example/app",
  "https:///shop.example/app",
  "https:////shop.example/app",
  "//shop.example/app",
  "/app",
  " https://shop.example/app",
  "https://shop.example/app ",
  "https://shop.example/app\n",
  "ht\ntps://shop.example/app",
  "https://shop\t.example/app",
  "https://shop.example/app/\u0000",
  "https://sh%6fp.example/app",
  "https://shop%2eexample/app",
  "https://shop。example/app",
  "https://ｓhop.example/app",
  "https://shop.example:/app",
  "https://shop.example:x/app",
  "https://shop.example:99999/app",
  // Another folder.
  "https://shop.example/",
  "https://shop.example",
  "https://shop.example/application",
  "https://shop.example/app.evil",
  "https://shop.example/app;x",
  "https://shop.example/APP",
  "https://shop.example//app",
  "https://shop.example/x?/app",
  "https://shop.example/x#/app",
  "http://plain.example:8080/a",
  // Out of the folder.
  "https://shop.example/app/../admin",
  "https://shop.example/app/..",
  "https://shop.example/app/./x",
  "https://shop.example/admin/../app",
  "https://shop.example/app/%2e%2e/admin",
  "https://shop.example/app/.%2E/admin",
  "https://shop.example/app/%2E/admin",
  "https://shop.example/app/..;/admin",
  "https://shop.example/app/%2e%2e;x=1/admin",
  "https://shop.example/app/..%2fadmin",
  "https://shop.example/app/..%5cadmin",
  "https://shop.example/app/%252e%252e/admin",
  "https://shop.example/app/%00",
  "https://open.example/a/../b",
  // No pages.
  "",
  "https://",
  "javascript:alert(1)//https://shop.example/app",
  "data:text/html,https://shop.example/app",
  "file:///https://shop.example/app",
  "ftp://shop.example/app",
  "weixin://shop.example/app",
  "blob:https://shop.example/app",
  // The loopback host is for the sandbox.
  "http://localhost/",
  "http://127.0.0.1:3000/",
];

test.for(refused)("%s is refused", (url) => {
  expect(isAllowedPage(url, prefixes)).toBe(false);
});

test("an empty list allows nothing", () => {
  for (const url of [...allowed, ...refused]) expect(isAllowedPage(url, [])).toBe(false);
});

test("prefixes that are no pages allow nothing", () => {
  for (const url of ["app://x", "https://x", "javascript:x"]) {
    expect(isAllowedPage(url, ["app:", "app://x", "javascript:x"])).toBe(false);
  }
});

const loopback = { loopback: true };

test.for([
  "http://localhost/",
  "http://localhost:5173/a/b?c#d",
  "https://localhost:5173",
  "http://LOCALHOST/",
  "http://127.0.0.1:3000/",
  "http://127.8.9.255/",
  "http://[::1]/",
  "http://[::1]:3000/x",
  "https://open.example/",
])("%s is allowed with the loopback host", (url) => {
  expect(isAllowedPage(url, prefixes, loopback)).toBe(true);
  expect(isAllowedOrigin(url, prefixes, loopback)).toBe(true);
});

test.for([
  "http://localhost.evil.example/",
  "http://evil.localhost/",
  "http://localhost./",
  "http://127.0.0.1.evil.example/",
  "http://127.0.0.1@evil.example/",
  "http://evil.example@127.0.0.1/",
  "http://127.1/",
  "http://127.0.0.256/",
  "http://0x7f.0.0.1/",
  "http://0177.0.0.1/",
  "http://2130706433/",
  "http://0.0.0.0/",
  "http://[::]/",
  "http://[0:0:0:0:0:0:0:1]/",
  "http://[::ffff:127.0.0.1]/",
  "http://192.168.0.1/",
  "http://localhost\\@evil.example/",
  "http://localhost/../x",
  "ws://localhost/",
  "https://shop.example/other",
])("%s is refused with the loopback host", (url) => {
  expect(isAllowedPage(url, prefixes, loopback)).toBe(false);
});

test("an origin is allowed with any path, if one page of it may be", () => {
  for (const url of [...allowed, "https://shop.example/", "https://shop.example/other?x#y"]) {
    expect(isAllowedOrigin(url, prefixes), url).toBe(true);
  }
  for (const url of refused.filter((url) => !/^https?:\/\/(shop|plain)\.example(:8080)?(\/|$)/.test(url))) {
    expect(isAllowedOrigin(url, prefixes), url).toBe(false);
  }
});
