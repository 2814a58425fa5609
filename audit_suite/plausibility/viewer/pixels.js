"use strict";

/**
 * The values of one picture, and their conversion to shades of the screen.
 *
 * A screen shows 256 shades; a radiograph has up to 65536. So the original values are kept, and
 * each window is a table from value to shade that is looked up for every pixel.
 */
class Pixels {
  /** @param {ImageData} data as decoded; with 16 bits, red is the high and green the low byte */
  constructor(data, bits, [centre, width]) {
    this.top = 2 ** bits - 1;
    this.width = data.width;
    this.height = data.height;
    this.window = { centre, width };
    this.greys = bits === 16 ? joinBytes(data.data) : greysOf(data.data);
    this.colours = this.greys ? null : data.data;
    this.sheet = make("canvas", { width: data.width, height: data.height });
    this.image = this.greys ? data : new ImageData(data.width, data.height);
  }

  /** Apply the window to `sheet`, which is then drawn. */
  develop({ centre, width }, inverted) {
    const shades = new Uint8ClampedArray(this.top + 1);
    const low = (centre - width / 2) * this.top;
    const slope = 255 / (width * this.top);
    for (let value = 0; value <= this.top; value++) {
      const shade = (value - low) * slope;
      shades[value] = inverted ? 255 - shade : shade;
    }
    if (this.greys) this.#developGreys(shades);
    else this.#developColours(shades);
    this.sheet.getContext("2d").putImageData(this.image, 0, 0);
  }

  /** Write whole pixels, four times as fast as bytes: changing the window has to be smooth. */
  #developGreys(shades) {
    const packed = Uint32Array.from(shades, (shade) => 0xff000000 | (shade * 0x010101));
    const out = new Uint32Array(this.image.data.buffer);
    const greys = this.greys;
    for (let i = 0; i < out.length; i++) out[i] = packed[greys[i]];
  }

  #developColours(shades) {
    const out = this.image.data;
    const colours = this.colours;
    for (let i = 0; i < out.length; i++) out[i] = i % 4 === 3 ? 255 : shades[colours[i]];
  }
}

/** Values of 16 bits. Blue is written as 0, so any other value is noise of the browser. */
function joinBytes(bytes) {
  const values = new Uint16Array(bytes.length / 4);
  for (let i = 0, at = 0; i < values.length; i++, at += 4) {
    if (bytes[at + 2] !== 0) {
      throw new Error(
        "this browser alters images to protect your privacy; open the pack in another browser, " +
          "or in a window that is not private",
      );
    }
    values[i] = (bytes[at] << 8) | bytes[at + 1];
  }
  return values;
}

/** Values of 8 bits, or null if the picture has colours. */
function greysOf(bytes) {
  const values = new Uint16Array(bytes.length / 4);
  for (let i = 0, at = 0; i < values.length; i++, at += 4) {
    if (bytes[at] !== bytes[at + 1] || bytes[at] !== bytes[at + 2]) return null;
    values[i] = bytes[at];
  }
  return values;
}

/** A picture; one with a map also has the same without it, as `other`, and that one the first. */
async function decodePicture(given) {
  const pixels = await decode(given);
  if (!given.plain) return pixels;
  pixels.other = await decode({ ...given, png: given.plain });
  pixels.other.other = pixels;
  return pixels;
}

/** Decode the content of a picture's file, without colour management, which would change values. */
async function decode({ png, bits, width, height, window }) {
  const text = atob(png.slice(png.indexOf(",") + 1));
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
  const bitmap = await createImageBitmap(new Blob([bytes], { type: "image/png" }), {
    colorSpaceConversion: "none",
    premultiplyAlpha: "none",
  });
  if (bitmap.width !== width || bitmap.height !== height) throw new Error("its size is wrong");
  const context = make("canvas", { width, height }).getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return new Pixels(context.getImageData(0, 0, width, height), bits, window);
}

/**
 * Pictures by code, loaded as scripts: a page from file:// may run files beside it but not read
 * them. The last few are kept, so that the next picture is ready when it is opened.
 */
const pictures = {
  kept: new Map(),
  handed: new Map(),

  /** @returns {Promise<Pixels>} rejected with a reason in words */
  get(code) {
    if (!this.kept.has(code)) {
      const promise = this.load(code);
      promise.catch(() => this.kept.delete(code));
      this.kept.set(code, promise);
      if (this.kept.size > 3) this.kept.delete(this.kept.keys().next().value);
    }
    return this.kept.get(code);
  },

  async load(code) {
    const script = make("script", { src: `images/${code}.js` });
    await new Promise((resolve, reject) => {
      script.onload = resolve;
      script.onerror = () => reject(new Error("its file is missing"));
      document.head.append(script);
    }).finally(() => script.remove());
    const given = this.handed.get(code);
    this.handed.delete(code);
    if (given === undefined) throw new Error("its file is damaged");
    return decodePicture(given);
  },
};

window.PICTURE = (code, given) => pictures.handed.set(code, given);
