import { emptyPayState, type PayState } from "./pay/state.ts";
import type { Quota } from "./quota.ts";

/** Someone WeChat knows; made when an openid is first seen. */
export interface Person {
  openid: string;
  unionid: string;
  /** Logins that went through. */
  logins: number;
  /** The minute that is counted for 45011. */
  minute: Quota;
  /** Whether they follow the official account; undefined until an event says so. */
  subscribed?: boolean;
  /** The templates of subscription messages that they do not take. */
  refused: Set<string>;
  /** Unix s; the CreateTime of their newest event. */
  lastEvent: number;
}

export type PageScope = "snsapi_base" | "snsapi_userinfo";

/** A one-use code, as wx.login() or a page authorisation would hand out. */
export interface MintedCode {
  code: string;
  openid: string;
  /** What a page may know by it: everything unless told. */
  scope?: PageScope;
  /** Unix ms */
  expiresAt: number;
  /** Set when the code was used: what its second use is answered with. */
  usedBy?: { reqId: string };
}

/** What a getPhoneNumber button hands out. */
export interface PhoneCode extends MintedCode {
  phone: string;
}

/** An access token of the app's. */
export interface AppToken {
  token: string;
  /** Unix ms; when it has lived its 7200 s. */
  expiresAt: number;
  /** Unix ms; before expiresAt when a newer one took its place. */
  endsAt: number;
}

export interface TokenState {
  /** All that were handed out and are remembered. */
  issued: Map<string, AppToken>;
  /** The newest of /cgi-bin/token. */
  plain?: AppToken;
  /** The newest of /cgi-bin/stable_token. */
  stable?: AppToken;
  /** Unix ms; when force_refresh last worked. */
  forcedAt?: number;
  /** The calls of the day. */
  plainCalls: Quota;
  forcedCalls: Quota;
  jsTicket?: { ticket: string; expiresAt: number };
}

/** An access token of one person for one page authorisation. */
export interface PageToken {
  token: string;
  openid: string;
  scope: PageScope;
  /** Unix ms */
  expiresAt: number;
}

export interface RefreshToken {
  token: string;
  /** The newest access token that belongs to it. */
  access: PageToken;
  /** Unix ms */
  expiresAt: number;
}

/** A QR code with a scene. */
export interface Scene {
  ticket: string;
  /** As events carry it: a number, or a text of one's own. */
  scene: string;
  url: string;
  /** Unix ms; undefined for one that stays. */
  expiresAt?: number;
}

export interface SentMessage {
  msgid: number;
  kind: "template" | "subscribe";
  openid: string;
  template_id: string;
  /** The page that it opens; empty for none. */
  url: string;
  /** As it was sent. */
  data: Record<string, unknown>;
  /** Unix s */
  sent_at: number;
}

/** Something that a person did with the official account. */
export interface SentEvent {
  openid: string;
  event: string;
  /** The scene, or the text; empty for none. */
  about: string;
  encrypted: boolean;
  /** Unix s */
  sent_at: number;
  /** The HTTP status of each try's answer; null for none. */
  answers: (number | null)[];
}

/** What goes wrong on a path, and how often still. */
export interface Fault {
  path: string;
  errcode?: number;
  status?: number;
  drop?: boolean;
  delayMs: number;
  /** The work is done before the fault strikes: the answer is lost, not the request. */
  after: boolean;
  left: number;
}

/** All that the simulator remembers. It ends with the process. */
export interface State {
  people: Map<string, Person>;
  codes: Map<string, MintedCode>;
  phoneCodes: Map<string, PhoneCode>;
  tokens: TokenState;
  pageTokens: Map<string, PageToken>;
  refreshTokens: Map<string, RefreshToken>;
  /** By ticket. */
  scenes: Map<string, Scene>;
  /** By msgid. */
  messages: Map<string, SentMessage>;
  messagesSent: number;
  /** By openid and CreateTime. */
  events: Map<string, SentEvent>;
  faults: Fault[];
  pay: PayState;
  /** Where the server takes events, as it was told in WeChat's console. */
  callbackUrl: string | undefined;
}

/** What every area of the simulator works with. */
export interface Simulation {
  state: State;
  appid: string;
  secret: string;
  /** Unix ms */
  now(): number;
  random(size: number): Buffer;
  /** A duration of WeChat's (ms) in the simulator's faster time. */
  scaled(ms: number): number;
  /** Does work after a duration of WeChat's (ms), scaled; never once the simulator is closed. What it throws is dropped. */
  later(ms: number, work: () => void | Promise<void>): void;
}

/** Per kind; the oldest go first. */
const mostEntries = 100_000;

export function emptyState(): State {
  return {
    people: new Map(),
    codes: new Map(),
    phoneCodes: new Map(),
    tokens: {
      issued: new Map(),
      plainCalls: { since: Number.NEGATIVE_INFINITY, calls: 0 },
      forcedCalls: { since: Number.NEGATIVE_INFINITY, calls: 0 },
    },
    pageTokens: new Map(),
    refreshTokens: new Map(),
    scenes: new Map(),
    messages: new Map(),
    messagesSent: 0,
    events: new Map(),
    faults: [],
    pay: emptyPayState(),
    callbackUrl: undefined,
  };
}

/** Adds an entry as the newest of its map, and lets the oldest go when the map is full. */
export function remember<T>(map: Map<string, T>, key: string, value: T): T {
  if (map.size >= mostEntries && !map.has(key)) {
    const [oldest] = map.keys();
    if (oldest !== undefined) map.delete(oldest);
  }
  map.set(key, value);
  return value;
}

/** Lets those go whose time is over. They stand in the order in which they were made, and all live equally long. */
export function forgetExpired(map: Map<string, { expiresAt: number }>, now: number): void {
  for (const [key, { expiresAt }] of map) {
    if (now < expiresAt) return;
    map.delete(key);
  }
}
