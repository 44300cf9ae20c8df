import { defineConfig } from "vite";

// Paths are the server's: it serves the page at /h5/.
export default defineConfig({
  root: import.meta.dirname,
  base: "/h5/",
  build: {
    outDir: "../../dist/h5",
    emptyOutDir: true,
    // WeChat's browsers of the last years: XWeb on Android, WKWebView on iOS.
    target: ["chrome107", "safari15.4"],
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { proxy: { "/liveuser": "http://127.0.0.1:8080" } },
});
