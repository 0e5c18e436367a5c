// What is seen before there is an image: how to open one, and work that was left.

import { h } from "./dom.js";
import { choose } from "./files.js";

/**
 * @param {import("./app.js").App} app
 */
export function startPage(app) {
  const recent = h("div", { class: "sc-recent" });
  const heading = h("h2", { id: "sc-recent" }, "Continue where you left off");
  const list = h("section", { "aria-labelledby": "sc-recent", class: "sc-recent-part", hidden: true }, heading, recent);
  const element = h("div", { class: "sc-start" },
    h("div", { class: "sc-drop" },
      h("h1", {}, "Color a micrograph"),
      h("p", {}, "Drop a file here, or several, or a folder. TIFF of any depth, PNG, JPEG; hints.yaml and RoiSet.zip, too."),
      h("div", { class: "sc-row sc-center" },
        h("button", { type: "button", class: "sc-button sc-main", onclick: () => choose(app, false) }, "Choose files…"),
        h("button", { type: "button", class: "sc-button", onclick: () => choose(app, true) }, "Choose a folder…"),
        h("button", { type: "button", class: "sc-button", onclick: () => app.send({ type: "open-example" }) }, "Try an example")),
      h("p", { class: "sc-muted" }, "Everything stays on this computer.")),
    list);
  return {
    element,
    setRecent: (/** @type {any[]} */ works, /** @type {Uint8Array[]} */ previews) => {
      list.hidden = !works.length;
      recent.replaceChildren(...works.map((work, i) => {
        const bytes = previews[i];
        const address = bytes?.byteLength
          ? URL.createObjectURL(new Blob([/** @type {any} */ (bytes)], { type: "image/jpeg" })) : null;
        const when = new Date(work.when * 1000).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
        const card = h("div", { class: "sc-card" },
          h("button", {
            type: "button", class: "sc-card-open", onclick: () => app.send({ type: "resume", saved: work.id }),
          }, address ? h("img", { src: address, alt: "" }) : h("span", { class: "sc-film-picture" }),
          h("strong", { class: "sc-clip" }, work.name + (work.more ? ` and ${work.more} more` : "")),
          h("span", { class: "sc-muted" }, `${work.hints} hint${work.hints === 1 ? "" : "s"}, ${when}`)),
          h("button", {
            type: "button", class: "sc-forget", "aria-label": `Forget the work on ${work.name}`, title: "Forget this work",
            onclick: () => {
              app.send({ type: "forget", saved: work.id });
              card.remove();
              list.hidden = !recent.children.length;
            },
          }, "×"));
        return card;
      }));
    },
  };
}
