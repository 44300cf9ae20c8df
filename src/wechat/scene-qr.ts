import { invalid } from "../errors.ts";
import type { AppApi } from "./access-token.ts";
import { secondsOf, textOf } from "./answer.ts";

const path = "/cgi-bin/qrcode/create";
const longestText = 1024;
/** WeChat has 100 000 codes that do not run out. */
const lastLasting = 100_000;

/**
 * Makes a QR code with a scene id; 0 s makes one that does not run out
 * (https://developers.weixin.qq.com/doc/service/api/qrcode/qrcodes/api_createqrcode.html).
 * @throws AppError INVALID_REQUEST when one that does not run out has an id above 100000; RATE_LIMITED,
 * WX_MISCONFIGURED, WX_UNAVAILABLE; CALL_CANCELLED or DEADLINE_PASSED when `signal` ended the call.
 */
export async function createSceneQr(
  api: AppApi,
  { sceneId, expireSeconds, signal }: { sceneId: number; expireSeconds: number; signal?: AbortSignal },
): Promise<{ ticket: string; url: string; expireSeconds: number }> {
  const lasting = expireSeconds === 0;
  if (lasting && sceneId > lastLasting) {
    const description = `must be at most ${lastLasting} for a code that does not run out`;
    throw invalid({ field: "scene_id", description });
  }
  const body = {
    ...(lasting
      ? { action_name: "QR_LIMIT_SCENE" }
      : { action_name: "QR_SCENE", expire_seconds: expireSeconds }),
    action_info: { scene: { scene_id: sceneId } },
  };
  const answer = await api.postJson({ path, query: {}, body, reasons: {}, signal });
  const where = `POST ${path}`;
  return {
    ticket: textOf(where, answer, ["ticket", longestText]),
    url: textOf(where, answer, ["url", longestText]),
    expireSeconds: lasting ? 0 : secondsOf(where, answer, "expire_seconds"),
  };
}
