import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { posix } from "node:path";
import { builtProgram } from "./miniprogram-build.ts";

// biome-ignore lint/suspicious/noExplicitAny: scripts of others make them, in a window of their own
type Foreign = any;

const require = createRequire(import.meta.url);
const { JSDOM } = require("jsdom") as Foreign;
const simulator = readFileSync(require.resolve("miniprogram-simulate/build.js"), "utf8");

export interface HostOptions {
  /** Written over the same constants of the program's config.ts. */
  config: Readonly<Record<string, string | number>>;
  /** What `wx` is to the program. */
  wx: object;
}

/** A page as a person has it in front of them. */
export interface ShownPage {
  /** What can be read on it. */
  text(): string;
  /** What its script knows. */
  data: Foreign;
  /** Taps the button that says this; the `nth` of them, from 0. */
  tap(label: string, nth?: number): void;
  /** Sends an event to what has that class; the `nth` of them, from 0. The rest is the event's detail. */
  send(className: string, event: string, detail?: { nth?: number; [field: string]: unknown }): void;
  /** Calls what WeChat calls: onShow, onHide, onPullDownRefresh, onReachBottom, onUnload. */
  call(handler: string, argument?: object): Promise<void>;
}

/** The mini-program in WeChat's own component framework, in a window that has no fetch and nothing of Node's. */
export async function startProgram({ config, wx }: HostOptions) {
  const { files, wxml } = await builtProgram();
  // The simulator's style compiler looks for the script that it is in.
  const { window } = new JSDOM("<body><script></script></body>", { runScripts: "outside-only" });
  const global = window as Foreign;
  const load = moduleLoader(global, {
    ...files,
    "/config.js": configured(files["/config.js"] ?? "", config),
  });

  global.wx = wx;
  global.getApp = () => ({});
  global.runComponent = load.anew;
  window.eval(simulator);
  const compiled = window.eval(`(function () {${wxml}})()`);
  global.__FILE_MAP__ = simulatorFiles(files, compiled);
  global.Page = (definition: object) => global.Component(asComponent(definition));

  let shown: ShownPage | undefined;
  return {
    /** A module of the program's own. */
    required: load.required,
    /** Shows a page as WeChat does, in place of the one before: onLoad with the parameters, then onShow. */
    async show(name: string, parameters: Record<string, string> = {}): Promise<ShownPage> {
      await shown?.call("onHide");
      const path = `/pages/${name}/${name}`;
      const id = global.simulate.load(path, "page", { compiler: "official", rootPath: "/" });
      const component = global.simulate.render(id);
      const place = window.document.createElement("main");
      window.document.body.replaceChildren(place);
      component.attach(place);
      const page = shownPage(component);
      shown = page;
      await page.call("onLoad", parameters);
      await page.call("onShow");
      return page;
    },
    close: () => window.close(),
  };
}

function shownPage(component: Foreign): ShownPage {
  const { instance, dom } = component;
  // The simulator's own handle of an element, whose events go through WeChat's framework.
  const Handle = Object.getPrototypeOf(Object.getPrototypeOf(component)).constructor;

  function dispatch(element: Foreign, event: string, detail: object): void {
    new Handle(element.__wxElement).dispatchEvent(event, { detail });
  }

  /** Classes carry the name of the component that they are written in: `page--thumb`. */
  function withClass(name: string): Foreign[] {
    return [...dom.querySelectorAll(`[class*="--${name}"]`)].filter((element) =>
      [...element.classList].some((given) => given.slice(given.indexOf("--") + 2) === name),
    );
  }

  return {
    text: () => readable(dom),
    get data() {
      return instance.data;
    },
    tap(label, nth = 0) {
      const buttons = [...dom.querySelectorAll("wx-button")].filter((button) => readable(button) === label);
      if (!buttons[nth]) throw new Error(`no button ${label} number ${nth} in: ${readable(dom)}`);
      dispatch(buttons[nth], "tap", {});
    },
    send(className, event, { nth = 0, ...detail } = {}) {
      const element = withClass(className)[nth];
      if (!element) throw new Error(`no ${className} number ${nth} in: ${readable(dom)}`);
      dispatch(element, event, detail);
    },
    async call(handler, argument) {
      await instance[handler]?.(argument);
    },
  };
}

/** All text, in the page's order, with a blank between two pieces. */
function readable(element: Foreign): string {
  if (element.nodeType === element.TEXT_NODE) return element.data.trim();
  return [...element.childNodes].map(readable).filter(Boolean).join(" ");
}

function configured(source: string, config: HostOptions["config"]): string {
  return Object.entries(config).reduce((text, [name, value]) => {
    const constant = new RegExp(`(const ${name} = )[^;]*;`);
    if (!constant.test(text)) throw new Error(`config.ts has no ${name}`);
    return text.replace(constant, (_, start: string) => `${start}${JSON.stringify(value)};`);
  }, source);
}

/** A page's definition as that of a component: what the simulator renders. */
function asComponent({ data, ...rest }: Foreign): object {
  const entries = Object.entries(rest);
  return {
    data,
    methods: Object.fromEntries(entries.filter(([, value]) => typeof value === "function")),
    created(this: object) {
      Object.assign(this, Object.fromEntries(entries.filter(([, value]) => typeof value !== "function")));
    },
  };
}

/** What the simulator reads: JSON and styles, WXML as functions, and for scripts a call of our loader. */
function simulatorFiles(files: Record<string, string>, compiled: (path: string) => unknown) {
  const entries = Object.entries(files).flatMap(([path, text]): [string, unknown][] => {
    if (path.endsWith(".js")) return [[path, `runComponent(${JSON.stringify(path)})`]];
    if (!path.endsWith(".json")) return [[path, text]];
    const template = path.replace(/json$/, "wxml");
    return [
      [path, text],
      [template, compiled(template.slice(1))],
    ];
  });
  return Object.fromEntries(entries);
}

/** Modules as WeChat has them: each is run once, packages are in miniprogram_npm beside a file or above it. */
function moduleLoader(window: Foreign, files: Record<string, string>) {
  const loaded = new Map<string, Foreign>();

  function run(path: string, module: Foreign): void {
    const body = new window.Function("require", "module", "exports", files[path]);
    body((name: string) => required(find(name, posix.dirname(path))), module, module.exports);
  }

  function required(path: string): Foreign {
    const known = loaded.get(path);
    if (known) return known.exports;
    const module = { exports: {} };
    loaded.set(path, module);
    run(path, module);
    return module.exports;
  }

  function find(name: string, from: string): string {
    const places = name.startsWith(".")
      ? [from]
      : above(from).map((folder) => posix.join(folder, "miniprogram_npm"));
    const tried = places.flatMap((place) =>
      ["", ".js", "/index.js"].map((end) => posix.join(place, name) + end),
    );
    const found = tried.find((path) => path.endsWith(".js") && path in files);
    if (!found) throw new Error(`${from} requires ${name}: there is none`);
    return found;
  }

  return {
    /** Runs a component's or page's script, which registers it. */
    anew: (path: string) => run(path, { exports: {} }),
    required,
  };
}

function above(folder: string): string[] {
  return folder === "/" ? ["/"] : [folder, ...above(posix.dirname(folder))];
}
