import { createDecipheriv, createHash, timingSafeEqual } from "node:crypto";
import { AppError, invalid } from "../errors.ts";
import { parseXml, XmlError } from "./xml.ts";

/** What came to the official account's callback by POST. */
export interface CallbackRequest {
  query: URLSearchParams;
  body: Uint8Array;
}

/** An event or message of the official account's. Values are as WeChat wrote them, `00123` included. */
export interface WechatEvent {
  /** The account's original id. */
  to: string;
  /** The person's openid. */
  from: string;
  /** Unix s. */
  createTime: number;
  /** `event`, `text`, … */
  msgType: string;
  /** `subscribe`, `unsubscribe`, `SCAN`, …; empty for messages. */
  event: string;
  eventKey: string;
  /** Of messages; empty for events. */
  msgId: string;
  /** The scene id of a `SCAN`, or of a `subscribe` by a QR code; undefined for none or one that is no number. */
  sceneId: number | undefined;
}

export interface CallbackOptions {
  /** The official account's: what is encrypted for another one is refused. */
  appid: string;
  /** Signs. */
  token: string;
  /** EncodingAESKey, 43 characters; with it plain events are refused, unless `plain` is set. */
  aesKey?: string | undefined;
  /** Takes plain events beside encrypted ones: for the sandbox, where nobody has to be kept out. */
  plain?: boolean | undefined;
}

/**
 * Reads what WeChat sends to the official account's callback
 * (https://developers.weixin.qq.com/doc/service/guide/dev/push/encryption.html).
 *
 * The signature of a plain event covers no more than the time and a nonce, so somebody who saw one can
 * send others: only encryption protects the content. The time is not compared with the clock, as WeChat
 * repeats events; whoever works them off has to know the ones that were.
 * @throws Error of one line when aesKey is none.
 */
export function createCallback({ appid, token, aesKey, plain = false }: CallbackOptions) {
  const key = aesKey === undefined ? undefined : keyOf(aesKey);

  /** The handshake: gives back echostr. @throws AppError WX_SIGNATURE_INVALID */
  function verify(query: URLSearchParams): string {
    checkSignature(query);
    return one(query, "echostr");
  }

  /**
   * Checks signatures, decrypts, parses.
   * @throws AppError WX_SIGNATURE_INVALID for whatever is not signed, or not encrypted as it has to be;
   * INVALID_REQUEST for signed nonsense.
   */
  function read({ query, body }: CallbackRequest): WechatEvent {
    checkSignature(query);
    const encrypted = query.has("encrypt_type") && one(query, "encrypt_type") !== "raw";
    if (!encrypted && (plain || !key)) return eventOf(fieldsOf(body));
    if (!key) throw refused("an encrypted event, and no key for it");
    if (!encrypted || one(query, "encrypt_type") !== "aes") throw refused("an event that is not encrypted");
    const { Encrypt: secret = "" } = fieldsOf(body);
    check([token, one(query, "timestamp"), one(query, "nonce"), secret], one(query, "msg_signature"));
    return eventOf(fieldsOf(decrypt(key, secret, appid)));
  }

  function checkSignature(query: URLSearchParams): void {
    check([token, one(query, "timestamp"), one(query, "nonce")], one(query, "signature"));
  }

  return { verify, read };
}

/** The cause is logged: it says what does not fit, and quotes nothing. */
function refused(what: string): AppError {
  return new AppError("WX_SIGNATURE_INVALID", {}, { cause: new Error(what) });
}

/** A signature is the SHA-1 of the texts, sorted and joined, in hex. */
function check(texts: string[], signature: string): void {
  const due = createHash("sha1").update(texts.sort().join("")).digest();
  const given = /^[0-9a-f]{40}$/.test(signature) ? Buffer.from(signature, "hex") : Buffer.alloc(due.length);
  if (!timingSafeEqual(due, given)) throw refused("a signature that does not fit");
}

/** A parameter that must stand there once, lest two readers take two values for it. */
function one(query: URLSearchParams, name: string): string {
  const [value, ...others] = query.getAll(name);
  if (!value || others.length > 0) throw refused(`not exactly one ${name}`);
  return value;
}

function keyOf(aesKey: string): Buffer {
  if (!/^[A-Za-z0-9]{43}$/.test(aesKey)) throw new Error("EncodingAESKey: expected 43 letters and digits");
  return Buffer.from(`${aesKey}=`, "base64");
}

const blockBytes = 32;
const saltBytes = 16;
const lengthBytes = 4;

/** The message within: AES-256-CBC over salt, length, message and appid, padded to 32 bytes (PKCS#7). */
function decrypt(key: Buffer, secret: string, appid: string): Buffer {
  const sealed = Buffer.from(secret, "base64");
  if (sealed.length === 0 || sealed.length % blockBytes !== 0 || sealed.toString("base64") !== secret) {
    throw refused("an Encrypt that is no such text");
  }
  const decipher = createDecipheriv("aes-256-cbc", key, key.subarray(0, 16)).setAutoPadding(false);
  const padded = Buffer.concat([decipher.update(sealed), decipher.final()]);
  const padding = padded.at(-1) ?? 0;
  const plain = padded.subarray(0, Math.max(0, padded.length - padding));
  const wellPadded =
    padding >= 1 && padding <= blockBytes && padded.subarray(plain.length).every((byte) => byte === padding);
  if (!wellPadded || plain.length < saltBytes + lengthBytes)
    throw refused("an event that another key encrypted");
  const start = saltBytes + lengthBytes;
  const end = start + plain.readUInt32BE(saltBytes);
  // Nothing is left for the appid when the length goes too far.
  if (!plain.subarray(end).equals(Buffer.from(appid))) throw refused("an event of another app");
  return plain.subarray(start, end);
}

type Fields = Readonly<Record<string, string>>;

function fieldsOf(bytes: Uint8Array): Fields {
  try {
    return parseXml(bytes);
  } catch (error) {
    if (error instanceof XmlError) throw invalid({ field: "", description: error.message }, error);
    throw error;
  }
}

const longestName = 128;

function eventOf(fields: Fields): WechatEvent {
  const { CreateTime: time = "", EventKey: eventKey = "", MsgId: msgId = "" } = fields;
  if (!/^\d{1,12}$/.test(time))
    throw invalid({ field: "CreateTime", description: "must be a time in seconds" });
  const msgType = name(fields, "MsgType");
  const event = msgType === "event" ? name(fields, "Event") : "";
  return {
    to: name(fields, "ToUserName"),
    from: name(fields, "FromUserName"),
    createTime: Number(time),
    msgType,
    event,
    eventKey,
    msgId,
    sceneId: sceneOf(event, eventKey),
  };
}

function name(fields: Fields, field: string): string {
  const value = fields[field];
  if (!value || value.length > longestName) {
    throw invalid({ field, description: `must be a text of 1 to ${longestName} characters` });
  }
  return value;
}

/** Scenes can have texts too: `00123` is one, and no number. */
function sceneOf(event: string, eventKey: string): number | undefined {
  const prefix = { subscribe: "qrscene_", SCAN: "" }[event];
  if (prefix === undefined || !eventKey.startsWith(prefix)) return undefined;
  const scene = eventKey.slice(prefix.length);
  const number = /^[1-9]\d{0,9}$/.test(scene) ? Number(scene) : 0;
  return number >= 1 && number < 2 ** 32 ? number : undefined;
}
