/** Dots for each unit of the drawing: a phone's. */
const scale = 3;

export interface Picture {
  /** A data URL: WeChat saves by a long press what is in the page itself. */
  url: string;
  /** To keep or to share. */
  file: File;
}

/** An SVG drawing as PNG, which albums and chats take. `name` is without the ending. */
export async function pictureFrom(svg: string, name: string): Promise<Picture> {
  const canvas = await drawn(svg);
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve));
  if (!blob) throw new Error("浏览器不能生成图片。");
  return {
    url: canvas.toDataURL(),
    file: new File([blob], `${name}.png`, { type: "image/png" }),
  };
}

async function drawn(svg: string): Promise<HTMLCanvasElement> {
  const [, width, height] = (/viewBox="0 0 (\d+(?:\.\d+)?) (\d+(?:\.\d+)?)"/.exec(svg) ?? []).map(Number);
  if (!width || !height) throw new Error("浏览器不能生成图片。");
  const size = { width: Math.round(width * scale), height: Math.round(height * scale) };
  // Without a size of its own, a browser would choose one.
  const sized = svg.replace("<svg ", `<svg width="${size.width}" height="${size.height}" `);
  const url = URL.createObjectURL(new Blob([sized], { type: "image/svg+xml" }));
  try {
    const image = Object.assign(new Image(), { src: url });
    await image.decode();
    const canvas = Object.assign(document.createElement("canvas"), size);
    canvas.getContext("2d")?.drawImage(image, 0, 0, size.width, size.height);
    return canvas;
  } finally {
    URL.revokeObjectURL(url);
  }
}
