// Elements in few words, and lists that keep their elements: what is focused or dragged stays so when state arrives.

/**
 * Make an element.
 * @param {string} tag
 * @param {Record<string, any>} [attributes] `on...` are listeners, `class` the class, others attributes or properties
 * @param {...(Node|string|null|undefined|false)} children
 * @returns {any}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else if (value === true) element.setAttribute(name, "");
    else element.setAttribute(name, String(value));
  }
  for (const child of children) if (child || child === "") element.append(child);
  return element;
}

const PATHS = {
  open: "M3 6h6l2 2h10v11H3z",
  undo: "M9 7L4 12l5 5M4 12h10a6 6 0 0 1 6 6",
  redo: "M15 7l5 5-5 5M20 12H10a6 6 0 0 0-6 6",
  split: "M12 3v18M4 6h5v12H4zM15 6h5v12h-5z",
  doubt: "M12 4.500L21 20H3zM12 10.500v4M12 17.300v.1",
  fit: "M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5",
  save: "M12 4v11M7 11l5 5 5-5M4 20h16",
  plus: "M12 5v14M5 12h14",
  minus: "M5 12h14",
  close: "M6 6l12 12M18 6L6 18",
  eye: "M2 12s4-7 10-7 10 7 10 7-4 7-10 7S2 12 2 12zM12 9a3 3 0 1 1 0 6 3 3 0 0 1 0-6z",
  eyeOff: "M3 3l18 18M10 5.3A10 10 0 0 1 12 5c6 0 10 7 10 7a17 17 0 0 1-3 3.6M6 7.5A17 17 0 0 0 2 12s4 7 10 7a9 9 0 0 0 4-1",
  trash: "M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13",
  target: "M12 3v4M12 17v4M3 12h4M17 12h4M12 8a4 4 0 1 1 0 8 4 4 0 0 1 0-8z",
  hand: "M8 12V5.5a1.5 1.5 0 0 1 3 0V11V4a1.5 1.5 0 0 1 3 0v7V6a1.5 1.5 0 0 1 3 0v8c0 4-2 7-6 7s-5-2-7-6l-1.500-3a1.500 1.500 0 0 1 2.500-1.500z",
  pen: "M4 20l1-4L16 5l3 3L8 19zM14 7l3 3",
  help: "M12 3a9 9 0 1 1 0 18 9 9 0 0 1 0-18zM9.800 9.500a2.300 2.300 0 1 1 3.300 2.200c-.8.4-1.100.9-1.100 1.800M12 16.500v.1",
  left: "M15 5l-7 7 7 7",
  right: "M9 5l7 7-7 7",
  check: "M5 12l5 5 9-10",
};

/**
 * A line drawing that is decoration: its button has the name.
 * @param {keyof typeof PATHS} name
 */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "sc-icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}

/**
 * A button with a picture, a name for screen readers, and a tooltip that tells its key.
 * @param {keyof typeof PATHS} picture
 * @param {string} label
 * @param {(event: MouseEvent) => void} onclick
 * @param {Record<string, any>} [more] `key`: its shortcut; others are attributes
 */
export function iconButton(picture, label, onclick, more = {}) {
  const { key, ...attributes } = more;
  return h("button", {
    type: "button", class: "sc-icon-button", "aria-label": label, title: key ? `${label} (${key})` : label,
    "aria-keyshortcuts": key ? key.replace("Ctrl", "Control") : undefined, onclick, ...attributes,
  }, icon(picture));
}

/**
 * Keep one element an item, in order, made once and updated after.
 * @template T
 * @param {HTMLElement} container
 * @param {T[]} items
 * @param {(item: T) => string} key
 * @param {(item: T) => HTMLElement} create
 * @param {(element: any, item: T, index: number) => void} update
 */
export function keyed(container, items, key, create, update) {
  const old = new Map([...container.children].map((child) => [/** @type {HTMLElement} */ (child).dataset.key, child]));
  items.forEach((item, i) => {
    const name = key(item);
    let element = /** @type {HTMLElement|undefined} */ (old.get(name));
    if (element) old.delete(name);
    else {
      element = create(item);
      element.dataset.key = name;
    }
    if (container.children[i] !== element) container.insertBefore(element, container.children[i] || null);
    update(element, item, i);
  });
  for (const child of old.values()) child.remove();
}

/**
 * Set what differs, and leave alone what a person is typing into.
 * @param {HTMLInputElement} input
 * @param {string} value
 */
export function setValue(input, value) {
  if (input !== /** @type {any} */ (input.getRootNode()).activeElement && input.value !== value) input.value = value;
}

/**
 * Call with the latest arguments, at most once an interval.
 * @template {any[]} A
 * @param {(...args: A) => void} call
 * @param {number} milliseconds
 * @returns {(...args: A) => void}
 */
export function throttled(call, milliseconds) {
  /** @type {any} */ let timer = null;
  /** @type {A|null} */ let waiting = null;
  const run = () => {
    timer = null;
    if (waiting) {
      const args = waiting;
      waiting = null;
      timer = setTimeout(run, milliseconds);
      call(...args);
    }
  };
  return (...args) => {
    waiting = args;
    if (timer === null) run();
  };
}

/** @param {number} share */
export function percent(share) {
  return share > 0 && share < 0.001 ? "< 0.1 %" : `${(100 * share).toFixed(1)} %`;
}

/**
 * A length or an area in the unit that people would use.
 * @param {number} nanometers
 * @param {1|2} power
 */
export function metric(nanometers, power) {
  const units = [["mm", 1e6], ["µm", 1e3], ["nm", 1]];
  for (const [unit, factor] of units) {
    const value = nanometers / Number(factor) ** power;
    if (value >= (power === 1 ? 1 : 0.1) || unit === "nm") {
      return `${value >= 100 ? Math.round(value) : Number(value.toPrecision(3))} ${unit}${power === 2 ? "²" : ""}`;
    }
  }
  return "";
}
