// Pictures that have arrived, decoded; the oldest unused make room.

const MOST = 220;

export class TileCache {
  constructor() {
    /** @type {Map<string, ImageBitmap>} */ this.tiles = new Map();
  }

  /**
   * @param {string} key
   * @returns {ImageBitmap|undefined}
   */
  get(key) {
    const found = this.tiles.get(key);
    if (found) {
      this.tiles.delete(key);
      this.tiles.set(key, found);
    }
    return found;
  }

  /** @param {string} key */
  has(key) {
    return this.tiles.has(key);
  }

  /**
   * @param {string} key
   * @param {ImageBitmap} bitmap
   */
  set(key, bitmap) {
    this.tiles.get(key)?.close();
    this.tiles.set(key, bitmap);
    for (const [old, own] of this.tiles) {
      if (this.tiles.size <= MOST) break;
      own.close();
      this.tiles.delete(old);
    }
  }

  /**
   * Forget what is of no more use.
   * @param {(key: string) => boolean} useless
   */
  prune(useless) {
    for (const [key, bitmap] of this.tiles) {
      if (useless(key)) {
        bitmap.close();
        this.tiles.delete(key);
      }
    }
  }
}

/**
 * @param {Uint8Array} bytes
 * @returns {Promise<ImageBitmap>}
 */
export function decode(bytes) {
  // As they are: a color profile of the screen is the browser's matter, when it shows them.
  return createImageBitmap(new Blob([/** @type {any} */ (bytes)]), { colorSpaceConversion: "none", premultiplyAlpha: "premultiply" });
}
