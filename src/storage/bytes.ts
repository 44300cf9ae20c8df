/** The same bytes as a Buffer, whichever kind of array an engine gives. */
export function asBuffer(value: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
}
