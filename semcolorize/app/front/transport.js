// How the front end and Python talk: headers of JSON values with buffers, over a socket or a notebook's channel.

/**
 * @typedef {Object} Transport
 * @property {(header: Record<string, any>, buffers?: Uint8Array[]) => void} send
 * @property {(header: any, buffers: Uint8Array[]) => void} onmessage set by who listens
 * @property {(state: "open"|"lost") => void} onstate set by who listens
 * @property {() => void} close
 */

/**
 * A message as bytes: length of the header, header, buffers (see wire.py).
 * @param {Record<string, any>} header
 * @param {Uint8Array[]} buffers
 */
export function pack(header, buffers) {
  const text = new TextEncoder().encode(JSON.stringify({ ...header, buffers: buffers.map((b) => b.byteLength) }));
  const size = buffers.reduce((sum, b) => sum + b.byteLength, 4 + text.byteLength);
  const data = new Uint8Array(size);
  new DataView(data.buffer).setUint32(0, text.byteLength);
  data.set(text, 4);
  let at = 4 + text.byteLength;
  for (const buffer of buffers) {
    data.set(buffer, at);
    at += buffer.byteLength;
  }
  return data;
}

/**
 * @param {ArrayBuffer} data
 * @returns {[any, Uint8Array[]]}
 */
export function unpack(data) {
  const length = new DataView(data).getUint32(0);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, length)));
  let at = 4 + length;
  const buffers = header.buffers.map((/** @type {number} */ size) => {
    const part = new Uint8Array(data, at, size);
    at += size;
    return part;
  });
  return [header, buffers];
}

/**
 * A socket that comes back by itself: after a reload of the server, the window finds its work again.
 * @returns {Transport}
 */
export function socketTransport() {
  const KEY = "semcolorize-session";
  /** @type {WebSocket|null} */ let socket = null;
  let over = false;
  let delay = 300;
  /** @type {Uint8Array[]} */ let waiting = [];
  /** @type {Transport} */
  const transport = {
    onmessage: () => {},
    onstate: () => {},
    send(header, buffers = []) {
      const data = pack(header, buffers);
      if (socket && socket.readyState === WebSocket.OPEN) socket.send(data);
      else if (header.type !== "tiles") waiting.push(data);
    },
    close() {
      over = true;
      socket?.close();
    },
  };
  const connect = () => {
    const session = sessionStorage.getItem(KEY) || "";
    const address = new URL(`socket?session=${encodeURIComponent(session)}`, location.href);
    address.protocol = "ws:";
    const own = new WebSocket(address);
    own.binaryType = "arraybuffer";
    socket = own;
    own.onopen = () => {
      delay = 300;
      own.send(pack({ type: "hello" }, []));
      for (const data of waiting) own.send(data);
      waiting = [];
      transport.onstate("open");
    };
    own.onmessage = (event) => {
      const [header, buffers] = unpack(event.data);
      if (header.session) sessionStorage.setItem(KEY, header.session);
      transport.onmessage(header, buffers);
    };
    own.onclose = () => {
      if (over || socket !== own) return;
      transport.onstate("lost");
      setTimeout(connect, delay);
      delay = Math.min(5000, delay * 2);
    };
  };
  queueMicrotask(connect);
  return transport;
}
