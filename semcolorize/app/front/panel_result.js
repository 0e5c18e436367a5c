// What came of it: legend with areas, where one more hint would help, where colors come from, proposals to choose from.

import { referenceRow } from "./reference.js";
import { h, keyed, metric, percent, setValue, throttled } from "./dom.js";

/** @type {Record<string, string>} */
const TOLD = {
  gray: "What resembles no hint stays gray. Nothing is invented, so there is one picture.",
  contrast: "What resembles no hint gets one quiet color that sets it off. It means nothing but: no hint.",
  auto: "Invented colors are proposals. Say so where you show them.",
};

/**
 * @param {import("./app.js").App} app
 */
export function resultPanel(app) {
  const legend = h("ul", { class: "sc-legend", "aria-label": "Legend: share of the image's area" });
  const help = h("button", { type: "button", class: "sc-button sc-wide", onclick: () => app.goToTarget() });
  const notes = h("ul", { class: "sc-notes", "aria-label": "Notes" });
  const source = (/** @type {"gray"|"contrast"|"auto"} */ fill, /** @type {string} */ text, /** @type {string} */ title) => h("button", {
    type: "button", class: "sc-segment", "data-fill": fill, title, onclick: () => app.send({ type: "options", fill }),
  }, text);
  const sources = h("div", { class: "sc-segments", role: "group", "aria-label": "Where colors come from" },
    source("gray", "Hints", "Only what was hinted, and what is like it, is colored: nothing is invented"),
    source("contrast", "Contrast", "As with hints alone, and the rest in one quiet color as far from the hints' as can be"),
    source("auto", "Automatic", "Colors that no hint gives are invented: proposals, not measurements"));
  const told = h("p", { class: "sc-muted sc-note" });
  const variants = h("input", {
    type: "range", min: 1, max: 9, class: "sc-grow", "aria-label": "Number of variants",
    oninput: throttled((/** @type {any} */ e) => app.send({ type: "options", variants: Number(e.target.value) }), 300),
  });
  const variantsText = h("output", { class: "sc-percent" });
  const seed = h("input", {
    type: "number", min: 0, max: 2147483647, class: "sc-number", "aria-label": "Seed: equal seeds give equal colors",
    onchange: (/** @type {any} */ e) => app.send({ type: "options", seed: Math.max(0, Math.floor(Number(e.target.value) || 0)) }),
  });
  const another = h("button", {
    type: "button", class: "sc-button", title: "Other proposals",
    onclick: () => app.send({ type: "options", seed: app.state.options.seed + 1 }),
  }, "Others");
  const kinds = h("input", {
    type: "number", min: 1, max: 32, class: "sc-number", placeholder: "as found",
    "aria-label": "Kinds of structures that automatic color tells apart; empty for as many as are found",
    onchange: (/** @type {any} */ e) => app.send({ type: "options", classes: Math.min(32, Math.max(0, Math.floor(Number(e.target.value) || 0))) }),
  });
  const limited = h("label", { class: "sc-row sc-check" }, h("input", {
    type: "checkbox", onchange: (/** @type {any} */ e) => app.send({ type: "options", own_palette: e.target.checked }),
  }), h("span", {}, "Only colors of my classes"));
  const gallery = h("div", { class: "sc-gallery", role: "group", "aria-label": "Variants" });
  const inventing = h("div", { class: "sc-inventing" },
    h("div", { class: "sc-row" }, h("span", { class: "sc-label" }, "Variants"), variants, variantsText),
    h("div", { class: "sc-row" }, h("span", { class: "sc-label" }, "Seed"), seed, another),
    h("div", { class: "sc-row" }, h("span", { class: "sc-label" }, "Kinds"), kinds), limited, gallery);
  const series = h("label", { class: "sc-row sc-check" }, h("input", {
    type: "checkbox", onchange: (/** @type {any} */ e) => app.send({ type: "options", series: e.target.checked }),
  }), h("span", {}, "One specimen: hints on any image color all"));
  const reference = referenceRow(app);
  /** @type {string[]} */ let addresses = [];

  const element = h("section", { class: "sc-panel sc-fill", "aria-label": "Result" },
    h("header", { class: "sc-panel-head" }, h("h2", {}, "Legend"), h("span", { class: "sc-muted" }, "share of the area")),
    legend, help,
    h("header", { class: "sc-panel-head" }, h("h2", {}, "Colors")), sources, told, inventing, reference.element, series, notes);

  const fillGallery = (/** @type {Uint8Array[]} */ thumbs) => {
    for (const address of addresses) URL.revokeObjectURL(address);
    addresses = thumbs.map((bytes) => URL.createObjectURL(new Blob([/** @type {any} */ (bytes)], { type: "image/jpeg" })));
    gallery.replaceChildren(...addresses.map((address, i) => h("button", {
      type: "button", class: "sc-thumb", "aria-label": `Variant ${i + 1}`, "aria-pressed": "false",
      onclick: () => app.send({ type: "variant", variant: i }),
    }, h("img", { src: address, alt: "" }), h("span", { "aria-hidden": "true" }, String(i + 1)))));
  };

  return {
    element,
    fillGallery,
    setReference: reference.set,
    update: () => {
      const { options } = app.state;
      const picture = app.picture;
      const info = app.viewer.info;
      const entries = picture && !picture.colorless ? picture.legend : [];
      keyed(legend, entries, (entry) => `${entry.name} ${entry.color}`,
        () => h("li", { class: "sc-legend-row" }, h("span", { class: "sc-dot", "aria-hidden": "true" }),
          h("span", { class: "sc-grow sc-clip" }, h("span", {}), h("span", { class: "sc-area" })), h("span", { class: "sc-share" })),
        (row, entry) => {
          row.children[0].style.background = entry.color;
          row.children[1].children[0].textContent = entry.name;
          row.children[1].title = entry.name;
          const pixels = info ? (info.bar ?? info.height) * info.width : 0;
          row.children[1].children[1].textContent = info?.nanometers && entry.share > 0 ? metric(entry.share * pixels * info.nanometers ** 2, 2) : "";
          row.children[2].textContent = percent(entry.share);
        });
      if (!entries.length) {
        legend.replaceChildren(h("li", { class: "sc-muted sc-note" }, "No colors yet."));
        /** @type {any} */ (legend.firstChild).dataset.key = "-";
      }
      const target = picture?.nextHint;
      help.hidden = !target;
      if (target) help.textContent = "Show where a hint would help most (N)";
      for (const button of sources.querySelectorAll("button")) {
        button.setAttribute("aria-pressed", String(button.dataset.fill === options.fill));
      }
      told.textContent = TOLD[options.fill];
      reference.update();
      inventing.hidden = options.fill !== "auto";
      setValue(variants, String(options.variants));
      variantsText.textContent = String(options.variants);
      setValue(seed, String(options.seed));
      setValue(kinds, options.classes ? String(options.classes) : "");
      limited.querySelector("input").checked = options.own_palette;
      [...gallery.children].forEach((own, i) => own.setAttribute("aria-pressed", String(i === app.state.variant)));
      gallery.hidden = options.variants < 2;
      series.hidden = app.state.views.length < 2;
      series.querySelector("input").checked = options.series;
      const sentences = [...(info?.notes || []), ...(picture?.notes || [])];
      keyed(notes, [...new Set(sentences)], (note) => note, (note) => h("li", {}, note), () => {});
    },
  };
}

