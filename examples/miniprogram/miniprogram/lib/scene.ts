import { sandbox } from "../sandbox";

/** The most that a scene id can be: an unsigned int of 32 bits. */
const most = 2 ** 32 - 1;

/** The scene that the person scans; undefined when they don't, 0 when the code is not a seat's. */
export async function scanScene(): Promise<number | undefined> {
  const text = sandbox ? await sandbox.scan() : await scanned();
  return text === "" ? undefined : sceneIn(text);
}

/**
 * The scene that a code says: the number alone, as the `scene` of a mini-program's code is, or a `scene`
 * or `scene_id` in an address or a page's path. 0 when there is none.
 */
export function sceneIn(text: string): number {
  const [, digits = "0"] =
    /^(?:.*[?&]scene(?:_id)?=)?(\d{1,10})(?:[&#].*)?$/.exec(decoded(text.trim())) ?? [];
  const scene = Number(digits);
  return scene <= most ? scene : 0;
}

async function scanned(): Promise<string> {
  try {
    // A mini-program's own code comes as the path of a page, any other as what it says.
    const { path, result } = await wx.scanCode({ scanType: ["qrCode", "wxCode"] });
    return path || result;
  } catch (error) {
    if (String((error as { errMsg?: string }).errMsg).includes("cancel")) return "";
    throw error;
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
