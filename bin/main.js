// Plain JavaScript in a CommonJS scope, so that an old Node gets far enough to say what it lacks.
if (Number(process.versions.node.split(".")[0]) < 24) {
  console.error(
    `liveuser needs Node 24 or later and this is ${process.version}: use npm start, which brings its own`,
  );
  process.exit(1);
}
const { enableCompileCache, registerHooks } = require("node:module");
// Starts after the first one need not compile everything anew.
enableCompileCache();
// Drizzle's package.json has 180 KB, which Node reads again for each of its ES modules: its CommonJS build
// spares a start half a second and 150 MB.
registerHooks({
  resolve(specifier, context, next) {
    const conditions = specifier.startsWith("drizzle-orm") ? ["require", "node"] : context.conditions;
    return next(specifier, { ...context, conditions });
  },
});
import("../src/serve.ts");
