import { type KeyObject, X509Certificate } from "node:crypto";
import { givenUp, unavailable } from "../errors.ts";
import { unverified } from "./errors.ts";
import { type Fields, Malformed, parseFields } from "./fields.ts";
import { isRsa, type PlatformKeys } from "./keys.ts";
import type { Sender } from "./request.ts";
import { openResource } from "./resource.ts";
import { checkClaims, readClaims, Unverified } from "./signature.ts";

interface Certificate {
  key: KeyObject;
  /** Unix ms. */
  from: number;
  to: number;
}

const path = "/v3/certificates";

/** WeChat Pay wants them fetched anew within 12 h (ms). */
const freshMs = 11 * 3600_000;
/** Pauses after a fetch (ms): anybody may send a notification with a serial of his own making. */
const pauseMs = 60_000;
const failedPauseMs = 5_000;

/**
 * WeChat Pay's certificates, fetched when one is needed that is not there. They come encrypted with the
 * APIv3 key, and the answer that brings them is signed with one of them
 * (https://pay.weixin.qq.com/docs/merchant/products/platform-certificate/apilist.html).
 *
 * There is one fetch at a time, and a pause after each; a caller who leaves does not end it.
 */
export function createCertificates({
  send,
  apiV3Key,
  clock,
}: {
  send: Sender;
  apiV3Key: Uint8Array;
  clock: { now(): number };
}): PlatformKeys {
  let certificates = new Map<string, Certificate>();
  let fetchedAt: number | undefined;
  let failedAt: number | undefined;
  let flight: Promise<void> | undefined;

  /** A clock that is set back ends the time; it never makes it longer. */
  function within(since: number | undefined, ms: number): boolean {
    return since !== undefined && clock.now() >= since && clock.now() < since + ms;
  }

  function usable(serial: string, among = certificates): KeyObject | undefined {
    const found = among.get(serial);
    return found && found.from <= clock.now() && clock.now() < found.to ? found.key : undefined;
  }

  async function find(given: string, signal?: AbortSignal): Promise<KeyObject | undefined> {
    if (!/^[0-9A-Fa-f]{1,40}$/.test(given)) return undefined;
    const serial = sameForm(given);
    const held = usable(serial);
    if (held && within(fetchedAt, freshMs)) return held;
    if (!flight) {
      if (within(failedAt, failedPauseMs)) {
        if (held) return held;
        throw unavailable("WeChat Pay's certificates", "could not be fetched a moment ago");
      }
      if (within(fetchedAt, pauseMs)) return undefined;
    }
    try {
      await untilAborted(fetched(), signal);
    } catch (error) {
      if (held && !signal?.aborted) return held;
      throw error;
    }
    return usable(serial);
  }

  /** Starts a fetch, or joins the one under way. */
  function fetched(): Promise<void> {
    flight ??= ask()
      .then(
        (fresh) => {
          certificates = fresh;
          fetchedAt = clock.now();
          failedAt = undefined;
        },
        (error: unknown) => {
          failedAt = clock.now();
          throw error;
        },
      )
      .finally(() => {
        flight = undefined;
      });
    flight.catch(() => {}); // when all who waited for it have left
    return flight;
  }

  async function ask(): Promise<Map<string, Certificate>> {
    const answer = await send({ method: "GET", path });
    try {
      const claims = readClaims(answer, clock.now());
      if (answer.status !== 200) throw new Unverified("no certificates");
      const fresh = new Map(
        parseFields(answer.body)
          .objects("data")
          .map((entry, index) => readCertificate(entry, `data[${index}]`)),
      );
      checkClaims(claims, usable(sameForm(claims.serial), fresh));
      return fresh;
    } catch (error) {
      if (error instanceof Unverified || error instanceof Malformed) throw unverified(answer, error.message);
      throw error;
    }
  }

  /** By its own serial number, which must be the one it came under. */
  function readCertificate(entry: Fields, path: string): [string, Certificate] {
    const sealed = entry.object("encrypt_certificate");
    const pem = Buffer.from(openResource(apiV3Key, sealed, `${path}.encrypt_certificate`)).toString();
    const certificate = parseCertificate(pem);
    const { serialNumber, publicKey, validFromDate, validToDate } = certificate ?? {};
    const serial = sameForm(entry.text("serial_no"));
    if (!serialNumber || !publicKey || !validFromDate || !validToDate || !isRsa(publicKey)) {
      throw new Malformed(path, "no certificate with an RSA key");
    }
    if (sameForm(serialNumber) !== serial) throw new Malformed(`${path}.serial_no`, "not the certificate's");
    return [serial, { key: publicKey, from: validFromDate.getTime(), to: validToDate.getTime() }];
  }

  return { find };
}

function parseCertificate(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}

/** Serial numbers are hexadecimal, in either case, with or without leading zeros. */
function sameForm(serial: string): string {
  return serial.toUpperCase().replace(/^0+(?=.)/, "");
}

function untilAborted(work: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (!signal) return work;
  return new Promise((resolve, reject) => {
    const leave = () => reject(givenUp("WeChat Pay's certificates", signal));
    if (signal.aborted) return leave();
    signal.addEventListener("abort", leave, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", leave));
  });
}
