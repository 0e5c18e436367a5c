// The notebook host: the same front end over the notebook's own channel.

import { mount } from "./mount.js";

/**
 * @param {{ model: any, el: HTMLElement }} context what anywidget gives
 */
export function render({ model, el }) {
  const root = document.createElement("div");
  el.append(root);
  /** @type {import("./transport.js").Transport} */
  const transport = {
    onmessage: () => {},
    onstate: () => {},
    send: (header, buffers = []) => model.send(header, undefined, buffers),
    close: () => {},
  };
  const listener = (/** @type {any} */ header, /** @type {DataView[]} */ buffers) => {
    // Each display of a widget hears what all displays are told.
    transport.onmessage(header, (buffers || []).map((b) => new Uint8Array(b.buffer, b.byteOffset, b.byteLength)));
  };
  model.on("msg:custom", listener);
  root.style.height = `${model.get("height")}px`;
  const unmount = mount(root, transport, { page: false });
  transport.send({ type: "hello" });
  return () => {
    model.off("msg:custom", listener);
    unmount();
  };
}

export default { render };
