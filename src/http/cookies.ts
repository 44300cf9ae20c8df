/** What is to be said in a Set-Cookie header. */
export interface SetCookie {
  name: string;
  /** Undefined deletes the cookie. It is percent-encoded where a cookie could not hold it. */
  value: string | undefined;
  /** How long it is kept (s); as long as the browser runs unless set. */
  maxAge?: number | undefined;
  /** "Path=/; HttpOnly; SameSite=Lax" */
  attributes: string;
}

/** A Set-Cookie header's text (RFC 6265, 4.1). */
export function cookieText({ name, value, maxAge, attributes }: SetCookie): string {
  if (value === undefined) return `${name}=; Max-Age=0; ${attributes}`;
  const age = maxAge === undefined ? "" : `Max-Age=${maxAge}; `;
  return `${name}=${encodeURIComponent(value.toWellFormed())}; ${age}${attributes}`;
}

/**
 * The values of all cookies of a name, in the order of the Cookie header (RFC 6265, 5.4), as they came but
 * without quotes around them. There may be several: of other paths, and of other domains, whose pages may
 * be other people's.
 */
export function cookieValues(header: string, name: string): string[] {
  return header.split(";").flatMap((pair) => {
    const at = pair.indexOf("=");
    if (at < 0 || pair.slice(0, at).trim() !== name) return [];
    const value = pair.slice(at + 1).trim();
    return /^".*"$/s.test(value) ? value.slice(1, -1) : value;
  });
}

/** The name of the cookie that stands for a browser's session. */
export const sidName = "sid";

/** Who gets to see that cookie: no script, no other site's form or picture; outside the sandbox, no plain HTTP. */
export function sidAttributes({ secure, domain }: { secure: boolean; domain: string | undefined }): string {
  const attributes = ["Path=/", "HttpOnly", "SameSite=Lax"];
  if (secure) attributes.push("Secure");
  if (domain !== undefined) attributes.push(`Domain=${domain}`);
  return attributes.join("; ");
}
