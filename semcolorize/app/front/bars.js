// The bars: tabs and tools above, what is shown and what is done below.

import { h, iconButton, keyed } from "./dom.js";

/**
 * @param {import("./app.js").App} app
 */
export function topBar(app) {
  const tabs = h("div", { class: "sc-tabs", role: "group", "aria-label": "Open images" });
  const undo = iconButton("undo", "Undo", () => app.send({ type: "undo" }), { key: "Ctrl+Z" });
  const redo = iconButton("redo", "Redo", () => app.send({ type: "redo" }), { key: "Ctrl+Shift+Z" });
  const hand = iconButton("hand", "Hand: drag moves the image", () => app.toggleHand(), { key: "H" });
  const split = iconButton("split", "Original and colored side by side", () => app.toggleSplit(), { key: "B" });
  const doubt = iconButton("doubt", "Show what is in doubt", () => app.toggleUncertainty(), { key: "U" });
  const target = iconButton("target", "Go to where one more hint would help most", () => app.goToTarget(), { key: "N" });
  const element = h("header", { class: "sc-top" },
    iconButton("open", "Open files", () => app.choose(), { key: "Ctrl+O", class: "sc-icon-button sc-open-files" }), tabs,
    h("div", { class: "sc-tools", role: "toolbar", "aria-label": "Tools" }, undo, redo, h("span", { class: "sc-gap" }), hand,
      iconButton("fit", "Fit the image into the window", () => app.viewer.fit(), { key: "F" }),
      h("span", { class: "sc-gap" }), split, doubt, target),
    iconButton("help", "Keys", () => app.help(), { key: "?" }),
    h("button", { type: "button", class: "sc-button sc-main", title: "Save (Ctrl+S)", onclick: () => app.save() }, "Save…"));
  const step = (/** @type {any} */ button, /** @type {string} */ verb, /** @type {string|null} */ what, /** @type {string} */ key) => {
    button.disabled = !what;
    button.title = what ? `${verb} ${what} (${key})` : `Nothing to ${verb.toLowerCase()}`;
  };
  return {
    element,
    update: () => {
      const { state } = app;
      keyed(tabs, state.views, (view) => view.id,
        (view) => h("div", { class: "sc-tab" },
          h("button", {
            type: "button", class: "sc-tab-show sc-clip", title: view.name,
            onclick: () => app.send({ type: "show", view: view.id }),
          }, view.name),
          iconButton("close", `Close ${view.name}`, () => app.send({ type: "close", view: view.id }),
            { class: "sc-icon-button sc-small" })),
        (tab, view) => {
          tab.classList.toggle("sc-chosen", view.id === state.active);
          tab.firstChild.setAttribute("aria-pressed", String(view.id === state.active));
        });
      step(undo, "Undo", state.undo, "Ctrl+Z");
      step(redo, "Redo", state.redo, "Ctrl+Shift+Z");
      hand.setAttribute("aria-pressed", String(app.hand));
      split.setAttribute("aria-pressed", String(app.viewer.split > 0));
      doubt.setAttribute("aria-pressed", String(state.uncertainty));
      target.disabled = !app.picture?.nextHint;
    },
  };
}

/**
 * @param {import("./app.js").App} app
 */
export function statusBar(app) {
  const place = h("span", { class: "sc-number-text" });
  const zoom = h("span", { class: "sc-number-text" });
  const about = h("span", { class: "sc-clip sc-muted" });
  const working = h("span", { class: "sc-working", role: "status" });
  const bar = h("progress", { class: "sc-progress", max: 1, hidden: true, "aria-label": "Progress" });
  return {
    element: h("footer", { class: "sc-status" }, about, h("span", { class: "sc-grow" }), working, bar, place, zoom),
    setPlace: (/** @type {[number, number]|null} */ at) => {
      place.textContent = at ? `x ${Math.floor(at[0])}, y ${Math.floor(at[1])}` : "";
    },
    progress: (/** @type {string} */ text, /** @type {number|null} */ share) => {
      working.textContent = text;
      app.root.classList.toggle("sc-busy", !!text);
      bar.hidden = !text || share === null;
      if (share !== null) bar.value = share;
    },
    update: () => {
      const { info } = app.viewer;
      zoom.textContent = info ? `${(100 * app.viewer.scale * (window.devicePixelRatio || 1)).toFixed(0)} %` : "";
      const size = info?.nanometers ? `${Number(info.nanometers.toPrecision(4))} nm a pixel` : "no pixel size";
      const databar = info && info.bar !== null ? `data bar from row ${info.bar} on stays gray` : "no data bar";
      about.textContent = info
        ? [`${info.width} × ${info.height}`, info.depth, size, info.instrument, databar].filter(Boolean).join(" · ") : "";
      about.title = info ? info.range : "";
    },
  };
}
