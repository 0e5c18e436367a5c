// The window: puts the parts together, knows the state that Python tells, and says what a person does.

import { h, iconButton, keyed } from "./dom.js";
import { exportDialog, helpDialog } from "./dialogs.js";
import { choose, filesOf, filmstrip, receiver, take, uploader } from "./files.js";
import { listenToKeys } from "./keys.js";
import { classesPanel } from "./panel_classes.js";
import { hintsPanel } from "./panel_hints.js";
import { resultPanel } from "./panel_result.js";
import { listen } from "./pointer.js";
import { splitHandle } from "./split.js";
import { startPage } from "./start.js";
import { Viewer } from "./viewer.js";

const NO_STATE = {
  views: [], active: null, classes: [], hints: [], undo: null, redo: null, variant: 0, uncertainty: false, beside: false,
  options: { spread: "alike", fill: "gray", variants: 1, seed: 0, series: false },
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
    this.build();
    transport.onmessage = (header, buffers) => this.receive(header, buffers);
    transport.onstate = (state) => this.connection(state);
    this.stopKeys = listenToKeys(this, host.page);
  }

  build() {
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
    this.top = this.topBar();
    this.status = this.statusBar();
    this.left = h("aside", { class: "sc-side", "aria-label": "Classes and hints" },
      this.panels.classes.element, this.panels.hints.element);
    this.right = h("aside", { class: "sc-side", "aria-label": "Result" }, this.panels.result.element);
    this.root.classList.add("semcolorize");
    // JupyterLab has a key for nearly everything.
    this.root.dataset.lmSuppressShortcuts = "true";
    this.root.append(this.top, this.left, this.stage, this.right, this.strip.element, this.status,
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
    this.viewer.onchange = () => this.updateStatus();
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
  }

  topBar() {
    this.tabs = h("div", { class: "sc-tabs", role: "group", "aria-label": "Open images" });
    this.undoButton = iconButton("undo", "Undo", () => this.send({ type: "undo" }), { key: "Ctrl+Z" });
    this.redoButton = iconButton("redo", "Redo", () => this.send({ type: "redo" }), { key: "Ctrl+Shift+Z" });
    this.handButton = iconButton("hand", "Hand: drag moves the image", () => this.toggleHand(), { key: "H" });
    this.splitButton = iconButton("split", "Original and colored side by side", () => this.toggleSplit(), { key: "B" });
    this.doubtButton = iconButton("doubt", "Show what is in doubt", () => this.toggleUncertainty(), { key: "U" });
    this.targetButton = iconButton("target", "Go to where one more hint would help most", () => this.goToTarget(), { key: "N" });
    return h("header", { class: "sc-top" },
      iconButton("open", "Open files", () => this.choose(), { key: "Ctrl+O" }), this.tabs,
      h("div", { class: "sc-tools", role: "toolbar", "aria-label": "Tools" }, this.undoButton, this.redoButton,
        h("span", { class: "sc-gap" }), this.handButton,
        iconButton("fit", "Fit the image into the window", () => this.viewer.fit(), { key: "F" }),
        h("span", { class: "sc-gap" }), this.splitButton, this.doubtButton, this.targetButton),
      iconButton("help", "Keys", () => this.help(), { key: "?" }),
      h("button", { type: "button", class: "sc-button sc-main", title: "Save (Ctrl+S)", onclick: () => this.save() }, "Save…"));
  }

  statusBar() {
    this.place = h("span", { class: "sc-number-text" });
    this.zoomText = h("span", { class: "sc-number-text" });
    this.about = h("span", { class: "sc-clip sc-muted" });
    this.working = h("span", { class: "sc-working", role: "status" });
    this.bar = h("progress", { class: "sc-progress", max: 1, hidden: true, "aria-label": "Progress" });
    return h("footer", { class: "sc-status" }, this.about, h("span", { class: "sc-grow" }), this.working, this.bar,
      this.place, this.zoomText);
  }

  /**
   * @param {any} header
   * @param {Uint8Array[]} [buffers]
   */
  send(header, buffers = []) {
    this.transport.send(header, buffers);
  }

  /**
   * @param {any} header
   * @param {Uint8Array[]} buffers
   */
  receive(header, buffers) {
    switch (header.type) {
      case "welcome":
        this.palettes = header.palettes;
        this.partBytes = header.partBytes;
        this.mostBytes = header.mostBytes;
        this.start.setRecent(header.recent, buffers);
        this.root.classList.toggle("sc-no-uploads", !header.uploads);
        this.update();
        break;
      case "state":
        this.setState(header);
        break;
      case "opened":
        if (!this.sizeChosen) this.size = header.hintSize;
        this.viewer.open(header, buffers[0]).then(() => {
          this.picture = this.pictures.get(header.view) || null;
          this.update();
        }, () => this.toast("The image cannot be shown by this browser.", "error"));
        break;
      case "closed":
        this.viewer.clear();
        this.picture = null;
        this.update();
        break;
      case "picture":
        this.pictures.set(header.view, header);
        this.viewer.setPicture(header, buffers[0]).then(() => {
          if (header.view === this.state.active) {
            this.picture = header;
            this.tellPicture(header);
            this.update();
          }
        });
        break;
      case "tile":
        this.viewer.setTile(header, buffers[0]);
        break;
      case "uncertainty":
        if (header.view === this.state.active && this.state.uncertainty) this.viewer.setVeil(buffers[0]);
        break;
      case "gallery":
        this.panels.result.fillGallery(buffers);
        this.update();
        break;
      case "folder":
        this.strip.setFolder(header.files);
        break;
      case "thumbnail":
        this.strip.setThumbnail(header, buffers[0]);
        break;
      case "received":
        this.uploads.received(header.id);
        break;
      case "file":
        this.receiveFile(header, buffers[0]);
        if (header.part === header.parts - 1) this.toast(`Saved: ${header.name}`);
        break;
      case "progress":
        this.progress(header.text, header.share);
        break;
      case "notice":
        this.toast(header.text);
        break;
      case "error":
        this.toast(header.text, "error");
        break;
    }
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
    keyed(this.tabs, state.views, (view) => view.id,
      (view) => h("div", { class: "sc-tab" },
        h("button", { type: "button", class: "sc-tab-show sc-clip", title: view.name, onclick: () => this.send({ type: "show", view: view.id }) }, view.name),
        iconButton("close", `Close ${view.name}`, () => this.send({ type: "close", view: view.id }), { class: "sc-icon-button sc-small" })),
      (tab, view) => {
        tab.classList.toggle("sc-chosen", view.id === state.active);
        tab.firstChild.setAttribute("aria-pressed", String(view.id === state.active));
      });
    const step = (/** @type {any} */ button, /** @type {string} */ verb, /** @type {string|null} */ what, /** @type {string} */ key) => {
      button.disabled = !what;
      button.title = what ? `${verb} ${what} (${key})` : `Nothing to ${verb.toLowerCase()}`;
    };
    step(this.undoButton, "Undo", state.undo, "Ctrl+Z");
    step(this.redoButton, "Redo", state.redo, "Ctrl+Shift+Z");
    this.handButton.setAttribute("aria-pressed", String(this.hand));
    this.splitButton.setAttribute("aria-pressed", String(this.viewer.split > 0));
    this.doubtButton.setAttribute("aria-pressed", String(state.uncertainty));
    this.targetButton.disabled = !this.picture?.nextHint;
    this.split.update();
    this.strip.update();
    this.updateStatus();
  }

  updateStatus() {
    const info = this.viewer.info;
    this.zoomText.textContent = info ? `${(100 * this.viewer.scale * (window.devicePixelRatio || 1)).toFixed(0)} %` : "";
    const size = info?.nanometers ? `${Number(info.nanometers.toPrecision(4))} nm a pixel` : "no pixel size";
    const bar = info && info.bar !== null ? `data bar from row ${info.bar} on stays gray` : "no data bar";
    this.about.textContent = info ? [`${info.width} × ${info.height}`, info.depth, size, info.instrument, bar].filter(Boolean).join(" · ") : "";
    this.about.title = info ? info.range : "";
  }

  /** For who does not see it. @param {any} header */
  tellPicture(header) {
    const parts = header.colorless ? [] : header.legend.map((/** @type {any} */ e) => `${e.name} ${Math.round(100 * e.share)} percent`);
    this.live.textContent = parts.length ? `Colored: ${parts.join(", ")}` : "No colors";
  }

  /** @param {string} text @param {number|null} [share] */
  progress(text, share = null) {
    this.working.textContent = text;
    this.root.classList.toggle("sc-busy", !!text);
    this.bar.hidden = !text || share === null;
    if (share !== null) this.bar.value = share;
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
    this.place.textContent = place ? `x ${Math.floor(place[0])}, y ${Math.floor(place[1])}` : "";
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

/**
 * Build the window in an element.
 * @param {HTMLElement} root
 * @param {import("./transport.js").Transport} transport
 * @param {{page: boolean}} host
 * @returns {() => void} takes it away again
 */
export function mount(root, transport, host) {
  const app = new App(root, transport, host);
  if (host.page) /** @type {any} */ (window).semcolorize = app;
  return () => app.close();
}
