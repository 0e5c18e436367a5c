// How hints are put, and the list of those that were.

import { h, iconButton, keyed, setValue } from "./dom.js";

/**
 * @param {import("./app.js").App} app
 */
export function hintsPanel(app) {
  const size = h("input", {
    type: "range", min: 1, max: 100, class: "sc-grow", "aria-label": "Size of hints in pixels of the image",
    oninput: (/** @type {any} */ e) => app.setSize(sizeOf(Number(e.target.value))),
  });
  const sizeText = h("output", { class: "sc-percent" });
  const reach = (/** @type {"alike"|"instance"} */ spread, /** @type {string} */ text, /** @type {string} */ title) => h("button", {
    type: "button", class: "sc-segment", title, onclick: () => app.setSpread(spread), "data-spread": spread,
  }, text);
  const reaches = h("div", { class: "sc-segments", role: "group", "aria-label": "How far a hint speaks" },
    reach("alike", "All alike", "The hint speaks for everything that looks like what it lies on"),
    reach("instance", "Only this object", "The hint speaks for the one object that it lies on (hold Shift)"));
  const list = h("ul", { class: "sc-hints", "aria-label": "Hints on this image" });
  const count = h("span", { class: "sc-muted" });
  const empty = h("p", { class: "sc-muted sc-note" },
    "Click an object, or stroke over it. Shift: only this object. Alt: stays gray.");

  const create = (/** @type {any} */ hint) => h("li", { class: "sc-hint" },
    h("button", {
      type: "button", class: "sc-hint-pick",
      onclick: () => {
        app.select(hint.id);
        app.viewer.goTo(...centerOf(app.state.hints.find((/** @type {any} */ own) => own.id === hint.id) || hint));
      },
    }, h("span", { class: "sc-dot", "aria-hidden": "true" }), h("span", { class: "sc-hint-text" })),
    h("button", {
      type: "button", class: "sc-tag", title: "Change how far it speaks",
      onclick: () => {
        const own = app.state.hints.find((/** @type {any} */ other) => other.id === hint.id);
        const spread = (own.spread || app.state.options.spread) === "instance" ? "alike" : "instance";
        app.send({ type: "change-hint", view: app.state.active, hint: hint.id, spread });
      },
    }),
    iconButton("close", "Remove this hint",
      () => app.send({ type: "remove-hint", view: app.state.active, hint: hint.id }), { class: "sc-icon-button sc-small" }));

  const update = (/** @type {any} */ element, /** @type {any} */ hint) => {
    const own = app.classOf(hint.of);
    const spread = hint.spread || app.state.options.spread;
    const [x, y] = centerOf(hint);
    const kind = hint.kind === "point" ? "click" : hint.kind === "line" ? "stroke" : "area";
    element.classList.toggle("sc-chosen", app.viewer.selected === hint.id);
    element.querySelector(".sc-dot").style.background = own?.color || "#888";
    element.querySelector(".sc-hint-text").textContent = own?.name || "";
    element.querySelector(".sc-tag").textContent = spread === "instance" ? "one" : "alike";
    element.querySelector(".sc-tag").setAttribute("aria-label", spread === "instance" ? "Only this object" : "All alike");
    element.querySelector(".sc-hint-pick").setAttribute("aria-label",
      `${own?.name}, ${kind} at x ${Math.floor(x)}, y ${Math.floor(y)}`);
    element.querySelector(".sc-hint-pick").title = `${kind} at ${Math.floor(x)}, ${Math.floor(y)}`;
  };

  const clear = iconButton("trash", "Remove all hints on this image",
    () => app.send({ type: "clear-hints", view: app.state.active }), { class: "sc-icon-button sc-small" });
  const element = h("section", { class: "sc-panel sc-fill", "aria-label": "Hints" },
    h("header", { class: "sc-panel-head" }, h("h2", {}, "Hints"), count, clear),
    h("div", { class: "sc-row" }, h("span", { class: "sc-label" }, "Size"), size, sizeText),
    reaches, empty, list);
  return {
    element,
    update: () => {
      setValue(size, String(stepOf(app.size)));
      sizeText.textContent = `${app.size} px`;
      for (const button of reaches.querySelectorAll("button")) {
        button.setAttribute("aria-pressed", String(button.dataset.spread === app.spread));
      }
      const hints = [...app.state.hints].reverse();
      keyed(list, hints, (hint) => String(hint.id), create, update);
      count.textContent = hints.length ? String(hints.length) : "";
      clear.hidden = !hints.length;
      empty.hidden = hints.length > 0;
    },
  };
}

// The slider is finer for small sizes: 1 to 401 pixels, odd, so that a patch has a middle.
const sizeOf = (/** @type {number} */ step) => Math.max(1, Math.round(400 ** (step / 100) / 2) * 2 + 1);
const stepOf = (/** @type {number} */ size) => Math.round((100 * Math.log(Math.max(1, size - 1))) / Math.log(400));

/** @param {any} hint @returns {[number, number]} */
export function centerOf(hint) {
  const places = hint.kind === "point" || hint.kind === "line" ? hint.path : hint.rings.flat();
  if (hint.kind === "line") return places[Math.floor(places.length / 2)];
  const sum = places.reduce((/** @type {number[]} */ a, /** @type {number[]} */ b) => [a[0] + b[0], a[1] + b[1]], [0, 0]);
  return [sum[0] / places.length, sum[1] / places.length];
}

