// How hosts put the window into a page.

import { App } from "./app.js";

/**
 * Build the window in an element.
 * @param {HTMLElement} root
 * @param {import("./transport.js").Transport} transport
 * @param {{page: boolean}} host
 * @returns {() => void} takes it away again
 */
export function mount(root, transport, host) {
  const app = new App(root, transport, host);
  if (host.page) /** @type {any} */ (window).semcolorize = app;
  return () => app.close();
}
