const acceptable = /^[A-Za-z0-9._-]{1,64}$/;

/**
 * Makes the function that names requests: the caller's own x-request-id if it is one, else a new
 * one. `prefix` tells runs of the server apart.
 */
export function createRequestIds(prefix: string): (given: string | string[] | undefined) => string {
  let count = 0;
  return (given) => {
    if (typeof given === "string" && acceptable.test(given)) return given;
    count += 1;
    return `${prefix}-${count.toString(36)}`;
  };
}
