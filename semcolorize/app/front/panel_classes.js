// The classes: pick one, name it, color it, hide it.

import { h, icon, iconButton, keyed, setValue, throttled } from "./dom.js";
import { ink } from "./overlays.js";

/**
 * @param {import("./app.js").App} app
 */
export function classesPanel(app) {
  const list = h("ul", { class: "sc-classes", "aria-label": "Classes" });
  const recolor = throttled((/** @type {string} */ of, /** @type {string} */ color) =>
    app.send({ type: "change-class", of, color }), 90);
  const fade = throttled((/** @type {string} */ of, /** @type {number} */ opacity) =>
    app.send({ type: "change-class", of, opacity }), 90);

  const create = (/** @type {any} */ own) => {
    const pick = h("button", {
      type: "button", class: "sc-class-pick", onclick: () => app.pick(own.id),
    }, h("span", { class: "sc-chip", "aria-hidden": "true" }));
    const name = own.gray ? h("span", { class: "sc-class-name" }, "stays gray") : h("input", {
      class: "sc-class-name", maxlength: 80, spellcheck: "false", "aria-label": "Name of the class",
      onfocus: () => app.pick(own.id),
      onchange: (/** @type {any} */ e) => app.send({ type: "change-class", of: own.id, name: e.target.value }),
      onkeydown: (/** @type {any} */ e) => {
        if (e.key === "Enter") e.target.blur();
      },
    });
    if (own.gray) name.addEventListener("click", () => app.pick(own.id));
    const eye = h("button", {
      type: "button", class: "sc-icon-button sc-small sc-eye",
      onclick: (/** @type {any} */ e) =>
        app.send({ type: "change-class", of: own.id, visible: e.currentTarget.getAttribute("aria-pressed") !== "true" }),
    });
    const row = h("div", { class: "sc-class-row" }, pick, name, h("span", { class: "sc-count" }), eye);
    if (own.gray) {
      eye.hidden = true;
      return h("li", { class: "sc-class" }, row);
    }
    const color = h("input", {
      type: "color", class: "sc-color", title: "Change the color",
      oninput: (/** @type {any} */ e) => recolor(own.id, e.target.value),
    });
    const opacity = h("input", {
      type: "range", min: 10, max: 100, step: 5, class: "sc-opacity", title: "How strongly it is colored",
      oninput: (/** @type {any} */ e) => fade(own.id, Number(e.target.value) / 100),
    });
    const remove = iconButton("trash", "Remove the class and its hints",
      () => app.send({ type: "remove-class", of: own.id }), { class: "sc-icon-button sc-small" });
    const details = h("div", { class: "sc-class-details" }, color, opacity, h("output", { class: "sc-percent" }), remove);
    return h("li", { class: "sc-class" }, row, details);
  };

  const update = (/** @type {any} */ element, /** @type {any} */ own) => {
    const chosen = app.picked === own.id;
    element.classList.toggle("sc-chosen", chosen);
    const pick = element.querySelector(".sc-class-pick");
    const key = own.gray ? "0" : own.number < 10 ? String(own.number) : "";
    pick.setAttribute("aria-pressed", String(chosen));
    pick.setAttribute("aria-label", `Put hints of ${own.name}`);
    pick.title = key ? `${own.name} (${key})` : own.name;
    const chip = element.querySelector(".sc-chip");
    chip.style.background = own.color;
    chip.style.color = ink(own.color);
    chip.textContent = own.gray ? "0" : String(own.number);
    const hints = `${own.hints} hint${own.hints === 1 ? "" : "s"}`;
    const count = element.querySelector(".sc-count");
    count.textContent = own.hints ? String(own.hints) : "";
    count.title = hints;
    if (own.gray) return;
    setValue(element.querySelector("input.sc-class-name"), own.name);
    const color = element.querySelector(".sc-color");
    setValue(color, own.color);
    color.setAttribute("aria-label", `Color of ${own.name}, ${own.color}`);
    const opacity = element.querySelector(".sc-opacity");
    setValue(opacity, String(Math.round(100 * own.opacity)));
    opacity.setAttribute("aria-label", `Opacity of ${own.name}`);
    element.querySelector(".sc-percent").textContent = `${Math.round(100 * own.opacity)} %`;
    const eye = element.querySelector(".sc-eye");
    if (eye.getAttribute("aria-pressed") !== String(own.visible)) {
      eye.replaceChildren(icon(own.visible ? "eye" : "eyeOff"));
      eye.setAttribute("aria-pressed", String(own.visible));
    }
    eye.setAttribute("aria-label", `Show the color of ${own.name}`);
    eye.title = own.visible ? "Hide this color in the window" : "Show this color again";
  };

  const palettes = h("select", {
    class: "sc-select", "aria-label": "Palette", title: "Colors that belong together",
    onchange: (/** @type {any} */ e) => {
      if (e.target.value) app.send({ type: "palette", name: e.target.value });
      e.target.value = "";
    },
  }, h("option", { value: "" }, "Palette…"));
  const element = h("section", { class: "sc-panel", "aria-label": "Classes" },
    h("header", { class: "sc-panel-head" }, h("h2", {}, "Classes"), palettes,
      iconButton("plus", "Add a class", () => app.send({ type: "add-class" }), { class: "sc-icon-button sc-small" })),
    list);
  return {
    element,
    update: () => {
      if (palettes.length === 1 && app.palettes) {
        for (const name of Object.keys(app.palettes)) palettes.append(h("option", { value: name }, name));
      }
      keyed(list, app.state.classes, (own) => own.id, create, update);
    },
  };
}
