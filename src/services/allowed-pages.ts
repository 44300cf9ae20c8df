/** Scheme, host and port as they have to be written: no user, no backslash, nothing percent-encoded. */
const written = /^https?:\/\/([a-z0-9.-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?(?=[/?#]|$)/i;
const unprintable = /[^\x21-\x7e]|\\/;
/** `.` and `..`, also as servers read them that cut off `;…` first. */
const dotSegment = /\/\.{1,2}(?:[/;]|$)/;
/** Encoded NUL, %, dot, slash and backslash: a server that decodes before it routes may leave the folder. */
const encodedStep = /%(?:00|25|2e|2f|5c)/i;
const loopbackHost = /^(?:127\.\d+\.\d+\.\d+|\[::1\]|localhost)$/;

/**
 * Whether somebody may be sent to this page. It is, if one of `prefixes` (URLs without query and fragment)
 * has its origin and a path that is the page's or one of the folders above it. Pages whose address
 * two programs may read in two ways are none.
 * @param options.loopback takes every page on the loopback host too
 */
export function isAllowedPage(
  url: string,
  prefixes: readonly string[],
  { loopback = false }: { loopback?: boolean } = {},
): boolean {
  const host = written.exec(url)?.[1];
  if (host === undefined || unprintable.test(url)) return false;
  const page = URL.parse(url);
  // Otherwise 0x7f.1 would be another spelling of 127.0.0.1.
  if (!page || page.hostname !== host.toLowerCase()) return false;
  const path = /^[^?#]*/.exec(url.slice(url.indexOf("//") + 2))?.[0] ?? "";
  if (dotSegment.test(path.replaceAll(/%2e/gi, "."))) return false;
  if (loopback && loopbackHost.test(page.hostname)) return true;
  return prefixes.some((prefix) => {
    const { origin, pathname: folder } = new URL(prefix);
    if (origin !== page.origin) return false;
    if (folder === "/") return true;
    if (encodedStep.test(path)) return false;
    return page.pathname === folder || page.pathname.startsWith(folder.endsWith("/") ? folder : `${folder}/`);
  });
}

/** Whether a page of this page's origin may be allowed at all, whatever its path. */
export function isAllowedOrigin(
  url: string,
  prefixes: readonly string[],
  options: { loopback?: boolean } = {},
): boolean {
  const origins = prefixes.map((prefix) => new URL(prefix).origin);
  return isAllowedPage(url, origins, options);
}

/** Whether a text may stand on such a list: the address of a page, without query and fragment. */
export function isPagePrefix(text: string): boolean {
  return !/[?#]/.test(text) && URL.canParse(text) && isAllowedPage(text, [text]);
}
