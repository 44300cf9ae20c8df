/** Someone WeChat knows; made when an openid is first seen. */
export interface Person {
  openid: string;
  unionid: string;
  /** Logins that went through. */
  logins: number;
  /** The minute that is counted for 45011: since when (ms), and how many calls. */
  minute: { since: number; calls: number };
}

/** A one-use code, as wx.login() or a page authorisation would hand out. */
export interface MintedCode {
  code: string;
  openid: string;
  /** ms */
  expiresAt: number;
  /** Set when the code was used: what its second use is answered with. */
  usedBy?: { reqId: string };
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
  faults: Fault[];
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
}

/** Per kind; the oldest go first. */
const mostEntries = 100_000;

export function emptyState(): State {
  return { people: new Map(), codes: new Map(), faults: [] };
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
