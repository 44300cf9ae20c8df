/** What a request of wx.request gives back at once. */
export interface WxRequestTask {
  abort(): void;
  onHeadersReceived?(listener: (result: { header: object; statusCode?: number }) => void): void;
  onChunkReceived?(listener: (result: { data: ArrayBuffer }) => void): void;
}

interface WxFailure {
  errMsg: string;
}

/**
 * As much of the global `wx` as the client uses
 * (https://developers.weixin.qq.com/miniprogram/dev/api/network/request/wx.request.html). Storage is
 * used synchronously where it can be.
 */
export interface WxApi {
  request(options: {
    url: string;
    method: "POST";
    header: Record<string, string>;
    data: string | ArrayBuffer;
    dataType: string;
    responseType: "text" | "arraybuffer";
    timeout: number;
    enableChunked?: boolean;
    success(result: { statusCode: number; header: object; data: unknown }): void;
    fail(failure: WxFailure): void;
  }): WxRequestTask;
  login(options: {
    success(result: { code: string; errMsg?: string }): void;
    fail(failure: WxFailure): void;
  }): void;
  getStorageSync?(key: string): unknown;
  setStorageSync?(key: string, data: string): void;
  removeStorageSync?(key: string): void;
  getStorage?(options: { key: string; success(result: { data: unknown }): void; fail(): void }): void;
  setStorage?(options: { key: string; data: string; success(): void; fail(failure: WxFailure): void }): void;
  removeStorage?(options: { key: string; success(): void; fail(failure: WxFailure): void }): void;
  getRandomValues?(options: {
    length: number;
    success(result: { randomValues: ArrayBuffer }): void;
    fail(failure: WxFailure): void;
  }): void;
}
