// The browser host: a socket to the server that gave this page.

import { mount } from "./mount.js";
import { socketTransport } from "./transport.js";

const root = /** @type {HTMLElement} */ (document.getElementById("app"));
mount(root, socketTransport(), { page: true });
