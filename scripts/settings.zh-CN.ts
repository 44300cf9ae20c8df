/** The sentences of src/config.ts in Chinese, for README.zh-CN.md. */
export const chinese: Record<string, string> = {
  PORT: "监听的端口；0 表示由系统选择。",
  HOST: "监听的地址。沙箱只接受本机回环地址。",
  PUBLIC_URL: "客户端看到的服务器地址，也是令牌的签发者（iss）。以后更改会使已有的令牌全部失效。",
  DATABASE_URL: "file:路径 表示 SQLite，或者 postgres://…",
  ENCRYPTION_KEY:
    "base64 写成的 32 个随机字节，用来加密数据库中的密钥。沙箱之外必须设置；沙箱把它保存在数据库旁边的文件里。",
  ACCESS_TOKEN_TTL: "access token 的有效时间（秒）。",
  REFRESH_TOKEN_TTL: "会话不续期时能保持多久（秒）。",
  REFRESH_TOKEN_MAX: "会话最长能保持多久（秒）。",
  ORDER_EXPIRE: "订单在多长时间内可以支付（秒）。",
  WECHAT_APPID: "小程序的 appid。不设置时服务器以沙箱启动，自带一个模拟的微信。",
  WECHAT_SECRET: "小程序的 secret。沙箱之外必须设置。",
  WECHAT_API_BASE: "微信接口的地址：默认是 https://api.weixin.qq.com，沙箱中默认是模拟器。",
  SIM_PORT: "沙箱中微信模拟器的端口；默认是 PORT + 1。",
  SIM_TIME_SCALE: "模拟器的时钟快多少倍。",
  SANDBOX_REMOTE: "设为 1 时沙箱可以监听回环以外的地址：那时任何能访问它的人都可以用任何身份登录。",
  CORS_ORIGINS: "允许调用的网页来源，用逗号隔开。",
  BODY_LIMIT: "请求体的最大长度（字节）。",
  REQUEST_TIMEOUT: "调用者发完一个请求最多可以用多长时间（秒）。",
  METRICS_TOKEN: "读取 GET /metrics 时要出示的令牌。不设置时，沙箱对任何人开放，正式的服务器不对任何人开放。",
  LOG_LEVEL: "写入日志的最低级别。",
};
