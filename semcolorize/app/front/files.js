// Files in and out: drop, pick, the folder's thumbnails, and what is saved.

import { h, keyed } from "./dom.js";

/**
 * @param {import("./app.js").App} app
 */
export function uploader(app) {
  /** @type {Map<string, () => void>} */ const waiting = new Map();
  let number = 0;

  /** @param {File} file @param {"image"|"reference"} [purpose] */
  const upload = async (file, purpose = "image") => {
    if (file.size > app.mostBytes) {
      app.toast(`${file.name} has ${(file.size / 1e9).toFixed(1)} GB, more than is taken here. Open it with: semcolorize app FILE.`, "error");
      return;
    }
    const id = `u${++number}-${Math.random().toString(36).slice(2, 10)}`;
    const part = app.partBytes;
    for (let offset = 0; offset < file.size || offset === 0; offset += part) {
      let bytes;
      try {
        bytes = new Uint8Array(await file.slice(offset, offset + part).arrayBuffer());
      } catch {
        app.toast(`${file.name} cannot be read: was it moved, or is it open elsewhere?`, "error");
        return;
      }
      const arrived = new Promise((resolve) => waiting.set(id, () => resolve(null)));
      app.send({ type: "upload", id, name: file.name, size: file.size, offset, purpose }, [bytes]);
      await arrived;
      if (file.size === 0) break;
      if (file.size > 4 * part) app.progress(`Taking ${file.name}`, Math.min(1, (offset + part) / file.size));
    }
    waiting.delete(id);
    if (file.size > 4 * part) app.progress("", null);
  };
  return {
    upload,
    received: (/** @type {string} */ id) => waiting.get(id)?.(),
  };
}

const IMAGES = /\.(tiff?|png|jpe?g|bmp|gif|webp)$/i;

/**
 * Files that were dropped or picked: hints and palettes are taken at once, of images the first; the others wait below.
 * @param {import("./app.js").App} app
 * @param {File[]} files
 */
export async function take(app, files) {
  const kept = files.filter((file) => !file.name.startsWith("."));
  const images = kept.filter((file) => IMAGES.test(file.name));
  const others = kept.filter((file) => /\.(ya?ml|zip|roi|gpl|aco|ase)$/i.test(file.name));
  const first = images[0] || (others.length ? null : kept[0]);
  if (images.length > 1) app.strip.addLocal(images);
  if (first) await app.uploads.upload(first);
  // Hints belong to the image that comes with them.
  for (const file of others.slice(0, 8)) await app.uploads.upload(file);
}

/**
 * All files of what was dropped, folders one level deep.
 * @param {DataTransfer} dropped
 * @returns {Promise<File[]>}
 */
export async function filesOf(dropped) {
  const entries = [...dropped.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.some((entry) => entry?.isDirectory)) return [...dropped.files];
  /** @type {File[]} */ const files = [];
  for (const entry of /** @type {any[]} */ (entries)) {
    if (entry.isFile) files.push(await new Promise((resolve, reject) => entry.file(resolve, reject)));
    else {
      const reader = entry.createReader();
      for (;;) {
        const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
        if (!some.length) break;
        for (const own of some) if (own.isFile) files.push(await new Promise((ok, no) => own.file(ok, no)));
      }
    }
  }
  return files.sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }));
}

/**
 * Let a person choose files.
 * @param {import("./app.js").App} app
 * @param {boolean} folder
 */
export function choose(app, folder) {
  const input = h("input", { type: "file", multiple: true, webkitdirectory: folder, hidden: true });
  input.addEventListener("change", () => {
    take(app, [...input.files]);
    input.remove();
  });
  input.addEventListener("cancel", () => input.remove());
  app.root.append(input);
  input.click();
}

/**
 * Let a person choose the picture whose colors are taken.
 * @param {import("./app.js").App} app
 */
export function chooseReference(app) {
  const input = h("input", { type: "file", accept: ".tif,.tiff,.png,.jpg,.jpeg,.bmp,.gif,.webp", hidden: true, class: "sc-reference-file" });
  input.addEventListener("change", () => {
    if (input.files[0]) app.uploads.upload(input.files[0], "reference");
    input.remove();
  });
  input.addEventListener("cancel", () => input.remove());
  app.root.append(input);
  input.click();
}

/**
 * The folder below the image.
 * @param {import("./app.js").App} app
 */
export function filmstrip(app) {
  const list = h("div", { class: "sc-strip-list", role: "group", "aria-label": "Micrographs of the folder" });
  const element = h("nav", { class: "sc-strip", "aria-label": "Folder", hidden: true }, list);
  /** @type {{name: string, address: string|null, own: boolean, readable: boolean, file: File|null}[]} */ let entries = [];
  const draw = () => {
    const shown = entries.filter((entry) => !entry.own);
    element.hidden = shown.length < 2;
    const open = new Set((app.state?.views || []).map((/** @type {any} */ view) => view.name));
    const active = app.state?.views.find((/** @type {any} */ view) => view.id === app.state.active)?.name;
    keyed(list, shown, (entry) => `${entry.file ? "local" : "folder"} ${entry.name}`,
      (entry) => h("button", {
        type: "button", class: "sc-film", title: entry.name,
        onclick: () => {
          const view = app.state.views.find((/** @type {any} */ own) => own.name === entry.name);
          if (view) app.send({ type: "show", view: view.id });
          else if (entry.file) app.uploads.upload(entry.file);
          else app.send({ type: "open", name: entry.name });
        },
      }, h("span", { class: "sc-film-picture" }), h("span", { class: "sc-clip" }, entry.name)),
      (button, entry) => {
        if (entry.address && !button.querySelector("img")) {
          button.firstChild.replaceChildren(h("img", { src: entry.address, alt: "" }));
        }
        if (!entry.readable) button.firstChild.textContent = "cannot be read";
        button.classList.toggle("sc-open", open.has(entry.name));
        if (entry.name === active) button.setAttribute("aria-current", "true");
        else button.removeAttribute("aria-current");
      });
  };
  return {
    element,
    update: draw,
    setFolder: (/** @type {string[]} */ names) => {
      const known = new Map(entries.map((entry) => [entry.name, entry]));
      entries = names.map((name) => known.get(name) || { name, address: null, own: false, readable: true, file: null });
      draw();
    },
    setThumbnail: (/** @type {any} */ header, /** @type {Uint8Array} */ bytes) => {
      const entry = entries.find((own) => own.name === header.name);
      if (!entry) return;
      entry.own = header.own;
      entry.readable = header.readable;
      if (bytes.byteLength) entry.address = URL.createObjectURL(new Blob([/** @type {any} */ (bytes)], { type: "image/jpeg" }));
      draw();
    },
    addLocal: (/** @type {File[]} */ files) => {
      for (const file of files) {
        if (entries.some((entry) => entry.file && entry.name === file.name)) continue;
        /** @type {any} */ const entry = { name: file.name, address: null, own: false, readable: true, file };
        entries.push(entry);
        // What the browser can read it shows at once; TIFF is shown when it was opened.
        if (/\.(png|jpe?g|gif|webp|bmp)$/i.test(file.name) && file.size < 3e7) entry.address = URL.createObjectURL(file);
      }
      draw();
    },
  };
}

/** Parts of files that Python hands over, until they are whole. */
export function receiver() {
  /** @type {Map<string, Uint8Array[]>} */ const parts = new Map();
  return (/** @type {any} */ header, /** @type {Uint8Array} */ bytes) => {
    const own = header.part === 0 ? [] : parts.get(header.name) || [];
    own.push(bytes.slice());
    parts.set(header.name, own);
    if (own.length < header.parts) return;
    parts.delete(header.name);
    const address = URL.createObjectURL(new Blob(/** @type {any} */ (own)));
    const link = h("a", { href: address, download: header.name });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(address), 60000);
  };
}
