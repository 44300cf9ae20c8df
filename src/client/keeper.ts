import { type Client, Code, ConnectError } from "@connectrpc/connect";
import type { Wx } from "../../gen/client/liveuser/wx_pb.ts";
import { type Credentials, createShelf, credentialsOf, type Entry, freshness } from "./credentials.ts";
import { isFinal, isPassing, isRefused, type Reason, reasonOf, retryDelayOf } from "./errors.ts";
import { isLater, type Platform } from "./platform.ts";
import { sleep } from "./runtime.ts";

/** How often a renewal or a sign-in by itself is asked for before its callers are told. */
const TRIES = 5;
/** The first pause between two tries (ms); each next one is twice as long, and up to half is chance. */
const PAUSE_MS = 250;
/** Who is asked to stay away longer (ms) tells the caller instead. */
const LONGEST_PAUSE_MS = 5_000;

export interface KeeperOptions {
  platform: Platform;
  baseUrl: string;
  /** Its calls carry no credentials but those they are given. */
  wx: Client<typeof Wx>;
  /** The role to create a new person with. */
  role: string;
  onSignedOut(reason: Reason): void;
}

/** What a call was made with; `renewed` when it had them renewed itself, which it does once. */
export interface Used {
  credentials: Credentials | undefined;
  renewed: boolean;
}

/** Keeps one person's credentials: in memory, in storage, and alive. */
export type Keeper = ReturnType<typeof createKeeper>;

export function createKeeper({ platform, baseUrl, wx, role, onSignedOut }: KeeperOptions) {
  const shelf = createShelf(platform.storage, baseUrl);
  let current: Credentials | undefined;
  let serial = 0;
  /** Signed out on purpose: no sign-in by itself until somebody asks for one. */
  let left = false;
  let signingIn: Promise<Credentials> | undefined;
  let renewing: { of: Credentials; done: Promise<Credentials> } | undefined;
  /** Storage is read and written in turn. */
  let turn: Promise<unknown> = load();

  function load(): Promise<unknown> {
    const found = shelf.read();
    if (isLater(found)) return found.then(take);
    take(found);
    return Promise.resolve();
  }

  /** Takes over what lies in storage if another tab put it there since. */
  function take(entry: Entry | undefined): void {
    if (!entry) return;
    if (entry.serial > serial) {
      if (current && !entry.credentials) onSignedOut(entry.reason ?? "SESSION_REVOKED");
      serial = entry.serial;
      current = entry.credentials;
    } else if (current && entry.credentials?.refreshToken === current.refreshToken) {
      current.attemptId ??= entry.credentials.attemptId;
    }
  }

  /**
   * Takes over what is newer in storage, does the step, and stores what it gives: in turn, and in one go
   * where storage answers at once, so that no other tab comes between.
   */
  function update(step: () => Entry | undefined = () => undefined): Promise<void> {
    const apply = (entry: Entry | undefined) => {
      take(entry);
      const next = step();
      return next && shelf.write(next);
    };
    const done = turn.then(() => {
      const found = shelf.read();
      return isLater(found) ? found.then(apply) : apply(found);
    });
    turn = done;
    return done;
  }

  /** Within a step: these from now on, or none for that reason. */
  function replace(next: Credentials | undefined, reason?: Reason): Entry {
    current = next;
    serial++;
    return { serial, credentials: next, reason };
  }

  /** Their session is over. Other credentials stay. */
  function lose(lost: Credentials, reason: Reason): Promise<void> {
    return update(() => {
      if (current !== lost) return undefined;
      onSignedOut(reason);
      return replace(undefined, reason);
    });
  }

  /** Signs in with this code; without one, with codes of the platform's own. */
  async function enter(code: string | undefined, before: Promise<unknown> | undefined): Promise<Credentials> {
    await before?.catch(() => {});
    const credentials = await (code === undefined
      ? persist(async () => login(await ownCode()), isWorthAnotherCode)
      : login(code));
    left = false;
    await update(() => replace(credentials));
    return credentials;
  }

  async function login(code: string): Promise<Credentials> {
    const askedAt = platform.now();
    const answer = await (platform.signIn === "mini" ? wx.login({ code, role }) : wx.oauthLogin({ code }));
    return credentialsOf(answer, answer.uid, askedAt);
  }

  async function ownCode(): Promise<string> {
    if (platform.code) return platform.code();
    throw new ConnectError("signing in needs a code here", Code.InvalidArgument);
  }

  function signIn(code?: string): Promise<Credentials> {
    if (code === undefined && signingIn) return signingIn;
    const done = enter(code, signingIn).finally(() => {
      if (signingIn === done) signingIn = undefined;
    });
    signingIn = done;
    return done;
  }

  /** One renewal at a time, whoever asks. */
  function renew(old: Credentials): Promise<Credentials> {
    if (renewing?.of === old) return renewing.done;
    const done = renewNow(old).finally(() => {
      if (renewing?.done === done) renewing = undefined;
    });
    renewing = { of: old, done };
    return done;
  }

  async function renewNow(old: Credentials): Promise<Credentials> {
    const attemptId = await platform.uniqueId();
    // Stored before it is sent: when the answer is lost, even with the program, the same attempt can be
    // made again and gives the same tokens.
    await update(() => {
      if (current !== old) return undefined;
      old.attemptId ??= attemptId;
      return { serial, credentials: old };
    });
    try {
      const next = await persist(async () => {
        // Before each try: another tab may have got the answer, and used what it says.
        await update();
        return current === old ? askForRenewal(old) : old;
      }, isPassing);
      // Stored before they are used: once they are, the old ones are worth nothing.
      await update(() => (current === old ? replace(next) : undefined));
      return instead(old);
    } catch (error) {
      const reason = reasonOf(error);
      if (!isFinal(reason)) throw error;
      await lose(old, reason);
      if (!current) throw error;
      return instead(old);
    }
  }

  async function askForRenewal({ uid, refreshToken, attemptId }: Credentials): Promise<Credentials> {
    const askedAt = platform.now();
    return credentialsOf(await wx.renewToken({ refreshToken, attemptId }), uid, askedAt);
  }

  /** The credentials that took the place of others, if they are the same person's. */
  function instead(of: Credentials): Credentials {
    if (current?.uid === of.uid) return current;
    throw new ConnectError("signed out meanwhile", Code.Unauthenticated);
  }

  return {
    /** Whose credentials they are. */
    get uid() {
      return current?.uid;
    },

    /** Resolves when what storage holds was read. */
    async ready(): Promise<void> {
      await turn;
    },

    /** The credentials to call with, signed in and renewed where need be; undefined to call without. */
    async forCall(): Promise<Credentials | undefined> {
      await turn;
      if (!current) await update();
      if (!current) return left || !platform.code ? undefined : signIn();
      const state = freshness(current, platform.now());
      if (state === "over") return renew(current);
      if (state === "ending") renew(current).catch(() => {});
      return current;
    },

    /**
     * What to call with after a call with `used` failed so: what took its place meanwhile, or renewed
     * ones; undefined when the failure is the answer. A refusal of old credentials touches no newer ones.
     */
    async afterFailure(error: unknown, { credentials, renewed }: Used): Promise<Used | undefined> {
      const reason = reasonOf(error);
      if (isFinal(reason)) {
        if (current && current.accessToken === credentials?.accessToken) await lose(current, reason);
      } else if (isRefused(error)) await update();
      else return undefined;
      if (!current || (credentials && credentials.uid !== current.uid)) return undefined;
      if (current.accessToken !== credentials?.accessToken) return { credentials: current, renewed };
      return renewed ? undefined : { credentials: await renew(current), renewed: true };
    },

    async signIn(code?: string): Promise<string> {
      await update();
      return (code === undefined && current ? current : await signIn(code)).uid;
    },

    /** Drops the credentials, and ends their session if the server can be reached. */
    async signOut(): Promise<void> {
      left = true;
      await signingIn?.catch(() => {});
      left = true;
      let mine: Credentials | undefined;
      await update(() => {
        mine = current;
        return replace(undefined);
      });
      if (mine) await endSession(mine).catch(() => {});
    },
  };

  async function endSession(mine: Credentials): Promise<void> {
    try {
      await logout(mine);
    } catch (error) {
      if (!isRefused(error)) throw error;
      await logout(await askForRenewal(mine));
    }
  }

  async function logout({ accessToken }: Pick<Credentials, "accessToken">): Promise<void> {
    await wx.logout({}, { headers: { authorization: `Bearer ${accessToken}` } });
  }
}

/** Tries again and again, with pauses, what may do better later. */
async function persist<T>(ask: () => Promise<T>, again: (error: unknown) => boolean): Promise<T> {
  for (let left = TRIES - 1, pause = PAUSE_MS; ; left--, pause *= 2) {
    try {
      return await ask();
    } catch (error) {
      const asked = retryDelayOf(error) ?? 0;
      if (left === 0 || asked > LONGEST_PAUSE_MS || !again(error)) throw error;
      await sleep(Math.max(asked, pause * (1 - Math.random() / 2)));
    }
  }
}

const codeReasons: readonly unknown[] = ["WX_CODE_INVALID", "WX_CODE_USED"] satisfies Reason[];

/** A code is used up though the answer was lost: another one may do. */
function isWorthAnotherCode(error: unknown): boolean {
  return isPassing(error) || codeReasons.includes(reasonOf(error));
}
