/** Where the server is. This is the one place to change it. */
export const baseUrl = "http://127.0.0.1:8080";

/**
 * The server's sandbox, which takes WeChat's place: used while `baseUrl` is on this machine. A code of
 * `dev:<name>` signs that person in, and the simulator takes the payments.
 */
export const sandboxUser = "dev:alice";
export const simulatorUrl = "http://127.0.0.1:8081";

/** How often a page asks again for what changes by itself (ms). */
export const pollEveryMs = 3000;
