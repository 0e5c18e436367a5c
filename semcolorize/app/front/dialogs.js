// Dialogs: what to save, and what the keys do.

import { h } from "./dom.js";

/**
 * @param {import("./app.js").App} app
 */
export function exportDialog(app) {
  const bits = h("input", { type: "checkbox" });
  const bar = h("input", { type: "checkbox" });
  const save = (/** @type {string} */ kind) => {
    app.send({ type: "export", kind, bits: bits.checked ? 16 : 8, scale_bar: bar.checked });
    dialog.close();
  };
  const choice = (/** @type {string} */ kind, /** @type {string} */ title, /** @type {string} */ text) => h("button", {
    type: "button", class: "sc-choice", "data-kind": kind, onclick: () => save(kind),
  }, h("strong", {}, title), h("span", { class: "sc-muted" }, text));
  const beside = choice("beside", "Save beside the image", "The same files, in the image's folder. Nothing is replaced.");
  const dialog = h("dialog", { class: "sc-dialog", "aria-label": "Save" },
    h("h2", {}, "Save"),
    choice("archive", "Everything as one download",
      "TIFF for ImageJ, PNG, legend, labels, ROIs, hints, provenance, and a sentence for the methods section."),
    beside,
    choice("hints", "hints.yaml", "The hints and classes, for the command line and batch jobs."),
    choice("rois", "RoiSet.zip", "The hints as ROIs for ImageJ and Fiji."),
    h("label", { class: "sc-row sc-check" }, bits, h("span", {}, "TIFF with 16 bits a channel")),
    h("label", { class: "sc-row sc-check" }, bar, h("span", {}, "Scale bar in the PNG")),
    h("div", { class: "sc-row sc-end" },
      h("button", { type: "button", class: "sc-button", onclick: () => dialog.close() }, "Cancel")));
  return {
    element: dialog,
    show: () => {
      beside.hidden = !app.state?.beside;
      bar.parentElement.hidden = !app.viewer.info?.nanometers;
      dialog.showModal();
    },
  };
}

const KEYS = [
  ["Click", "a hint of the chosen class"],
  ["Drag", "a stroke"],
  ["Shift + click or drag", "only this object"],
  ["Alt + click or drag", "stays gray"],
  ["1 to 9, 0", "choose a class; gray"],
  ["Wheel, pinch", "zoom"],
  ["Space, middle or right button + drag", "pan; H keeps the hand"],
  ["F, +, −, *", "fit, nearer, farther, actual pixels"],
  ["Ctrl Z, Ctrl Shift Z", "undo, redo"],
  ["Delete", "remove the chosen hint"],
  ["[ and ]", "smaller and larger hints"],
  ["B", "original and colored side by side"],
  ["O", "hold to see the original"],
  ["M", "hide and show the hints' marks"],
  ["N", "go to where one more hint would help most"],
  ["U", "show what is in doubt"],
  ["Page up, Page down", "the folder's micrograph before or after"],
  ["Arrows and Enter, in the image", "move a crosshair, and put a hint there"],
  ["Ctrl O, Ctrl S", "open, save"],
];

export function helpDialog() {
  const dialog = h("dialog", { class: "sc-dialog sc-help", "aria-label": "Keys" },
    h("h2", {}, "Keys"),
    h("dl", {}, ...KEYS.flatMap(([key, text]) => [h("dt", {}, key), h("dd", {}, text)])),
    h("div", { class: "sc-row sc-end" },
      h("button", { type: "button", class: "sc-button sc-main", autofocus: true, onclick: () => dialog.close() }, "Close")));
  return { element: dialog, show: () => dialog.showModal() };
}
