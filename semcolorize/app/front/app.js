// The window: puts the parts together, knows the state that Python tells, and says what a person does.

import { statusBar, topBar } from "./bars.js";
import { h, iconButton } from "./dom.js";
import { exportDialog, helpDialog } from "./dialogs.js";
import { choose, filesOf, filmstrip, receiver, take, uploader } from "./files.js";
import { listenToKeys } from "./keys.js";
import { classesPanel } from "./panel_classes.js";
import { hintsPanel } from "./panel_hints.js";
import { resultPanel } from "./panel_result.js";
import { listen } from "./pointer.js";
import { receive } from "./receive.js";
import { splitHandle } from "./split.js";
import { startPage } from "./start.js";
import { Viewer } from "./viewer.js";

const NO_STATE = {
  views: [], active: null, classes: [], hints: [], undo: null, redo: null, variant: 0, uncertainty: false, beside: false,
  options: { spread: "alike", fill: "gray", variants: 1, seed: 0, series: false, classes: 0, own_palette: false, like: "" },
};

export class App {
  /**
   * @param {HTMLElement} root
   * @param {import("./transport.js").Transport} transport
   * @param {{page: boolean}} host
   */
  constructor(root, transport, host) {
    this.root = root;
    this.transport = transport;
    this.host = host;
    /** @type {any} */ this.state = NO_STATE;
    /** @type {any} */ this.palettes = null;
    /** @type {any} */ this.picture = null;
    /** @type {Map<string, any>} */ this.pictures = new Map();
    this.partBytes = 4 << 20;
    this.mostBytes = 4 * 2 ** 30;
    this.picked = "";
    this.size = 7;
    this.spread = "alike";
    this.hand = false;
    this.handHeld = false;
    /** Put by hand: what an image suggests does not count any more. */
    this.sizeChosen = false;
    this.canvas = h("canvas", {
      class: "sc-canvas", tabindex: 0, role: "application",
      "aria-label": "Micrograph. Arrow keys move a crosshair, Enter puts a hint there.",
    });
    this.split = splitHandle(this);
    this.start = startPage(this);
    this.stage = h("div", { class: "sc-stage" }, this.canvas, this.split.element, this.start.element);
    this.viewer = new Viewer(this.canvas, (message) => this.send(message));
    this.uploads = uploader(this);
    this.strip = filmstrip(this);
    this.receiveFile = receiver();
    this.panels = { classes: classesPanel(this), hints: hintsPanel(this), result: resultPanel(this) };
    this.dialogs = { save: exportDialog(this), help: helpDialog() };
    this.toasts = h("div", { class: "sc-toasts" });
    this.live = h("div", { class: "sc-live", role: "status", "aria-live": "polite" });
    this.top = topBar(this);
    this.status = statusBar(this);
    this.left = h("aside", { class: "sc-side", "aria-label": "Classes and hints" },
      this.panels.classes.element, this.panels.hints.element);
    this.right = h("aside", { class: "sc-side", "aria-label": "Result" }, this.panels.result.element);
    this.root.classList.add("semcolorize");
    // JupyterLab has a key for nearly everything.
    this.root.dataset.lmSuppressShortcuts = "true";
    this.root.append(this.top.element, this.left, this.stage, this.right, this.strip.element, this.status.element,
      this.toasts, this.live, this.dialogs.save.element, this.dialogs.help.element);
    listen(this.canvas, this.viewer, {
      panning: () => this.hand || this.handHeld,
      size: () => this.size,
      color: (event) => this.classOf(event.altKey ? "gray" : this.picked)?.color || "#fff",
      onhint: (path, event) => this.addHint(path, event),
      onmove: (hint, place) => this.send({ type: "change-hint", view: this.state.active, hint: hint.id, place }),
      onselect: (id) => this.select(id),
      onhover: (place) => this.hover(place),
    });
    this.viewer.onchange = () => this.status.update();
    this.root.addEventListener("dragover", (event) => {
      event.preventDefault();
      this.root.classList.add("sc-dropping");
    });
    this.root.addEventListener("dragleave", (event) => {
      if (!this.root.contains(/** @type {Node} */ (event.relatedTarget))) this.root.classList.remove("sc-dropping");
    });
    this.root.addEventListener("drop", async (event) => {
      event.preventDefault();
      this.root.classList.remove("sc-dropping");
      if (event.dataTransfer) take(this, await filesOf(event.dataTransfer));
    });
    this.update();
    transport.onmessage = (header, buffers) => receive(this, header, buffers);
    transport.onstate = (state) => this.connection(state);
    this.stopKeys = listenToKeys(this, host.page);
  }

  /**
   * @param {any} header
   * @param {Uint8Array[]} [buffers]
   */
  send(header, buffers = []) {
    this.transport.send(header, buffers);
  }

  /** @param {any} state */
  setState(state) {
    let number = 0;
    for (const own of state.classes) own.number = own.gray ? 0 : ++number;
    this.state = state;
    if (!this.classOf(this.picked)) this.picked = (state.classes.find((/** @type {any} */ own) => !own.gray) || state.classes[0]).id;
    if (this.viewer.selected && !state.hints.some((/** @type {any} */ hint) => hint.id === this.viewer.selected)) this.viewer.selected = 0;
    this.viewer.hints = state.hints;
    this.viewer.classes = new Map(state.classes.map((/** @type {any} */ own) => [own.id, own]));
    this.viewer.setUncertainty(state.uncertainty);
    this.update();
    this.viewer.redraw();
  }

  update() {
    const { state } = this;
    const open = state.views.length > 0;
    this.root.classList.toggle("sc-empty", !open);
    this.start.element.hidden = open;
    for (const panel of Object.values(this.panels)) panel.update();
    this.top.update();
    this.split.update();
    this.strip.update();
    this.status.update();
  }

  /** For who does not see it. @param {any} header */
  tellPicture(header) {
    const parts = header.colorless ? [] : header.legend.map((/** @type {any} */ e) => `${e.name} ${Math.round(100 * e.share)} percent`);
    this.live.textContent = parts.length ? `Colored: ${parts.join(", ")}` : "No colors";
  }

  /** @param {string} text @param {number|null} [share] */
  progress(text, share = null) {
    this.status.progress(text, share);
  }

  /** @param {string} text @param {"error"|"notice"} [kind] */
  toast(text, kind = "notice") {
    const toast = h("div", { class: `sc-toast sc-${kind}`, role: kind === "error" ? "alert" : "status" }, h("span", {}, text),
      iconButton("close", "Dismiss", () => toast.remove(), { class: "sc-icon-button sc-small" }));
    // Said once is enough.
    for (const old of [...this.toasts.children]) if (old.firstChild?.textContent === text) old.remove();
    this.toasts.append(toast);
    while (this.toasts.children.length > 4) this.toasts.firstChild?.remove();
    setTimeout(() => toast.remove(), kind === "error" ? 15000 : 6000);
  }

  /** @param {"open"|"lost"} state */
  connection(state) {
    this.root.classList.toggle("sc-lost", state === "lost");
    if (state === "lost") this.progress("The program does not answer. Was it ended? Looking for it again…");
    else this.progress("");
  }

  /** @param {string} id */
  classOf(id) {
    return this.state.classes.find((/** @type {any} */ own) => own.id === id);
  }

  /** @param {string} id */
  pick(id) {
    this.picked = id;
    this.update();
  }

  /** @param {number} number */
  pickNumber(number) {
    const own = this.state.classes.find((/** @type {any} */ one) => one.number === number);
    if (own) this.pick(own.id);
  }

  /** @param {[number, number][]} path @param {{shiftKey: boolean, altKey: boolean}} modifiers */
  addHint(path, modifiers) {
    const of = modifiers.altKey ? "gray" : this.picked;
    const spread = modifiers.shiftKey ? "instance" : this.spread;
    // Seen before Python has heard of it.
    const kind = path.length > 1 ? "line" : "point";
    this.viewer.hints = [...this.viewer.hints, { id: -1, of, spread, kind, path, size: this.size }];
    this.viewer.redraw();
    this.send({ type: "add-hint", view: this.state.active, of, path, size: this.size, spread });
  }

  /** @param {number} size */
  setSize(size) {
    this.size = size;
    this.sizeChosen = true;
    this.update();
  }

  /** @param {"alike"|"instance"} spread */
  setSpread(spread) {
    this.spread = spread;
    this.update();
  }

  /** @param {number} id */
  select(id) {
    this.viewer.selected = id;
    this.viewer.redraw();
    this.update();
  }

  removeSelected() {
    if (this.viewer.selected) this.send({ type: "remove-hint", view: this.state.active, hint: this.viewer.selected });
  }

  /** @param {[number, number]|null} place */
  hover(place) {
    this.status.setPlace(place);
  }

  /** @param {number} dx @param {number} dy @param {boolean} far */
  moveCrosshair(dx, dy, far) {
    const { viewer } = this;
    const { info } = viewer;
    if (!info) return;
    const [x, y] = viewer.crosshair || viewer.toImage(viewer.width / 2, viewer.height / 2);
    const step = (far ? 48 : 8) / viewer.scale;
    viewer.crosshair = [
      Math.min(info.width - 0.5, Math.max(0.5, x + dx * step)), Math.min(info.height - 0.5, Math.max(0.5, y + dy * step)),
    ];
    const [sx, sy] = viewer.toStage(...viewer.crosshair);
    if (sx < 20 || sy < 20 || sx > viewer.width - 20 || sy > viewer.height - 20) viewer.pan(-dx * step * viewer.scale, -dy * step * viewer.scale);
    this.hover(viewer.crosshair);
    this.live.textContent = `x ${Math.floor(viewer.crosshair[0])}, y ${Math.floor(viewer.crosshair[1])}`;
    viewer.redraw();
  }

  /** @param {KeyboardEvent} event */
  hintAtCrosshair(event) {
    if (this.viewer.crosshair) this.addHint([this.viewer.crosshair], event);
    else this.moveCrosshair(0, 0, false);
  }

  goToTarget() {
    if (this.picture?.nextHint) this.viewer.goTo(this.picture.nextHint[0] + 0.5, this.picture.nextHint[1] + 0.5);
  }

  toggleSplit() {
    this.split.set(this.viewer.split > 0 ? 0 : 0.5);
  }

  toggleUncertainty() {
    this.send({ type: "uncertainty", on: !this.state.uncertainty });
  }

  toggleHand() {
    this.hand = !this.hand;
    this.canvas.classList.toggle("sc-hand", this.hand);
    this.update();
  }

  toggleHints() {
    this.viewer.showHints = !this.viewer.showHints;
    this.viewer.redraw();
  }

  /** @param {boolean} on */
  holdHand(on) {
    this.handHeld = on;
    this.canvas.classList.toggle("sc-hand", on || this.hand);
  }

  /** @param {boolean} on */
  showOriginal(on) {
    this.viewer.original = on;
    this.viewer.redraw();
  }

  choose() {
    if (!this.root.classList.contains("sc-no-uploads")) choose(this, false);
  }

  save() {
    if (this.state.active) this.dialogs.save.show();
  }

  help() {
    this.dialogs.help.show();
  }

  close() {
    this.stopKeys();
    this.viewer.close();
    this.transport.close();
    this.root.replaceChildren();
  }
}
