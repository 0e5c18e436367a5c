// The image: zoom, pan, tiles, the split, and what is drawn over it.

import { TileCache, decode } from "./tiles.js";
import { drawDataBar, drawHints, drawScaleBar, drawTarget } from "./overlays.js";
import { throttled } from "./dom.js";

const TILE = 512;
const LARGEST = 40;

/**
 * @typedef {Object} ViewInfo what Python says of an image, see images.py
 * @property {string} view
 * @property {number} width
 * @property {number} height
 * @property {number|null} bar
 * @property {number|null} nanometers
 * @property {[number, number][]} levels
 * @property {number} base
 * @property {number} hintSize
 * @property {string} range
 * @property {string} depth
 * @property {string|null} instrument
 * @property {string[]} notes
 */

export class Viewer {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {(message: any) => void} send
   */
  constructor(canvas, send) {
    this.canvas = canvas;
    this.context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    /** @type {ViewInfo|null} */ this.info = null;
    this.scale = 1;
    this.x = 0;
    this.y = 0;
    this.fitted = true;
    /** Places in the images that were looked at before, by view. @type {Map<string, [number, number, number, boolean]>} */
    this.places = new Map();
    this.tiles = new TileCache();
    /** @type {Map<string, ImageBitmap>} */ this.grays = new Map();
    /** @type {{version: number, variant: number, exact: boolean, colorless: boolean, bitmap: ImageBitmap|null}|null} */
    this.picture = null;
    /** @type {ImageBitmap|null} */ this.veil = null;
    /** Share of the stage left of which the original is shown. */
    this.split = 0;
    this.original = false;
    /** @type {any[]} */ this.hints = [];
    /** @type {Map<string, any>} */ this.classes = new Map();
    /** @type {[number, number]|null} */ this.target = null;
    this.selected = 0;
    this.showHints = true;
    /** @type {{path: [number, number][], size: number, color: string}|null} */ this.stroke = null;
    /** @type {[number, number]|null} */ this.crosshair = null;
    /** @type {() => void} */ this.onchange = () => {};
    this.width = 1;
    this.height = 1;
    this.frame = 0;
    this.arrived = 0;
    /** Tiles that would make what is seen sharper. */
    this.lacking = 0;
    this.ask = throttled((/** @type {any} */ message) => send(message), 50);
    this.asked = "";
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(/** @type {HTMLElement} */ (canvas.parentElement));
  }

  close() {
    this.observer.disconnect();
    cancelAnimationFrame(this.frame);
  }

  resize() {
    const box = /** @type {HTMLElement} */ (this.canvas.parentElement).getBoundingClientRect();
    if (!box.width || !box.height) return;
    const ratio = window.devicePixelRatio || 1;
    this.width = box.width;
    this.height = box.height;
    this.canvas.width = Math.round(box.width * ratio);
    this.canvas.height = Math.round(box.height * ratio);
    if (this.fitted) this.fit();
    else this.redraw();
  }

  /**
   * A view is shown, perhaps again.
   * @param {ViewInfo} info
   * @param {Uint8Array} bytes
   */
  async open(info, bytes) {
    const before = this.info;
    // At once: what follows belongs to this view, even while its picture is decoded.
    this.info = info;
    if (before?.view !== info.view) {
      if (before) this.places.set(before.view, [this.scale, this.x, this.y, this.fitted]);
      this.picture = null;
      this.veil = null;
      this.target = null;
      this.selected = 0;
      const place = this.places.get(info.view);
      if (place && !place[3]) [this.scale, this.x, this.y, this.fitted] = place;
      else this.fit();
    }
    this.asked = "";
    const bitmap = await decode(bytes);
    this.grays.get(info.view)?.close();
    // The latest is the last one to make room.
    this.grays.delete(info.view);
    this.grays.set(info.view, bitmap);
    if (this.grays.size > 12) {
      const [oldest, own] = /** @type {[string, ImageBitmap]} */ (this.grays.entries().next().value);
      own.close();
      this.grays.delete(oldest);
    }
    this.redraw();
  }

  /** Python was started anew: its numbers begin again, so what is kept under them is of no use. */
  forget() {
    this.picture?.bitmap?.close();
    this.picture = null;
    this.tiles.prune(() => true);
    this.asked = "";
  }

  clear() {
    this.info = null;
    this.picture = null;
    this.hints = [];
    this.redraw();
  }

  /**
   * A picture is there.
   * @param {any} header
   * @param {Uint8Array} bytes
   */
  async setPicture(header, bytes) {
    if (header.view !== this.info?.view) return;
    const bitmap = header.colorless ? null : await decode(bytes);
    if (header.view !== this.info?.view || (this.picture && this.picture.version > header.version)) {
      bitmap?.close();
      return;
    }
    this.picture?.bitmap?.close();
    this.picture = {
      version: header.version, variant: header.variant, exact: header.exact, colorless: header.colorless, bitmap,
    };
    this.target = header.nextHint;
    this.tiles.prune((key) => key.startsWith(`color/${header.view}/`) && !key.startsWith(this.colorKey()));
    this.arrived += 1;
    this.redraw();
  }

  /**
   * @param {any} header
   * @param {Uint8Array} bytes
   */
  async setTile(header, bytes) {
    const bitmap = await decode(bytes);
    const [level, row, column] = header.tile;
    const start = header.layer === "gray" ? `gray/${header.view}/` : `color/${header.view}/${header.version}/${header.variant}/`;
    if (header.layer === "color" && !start.startsWith(this.colorKey())) {
      bitmap.close();
      return;
    }
    this.tiles.set(`${start}${level}/${row}/${column}`, bitmap);
    this.redraw();
  }

  /** @param {Uint8Array} bytes */
  async setVeil(bytes) {
    this.veil?.close();
    this.veil = await decode(bytes);
    this.redraw();
  }

  /** @param {boolean} on */
  setUncertainty(on) {
    if (!on && this.veil) {
      this.veil.close();
      this.veil = null;
      this.redraw();
    }
  }

  colorKey() {
    return `color/${this.info?.view}/${this.picture?.version}/${this.picture?.variant}/`;
  }

  /** @param {number} x @param {number} y @returns {[number, number]} */
  toImage(x, y) {
    return [(x - this.x) / this.scale, (y - this.y) / this.scale];
  }

  /** @param {number} x @param {number} y @returns {[number, number]} */
  toStage(x, y) {
    return [x * this.scale + this.x, y * this.scale + this.y];
  }

  fit() {
    if (!this.info) return;
    const { width, height } = this.info;
    const margin = 12;
    this.scale = Math.min((this.width - 2 * margin) / width, (this.height - 2 * margin) / height);
    this.x = (this.width - width * this.scale) / 2;
    this.y = (this.height - height * this.scale) / 2;
    this.fitted = true;
    this.moved();
  }

  smallest() {
    if (!this.info) return 0.01;
    return Math.min(1, 0.5 * Math.min(this.width / this.info.width, this.height / this.info.height));
  }

  /**
   * Zoom so that what is at a place of the stage stays there.
   * @param {number} factor
   * @param {number} [x]
   * @param {number} [y]
   */
  zoom(factor, x = this.width / 2, y = this.height / 2) {
    if (!this.info) return;
    const scale = Math.min(LARGEST, Math.max(this.smallest(), this.scale * factor));
    const [column, row] = this.toImage(x, y);
    this.scale = scale;
    this.x = x - column * scale;
    this.y = y - row * scale;
    this.fitted = false;
    this.moved();
  }

  /** One pixel of the image a pixel of the screen. */
  actual() {
    this.zoom(1 / (window.devicePixelRatio || 1) / this.scale);
  }

  /** @param {number} dx @param {number} dy */
  pan(dx, dy) {
    this.x += dx;
    this.y += dy;
    this.fitted = false;
    this.moved();
  }

  /** Bring a place of the image to the middle, near enough to see it. @param {number} column @param {number} row */
  goTo(column, row) {
    if (!this.info) return;
    const near = Math.min(this.width, this.height) / (0.25 * Math.max(this.info.width, this.info.height));
    this.scale = Math.max(this.scale, Math.min(near, 4));
    this.x = this.width / 2 - column * this.scale;
    this.y = this.height / 2 - row * this.scale;
    this.fitted = false;
    this.moved();
  }

  moved() {
    if (this.info) {
      // Some of the image stays in sight.
      const keep = 60;
      const { width, height } = this.info;
      this.x = Math.min(this.width - keep, Math.max(keep - width * this.scale, this.x));
      this.y = Math.min(this.height - keep, Math.max(keep - height * this.scale, this.y));
    }
    this.onchange();
    this.redraw();
  }

  redraw() {
    if (!this.frame) {
      this.frame = requestAnimationFrame(() => {
        this.frame = 0;
        this.draw();
      });
    }
  }

  /** Number of the size that shows every pixel of the screen. */
  level() {
    const info = /** @type {ViewInfo} */ (this.info);
    const shown = this.scale * (window.devicePixelRatio || 1);
    const level = Math.floor(Math.log2(1 / shown) + 0.25);
    return Math.max(0, Math.min(info.levels.length - 1, level));
  }

  draw() {
    const context = this.context;
    const ratio = window.devicePixelRatio || 1;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    const info = this.info;
    if (!info) return;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.imageSmoothingEnabled = this.scale * ratio < 3;
    context.imageSmoothingQuality = "medium";
    const level = this.level();
    const gray = this.grays.get(info.view);
    const whole = /** @type {[number, number, number, number]} */ ([
      this.x, this.y, info.width * this.scale, info.height * this.scale,
    ]);
    if (gray) context.drawImage(gray, ...whole);
    /** @type {number[][]} */ const lacking = [];
    /** @type {number[][]} */ const lackingColor = [];
    this.drawTiles(`gray/${info.view}/`, info.base, level, lacking);
    const picture = this.picture;
    if (picture && !picture.colorless && picture.bitmap && !this.original && this.split < 1) {
      context.save();
      context.beginPath();
      context.rect(this.split * this.width, 0, this.width, this.height);
      context.clip();
      const smallest = info.levels.length - 1;
      if (level < smallest) {
        // Sharp lightness at once, with the colors of the smaller picture, until exact tiles are there.
        context.globalCompositeOperation = "color";
        context.drawImage(picture.bitmap, ...whole);
        context.globalCompositeOperation = "source-over";
        this.drawTiles(this.colorKey(), smallest, level, lackingColor);
      } else context.drawImage(picture.bitmap, ...whole);
      context.restore();
    }
    if (this.veil && !this.original) {
      const rows = info.bar ?? info.height;
      context.drawImage(this.veil, this.x, this.y, info.width * this.scale, rows * this.scale);
    }
    drawDataBar(context, this, info);
    if (this.target && this.showHints) drawTarget(context, ...this.toStage(this.target[0] + 0.5, this.target[1] + 0.5));
    if (this.showHints) drawHints(context, this);
    if (info.nanometers) drawScaleBar(context, this, info.nanometers);
    this.lacking = lacking.length + lackingColor.length;
    this.request(lacking, lackingColor);
  }

  /**
   * Draw the tiles that are there, finer ones over coarser ones, and note those of the finest level that are not.
   * @param {string} start
   * @param {number} whole level that is there in one piece
   * @param {number} level the finest
   * @param {number[][]} lacking
   */
  drawTiles(start, whole, level, lacking) {
    const info = /** @type {ViewInfo} */ (this.info);
    for (let own = whole - 1; own >= level; own--) {
      const [columns, rows] = info.levels[own];
      const size = [(info.width * this.scale) / columns, (info.height * this.scale) / rows];
      const first = [Math.floor(-this.x / size[0] / TILE), Math.floor(-this.y / size[1] / TILE)];
      const last = [
        Math.ceil((this.width - this.x) / size[0] / TILE) - 1, Math.ceil((this.height - this.y) / size[1] / TILE) - 1,
      ];
      for (let row = Math.max(0, first[1]); row <= last[1] && row * TILE < rows; row++) {
        for (let column = Math.max(0, first[0]); column <= last[0] && column * TILE < columns; column++) {
          const tile = this.tiles.get(`${start}${own}/${row}/${column}`);
          if (!tile) {
            if (own === level) lacking.push([own, row, column]);
            continue;
          }
          // To whole pixels of the screen, or seams would shine through.
          const ratio = window.devicePixelRatio || 1;
          const snap = (/** @type {number} */ value) => Math.round(value * ratio) / ratio;
          const left = this.x + column * TILE * size[0];
          const top = this.y + row * TILE * size[1];
          const [x, y] = [snap(left), snap(top)];
          const right = snap(left + tile.width * size[0]);
          this.context.drawImage(tile, x, y, right - x, snap(top + tile.height * size[1]) - y);
        }
      }
    }
  }

  /** @param {number[][]} gray @param {number[][]} color */
  request(gray, color) {
    const info = /** @type {ViewInfo} */ (this.info);
    const middle = this.toImage(this.width / 2, this.height / 2);
    const far = (/** @type {number[]} */ [level, row, column]) => {
      const size = info.width / info.levels[level][0] * TILE;
      return Math.hypot((column + 0.5) * size - middle[0], (row + 0.5) * size - middle[1]);
    };
    const sorted = (/** @type {number[][]} */ tiles) => tiles.sort((a, b) => far(a) - far(b)).slice(0, 300);
    const message = {
      type: "tiles", view: info.view, gray: sorted(gray), color: sorted(color),
      version: this.picture?.version ?? 0, variant: this.picture?.variant ?? 0,
    };
    const text = JSON.stringify(message);
    if (text !== this.asked && (gray.length || color.length)) {
      this.asked = text;
      this.ask(message);
    }
  }
}
