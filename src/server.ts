import { Wx } from "../gen/liveuser/wx_pb.ts";
import type { App } from "./app.ts";
import type { Identity } from "./auth/identity.ts";
import { browsers } from "./http/browsers.ts";
import { dialects } from "./http/dialects/index.ts";
import { railSandboxKey } from "./http/dialects/rail.ts";
import { createFolder } from "./http/external/folder.ts";
import { createHallReturn, hallReturnPath } from "./http/external/hall-return.ts";
import { createPayNotify } from "./http/external/pay-notify.ts";
import { createSandboxSms } from "./http/external/sandbox-sms.ts";
import { createWechatCallback } from "./http/external/wechat-callback.ts";
import { createWechatOauth } from "./http/external/wechat-oauth.ts";
import { createMetrics } from "./http/metrics.ts";
import { observeCalls } from "./http/observe.ts";
import { createReflection } from "./http/reflection.ts";
import { createHttpServer } from "./http/server.ts";
import { createPayments } from "./payments/payments.ts";
import { createPipeline } from "./rpc/pipeline.ts";
import { createRateLimits } from "./rpc/rate-limit.ts";
import { seedCatalog } from "./services/catalog/sandbox.ts";
import { deleteOldHallRows, visitorReturn } from "./services/hall/returns.ts";
import { contract, payables, services, sweeps } from "./services/index.ts";
import { createAnalyst } from "./services/measurement/analyst.ts";
import { seedRailConfig } from "./services/rail/app-config.ts";
import { deleteOldChanges } from "./services/ticket/changes.ts";
import { seedSeats } from "./services/ticket/sandbox.ts";
import { deleteOldPhoneCodes } from "./services/user/phone-codes.ts";
import { deleteOldEvents, takeEvent } from "./services/wx/events.ts";
import { pageVisitor } from "./services/wx/sign-in.ts";

/** How long running calls may take to finish when the server stops (ms). */
const graceMs = 10_000;
/** How long a caller may take to send its headers (ms). */
const headerTimeoutMs = 10_000;

/** How often what is long over is deleted (ms). */
const cleaningMs = 3600_000;

/** Who calls an old system's URL in the sandbox without a token, where that system knew none. */
const sandboxService: Identity = { kind: "app", appid: "sandbox-service", role: "service" };

/** Where WeChat Pay sends its notifications. */
const notifyPath = "/liveuser/Wx/Postpay";

export interface Running {
  /** `http://127.0.0.1:8080` */
  readonly url: string;
  /** Takes no more calls, lets the running ones finish, ends the work in the background. The app stays open. */
  close(): Promise<void>;
}

function metricsAccess({ METRICS_TOKEN: token, sandbox }: App["settings"]) {
  if (token) return { token };
  return sandbox ? "anyone" : "nobody";
}

/** The example of a page inside WeChat, built when somebody looks at it. */
function examplePage({ WECHAT_PAY_BASE: simulator }: App["settings"]) {
  const connect = ["'self'", ...(simulator ? [new URL(simulator).origin] : [])].join(" ");
  const policy = `default-src 'self'; img-src 'self' blob: data:; connect-src ${connect}; frame-ancestors 'none'; base-uri 'none'`;
  return createFolder({
    at: "/h5/",
    folder: async () => (await import("../examples/h5/build.ts")).builtPage(),
    absent: "The page is not built, and Vite, which builds it, is not installed: npm ci in a clone.\n",
    headers: { "content-security-policy": policy, "referrer-policy": "no-referrer" },
  });
}

/** Serves an app: fills the sandbox, opens the doors, begins the work in the background. */
export async function startServer(app: App): Promise<Running> {
  const { settings, auth, store, log } = app;
  if (settings.sandbox)
    await Promise.all([seedCatalog(app), seedSeats(app), seedRailConfig(app), auth.apps.seedSandbox()]);
  const metrics = createMetrics();
  const observe = observeCalls({ log, metrics });
  let url = "";
  const ownUrl = (path: string) => (settings.PUBLIC_URL ?? url).replace(/\/+$/, "") + path;
  const payments = createPayments({
    ...app,
    payables: payables(app),
    notifyUrl: () => ownUrl(notifyPath),
  });
  const analyst = createAnalyst(app);
  const limits = createRateLimits(settings.RATE_LIMITS ?? (settings.sandbox ? 0 : 1));
  const pipeline = createPipeline({
    services: services(app, { payments, analyst, hallReturnUrl: () => ownUrl(hallReturnPath) }),
    authenticate: auth.authenticate,
    limits,
    observe,
  });
  const wechatCallback = createWechatCallback({
    callback: app.wechat.callback,
    takeEvent: (event) => takeEvent(app, event),
    log,
  });
  const web = browsers(settings);
  const visitor = pageVisitor(app);
  const wechatOauth = createWechatOauth({
    ...web,
    sessions: auth.webSessions,
    visitor,
    authorizeUrl: app.wechat.authorizeUrl,
    address: ({ req }) => web.addressFor(req.headers.host) ?? url,
    limit: limits(Wx.method.oauthLogin)?.address,
    log,
  });
  const requestTimeoutMs = settings.REQUEST_TIMEOUT * 1000;
  const reflection =
    (settings.REFLECTION ?? settings.sandbox)
      ? createReflection({ services: contract, observe, idleMs: requestTimeoutMs })
      : undefined;
  const http = createHttpServer({
    pipeline,
    log,
    metrics,
    observe,
    metricsAccess: metricsAccess(settings),
    bodyLimit: settings.BODY_LIMIT,
    requestTimeoutMs,
    headerTimeoutMs,
    trustedProxies: settings.TRUSTED_PROXIES,
    corsOrigins: settings.CORS_ORIGINS,
    jwks: auth.jwks,
    healthy: store.ping,
    pages: {
      [notifyPath]: { POST: createPayNotify({ take: payments.takeNotification, log }) },
      "/wx": wechatCallback,
      "/wx/callback": wechatCallback,
      ...wechatOauth,
      [hallReturnPath]: createHallReturn({
        comeBack: visitorReturn(app, visitor),
        limit: limits(Wx.method.oauthLogin)?.address,
        log,
      }),
      "/wxs/wx/callback": wechatCallback,
      ...reflection?.pages,
      ...(settings.sandbox ? examplePage(settings) : {}),
      ...(app.sms.newest ? { "/sim/sms": createSandboxSms(app.sms.newest) } : {}),
    },
    dialects: dialects({
      withoutCredential: settings.sandbox ? sandboxService : undefined,
      railKey: settings.RAIL_SIGN_KEY ?? (settings.sandbox ? railSandboxKey : undefined),
      pulse: web,
      signedIn: auth.webSessions.authenticate,
      clock: app.clock,
    }),
  });
  const { port } = await http.listen(settings.PORT, settings.HOST);
  const host = settings.HOST.includes(":") ? `[${settings.HOST}]` : settings.HOST;
  url = `http://${host}:${port}`;
  const stopSweeps = sweeps(app, payments);
  const stopPayments = payments.start();
  const cleaning = setInterval(() => {
    Promise.all([
      auth.cleanUp(),
      deleteOldEvents(app),
      deleteOldChanges(app),
      deleteOldPhoneCodes(app),
      deleteOldHallRows(app),
    ]).catch((error: unknown) => log.error({ err: error }, "old rows could not be deleted"));
  }, cleaningMs).unref();
  pipeline.warm().catch((error: unknown) => log.error({ err: error }, "the rules could not be prepared"));

  return {
    url,
    async close() {
      clearInterval(cleaning);
      reflection?.endStreams();
      await http.close(graceMs);
      await Promise.all([...stopSweeps, stopPayments, analyst.close].map((stop) => stop()));
    },
  };
}
