// The line between the original and the colored picture, which is dragged, or moved by arrow keys.

import { h } from "./dom.js";

/**
 * @param {import("./app.js").App} app
 */
export function splitHandle(app) {
  const element = h("div", {
    class: "sc-split", role: "slider", tabindex: 0, "aria-label": "Original to the left, colored to the right",
    "aria-valuemin": 0, "aria-valuemax": 100, "aria-orientation": "horizontal", hidden: true,
  }, h("span", { class: "sc-split-knob", "aria-hidden": "true" }));
  const set = (/** @type {number} */ share) => {
    app.viewer.split = Math.min(1, Math.max(0, share));
    app.viewer.redraw();
    app.update();
  };
  let dragging = false;
  element.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => {
    dragging = true;
    element.setPointerCapture(event.pointerId);
    event.preventDefault();
    element.focus();
  });
  element.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => {
    if (!dragging) return;
    const box = app.stage.getBoundingClientRect();
    set(Math.min(0.995, Math.max(0.005, (event.clientX - box.left) / box.width)));
  });
  const stop = () => {
    dragging = false;
  };
  element.addEventListener("pointerup", stop);
  element.addEventListener("pointercancel", stop);
  element.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    const step = event.shiftKey ? 0.1 : 0.02;
    const moves = /** @type {Record<string, number>} */ ({ ArrowLeft: -step, ArrowRight: step, Home: -1, End: 1 });
    if (!(event.key in moves)) return;
    event.preventDefault();
    event.stopPropagation();
    set(Math.min(0.995, Math.max(0.005, app.viewer.split + moves[event.key])));
  });
  return {
    element,
    set,
    update: () => {
      const share = app.viewer.split;
      element.hidden = share <= 0 || !app.viewer.info;
      element.style.left = `${100 * share}%`;
      element.setAttribute("aria-valuenow", String(Math.round(100 * share)));
    },
  };
}
