import type { App } from "../../app.ts";
import { appState } from "../../auth/app-store.ts";
import { admitsApp } from "../../auth/apps.ts";
import { invalid } from "../../errors.ts";
import { isAllowedPage, isPagePrefix } from "../allowed-pages.ts";
import * as hall from "./store.ts";

/** In the sandbox it may return to any page on the loopback host. */
const sandboxPartner = "sandbox-partner";

/** Whether a machine identity is a partner that may act. */
export async function isPartner(
  { store, settings }: Pick<App, "store" | "settings">,
  appid: string,
): Promise<boolean> {
  const [app] = await appState(store.read, { appid });
  return app?.role === "partner" && app.disabledAt === null && admitsApp(settings.sandbox)(appid);
}

/** Whether a page is on the partner's list. */
export async function isPartnersPage(
  { store, settings }: Pick<App, "store" | "settings">,
  appid: string,
  url: string,
): Promise<boolean> {
  const prefixes = (await hall.pagesOf(store.read, { appid })).map(({ prefix }) => prefix);
  return isAllowedPage(url, prefixes, { loopback: settings.sandbox && appid === sandboxPartner });
}

/**
 * What an operator does with a partner's list of pages. An entry is an origin or what the URLs begin with.
 * Each throws INVALID_REQUEST for what is neither, or for a name that is no partner's.
 */
export function partnerPages(app: Pick<App, "store" | "clock" | "settings">) {
  const { store, clock } = app;

  function check(text: string): string {
    if (!isPagePrefix(text)) {
      throw invalid({
        field: "page",
        description: `${text}: expected an http or https URL without query and fragment`,
      });
    }
    return new URL(text).href;
  }

  async function checkPartner(appid: string): Promise<void> {
    if (!(await isPartner(app, appid))) {
      throw invalid({ field: "appid", description: `there is no partner ${appid} in use` });
    }
  }

  return {
    check,

    /** False if it is there already. */
    async add(appid: string, url: string): Promise<boolean> {
      const prefix = check(url);
      await checkPartner(appid);
      return store.tx((tx) => hall.addPage(tx, { appid, prefix, createdAt: clock.now() }));
    },

    /** False if it was not there. Addresses at WeChat that lead there are refused from then on. */
    async remove(appid: string, url: string): Promise<boolean> {
      const prefix = check(url);
      return store.tx((tx) => hall.removePage(tx, { appid, prefix }));
    },

    async list(appid: string): Promise<string[]> {
      await checkPartner(appid);
      return (await hall.pagesOf(store.read, { appid })).map(({ prefix }) => prefix);
    },
  };
}
