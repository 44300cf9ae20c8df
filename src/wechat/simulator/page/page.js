/*
 * The page of the simulator, in the browser: shows what GET /sim/overview tells, and sends what is pressed.
 * All text goes in as text nodes, so nothing needs escaping.
 */

const pollMs = 1000;
const $ = (id) => document.getElementById(id);

const yuan = (fen) => `¥${(fen / 100).toFixed(2)}`;
const time = (seconds) => new Date(seconds * 1000).toLocaleTimeString([], { hourCycle: "h23" });

const colours = {
  SUCCESS: "good",
  NOTPAY: "wait",
  PROCESSING: "wait",
  ABNORMAL: "bad",
  unused: "good",
  follows: "good",
};

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function what(title, ...below) {
  const lines = below.filter(Boolean).map((textContent) => element("small", { textContent }));
  return element("div", { className: "what" }, title, ...lines);
}

const does = (...children) => element("div", { className: "does" }, ...children);
const tag = (textContent, colour = colours[textContent] ?? "") =>
  element("span", { className: `tag ${colour}`, textContent });
const amount = (fen) => element("span", { className: "amount", textContent: yuan(fen) });

/** A button that tells the simulator something. */
function button(textContent, [path, body], more = {}) {
  const onclick = () => tell(path, body);
  const made = element("button", { type: "button", textContent, onclick, ...more });
  made.dataset.key = `${textContent} ${path} ${JSON.stringify(body)}`;
  return made;
}

const rows = {
  payments(one) {
    const { out_trade_no, prepay_id } = one;
    const unpaid = [
      button("Pay", ["/sim/pay", { prepay_id }], { className: "main" }),
      button("Pay silently", ["/sim/pay", { prepay_id, notify: false }], {
        title: "The server gets no notification",
      }),
    ];
    const again = button("Notify", ["/sim/notify", { out_trade_no }], {
      title: "Send the notification again",
    });
    const buttons = one.trade_state === "NOTPAY" ? unpaid : one.paid_at ? [again] : [];
    return [
      what(
        one.description,
        `${one.openid} · ${out_trade_no} · ${time(one.paid_at ?? one.created_at)}`,
        one.paid_at && notified(one.notifications),
      ),
      does(amount(one.total), tag(one.trade_state), ...buttons),
    ];
  },

  refunds(one) {
    const { out_refund_no } = one;
    const settle = (status) => [`/sim/refund/${encodeURIComponent(out_refund_no)}`, { status }];
    const pay = button("Return the money", settle("SUCCESS"), { className: "main" });
    const refuse = button("Turn down", settle("CLOSED"));
    const buttons = {
      PROCESSING: [pay, refuse, button("Abnormal", settle("ABNORMAL"))],
      ABNORMAL: [pay, refuse],
    }[one.status] ?? [
      button("Notify", ["/sim/notify", { out_refund_no }], { title: "Send the notification again" }),
    ];
    return [
      what(
        one.reason || "Refund",
        `${one.openid} · ${out_refund_no} for ${one.out_trade_no} · ${time(one.settled_at ?? one.created_at)}`,
        one.settled_at && notified(one.notifications),
      ),
      does(amount(one.amount), tag(one.status), ...buttons),
    ];
  },

  messages: (one) => [
    what(
      Object.entries(one.data)
        .map(([name, field]) => `${name}: ${field?.value}`)
        .join(" · "),
      `to ${one.openid} · ${one.template_id} · ${time(one.sent_at)}`,
      one.url,
    ),
    does(tag(one.kind)),
  ],

  events: (one) => [
    what(
      `${one.event} ${one.about}`,
      `${one.openid} · ${time(one.sent_at)}${one.encrypted ? " · encrypted" : ""}`,
    ),
    does(
      ...(one.answers.length ? one.answers : ["…"]).map((status) =>
        tag(status ?? "no answer", status === 200 ? "good" : status === "…" ? "" : "bad"),
      ),
    ),
  ],

  people(one) {
    const { openid, subscribed } = one;
    return [
      what(openid, `${one.unionid} · ${one.logins} ${one.logins === 1 ? "login" : "logins"}`),
      does(
        ...(subscribed ? [tag("follows")] : []),
        button(subscribed ? "Unfollow" : "Follow", [
          "/sim/event",
          { openid, event: subscribed ? "unsubscribe" : "subscribe" },
        ]),
        scanForm(one),
      ),
    ];
  },

  scenes(one) {
    return [
      what(`Scene ${one.scene}`, one.expires_at ? `until ${time(one.expires_at)}` : "stays"),
      does(scannerForm(one)),
    ];
  },

  codes: (one) => [what(one.code, one.openid), does(tag(one.state))],
  faults: (one) => [what(one.path, one.what), does(tag(`${one.left} ×`, "bad"))],
};

function notified(notifications) {
  const answers = notifications.map(({ status, error }) => status ?? error ?? "…");
  return answers.length ? `notified, answered: ${answers.join(", ")}` : "not notified";
}

/** What was typed or chosen, by its field's key: fields are made anew when something changes. */
const typed = new Map();

function keeping(field, key) {
  field.dataset.key = key;
  if (typed.has(key)) field.value = typed.get(key);
  field.oninput = () => typed.set(key, field.value);
  return field;
}

/** A code with a scene's number, as the server may have printed it itself. */
function scanForm({ openid, subscribed }) {
  const scene = keeping(
    element("input", { type: "number", min: 1, max: 4294967295, required: true, placeholder: "scene" }),
    `scene ${openid}`,
  );
  scene.ariaLabel = "scene";
  const event = subscribed ? "SCAN" : "subscribe";
  return form("Scan", scene, () => tell("/sim/event", { openid, event, scene_id: Number(scene.value) }));
}

function scannerForm({ ticket }) {
  const options = people.map(({ openid }) => element("option", { textContent: openid }));
  const who = keeping(element("select", { required: true }, ...options), `scanner ${ticket}`);
  who.ariaLabel = "who scans";
  return form("Scan", who, () => tell("/sim/scan", { openid: who.value, ticket }));
}

function form(textContent, field, send) {
  const onsubmit = (event) => {
    event.preventDefault();
    send();
  };
  const submit = element("button", { textContent });
  submit.dataset.key = `submit ${field.dataset.key}`;
  return element("form", { onsubmit }, field, submit);
}

let quiet;
function say(text) {
  $("said").textContent = text;
  clearTimeout(quiet);
  quiet = setTimeout(() => $("said").replaceChildren(), 4000);
}

async function tell(path, body, method = "POST") {
  const isEvent = path === "/sim/event" || path === "/sim/scan";
  const sent = isEvent ? { ...body, encrypted: $("encrypted").checked } : body;
  try {
    const response = await fetch(path, { method, body: JSON.stringify(sent) });
    const answer = await response.json();
    say(response.ok ? outcome(path, answer) : answer.error);
  } catch {
    say("The simulator does not answer.");
  }
  await refresh();
}

function outcome(path, { delivered, status, error, notified: told }) {
  if (delivered !== undefined)
    return delivered ? "The server took the event." : "The server did not take the event.";
  if (path === "/sim/notify") return `The server answered ${status ?? `nothing: ${error}`}.`;
  if (path === "/sim/pay") return told ? "Paid." : "Paid; the server was not told.";
  return "Done.";
}

let people = [];
let shown = "";

async function refresh() {
  let text = "";
  try {
    text = await (await fetch("/sim/overview")).text();
  } catch {
    $("about").textContent = "The simulator does not answer.";
    shown = "";
    return;
  }
  // Nothing is drawn anew while nothing changed, so that what is being pressed stays.
  if (text === shown) return;
  shown = text;
  draw(JSON.parse(text));
}

function draw(state) {
  const focused = document.activeElement?.dataset.key;
  people = state.people;
  const callback = state.callback_url ? `events go to ${state.callback_url}` : "nobody takes events yet";
  $("about").textContent = `App ${state.appid} · ${callback}`;
  $("empty").checked = state.merchant_empty;
  $("forget").hidden = state.faults.length === 0;
  for (const [name, row] of Object.entries(rows)) {
    const list = state[name].map((one) => element("div", { className: "row" }, ...row(one)));
    const none = element("p", { className: "none", textContent: "none yet" });
    $(name).replaceChildren(...(list.length ? list : [none]));
    const heading = $(name).parentElement.querySelector("h2");
    heading.querySelector("span")?.remove();
    if (list.length) heading.append(element("span", { textContent: ` ${state.counts[name]}` }));
  }
  if (focused) document.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
}

$("newcomer").onsubmit = (event) => {
  event.preventDefault();
  tell("/sim/event", { openid: `sandbox_${$("name").value}`, event: "subscribe" });
  $("name").value = "";
};
$("empty").onchange = () => tell("/sim/merchant", { empty: $("empty").checked });
$("forget").onclick = () => tell("/sim/fault", {}, "DELETE");

refresh();
setInterval(() => {
  if (!document.hidden) refresh();
}, pollMs);
