// The picture whose colors like structures get: picked, seen, taken away.

import { h, iconButton } from "./dom.js";
import { chooseReference } from "./files.js";

/**
 * @param {import("./app.js").App} app
 */
export function referenceRow(app) {
  const pick = h("button", {
    type: "button", class: "sc-button sc-wide sc-pick", title: "A colored micrograph, by anyone: what is like its structures gets their colors",
    onclick: () => chooseReference(app),
  }, "Colors of a picture…");
  const image = h("img", { alt: "" });
  const name = h("span", { class: "sc-grow sc-clip" });
  const shown = h("div", { class: "sc-row sc-reference", role: "group", "aria-label": "Picture whose colors are taken" }, image, name,
    iconButton("close", "Take no colors of this picture", () => app.send({ type: "options", like: "" }), { class: "sc-icon-button sc-small" }));
  const element = h("div", {}, pick, shown);
  let address = "";
  return {
    element,
    set: (/** @type {string} */ of, /** @type {Uint8Array} */ bytes) => {
      URL.revokeObjectURL(address);
      address = URL.createObjectURL(new Blob([/** @type {any} */ (bytes)], { type: "image/jpeg" }));
      image.src = address;
      image.alt = of;
    },
    update: () => {
      const { fill, like } = app.state.options;
      element.hidden = fill === "auto";
      pick.hidden = Boolean(like);
      shown.hidden = !like;
      name.textContent = like;
      name.title = like;
      if (!like) image.removeAttribute("src");
    },
  };
}
