import { baseUrl, simulatorUrl } from "./config";

/** What takes WeChat's place while the server is on this machine, in its sandbox; undefined elsewhere. */
export const sandbox = /^http:\/\/(127\.0\.0\.1|localhost)(:|\/|$)/.test(baseUrl)
  ? { phoneCode: "dev:13800138000", pay, scan }
  : undefined;

/** Has WeChat Pay's simulator pay, if the person says so; false when they don't. */
async function pay({ package: packed }: { package: string }): Promise<boolean> {
  const { confirm } = await wx.showModal({
    title: "沙箱",
    content: "模拟支付？",
    confirmText: "支付",
    cancelText: "取消",
  });
  if (confirm) await post("/sim/pay", { prepay_id: packed.replace("prepay_id=", "") });
  return confirm;
}

/** The developer tools have no camera: what the code at the seat says is typed in. Empty when it is not. */
async function scan(): Promise<string> {
  const { confirm, content } = await wx.showModal({
    title: "沙箱：输入座位码",
    editable: true,
    placeholderText: "1 到 20",
    confirmText: "扫码",
    cancelText: "取消",
  });
  return confirm ? content : "";
}

function post(path: string, data: object): Promise<void> {
  return new Promise((resolve, reject) => {
    wx.request({
      url: simulatorUrl + path,
      method: "POST",
      data,
      success: ({ statusCode, data: answer }) =>
        statusCode === 200 ? resolve() : reject(new Error(`${path}: ${JSON.stringify(answer)}`)),
      fail: ({ errMsg }) => reject(new Error(`${path}: ${errMsg}`)),
    });
  });
}
