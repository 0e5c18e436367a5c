// Mouse, pen and fingers: a click or a stroke is a hint, the wheel and two fingers zoom, the middle button pans.

/** @typedef {import("./viewer.js").Viewer} Viewer */

const STILL = 4;
const NEAR = 11;

/**
 * @typedef {Object} Tools
 * @property {() => boolean} panning whether one finger or the left button moves the image
 * @property {() => number} size
 * @property {(event: PointerEvent) => string} color of the stroke that is being drawn
 * @property {(path: [number, number][], event: PointerEvent) => void} onhint
 * @property {(hint: any, place: [number, number]) => void} onmove
 * @property {(id: number) => void} onselect
 * @property {(place: [number, number]|null) => void} onhover
 */

/**
 * @param {HTMLCanvasElement} canvas
 * @param {Viewer} viewer
 * @param {Tools} tools
 */
export function listen(canvas, viewer, tools) {
  /** @type {Map<number, [number, number]>} */ const fingers = new Map();
  /** @type {{kind: "pan"|"hint"|"move"|"pinch", x: number, y: number, path: [number, number][], hint?: any}|null} */
  let action = null;

  const at = (/** @type {MouseEvent} */ event) => {
    const box = canvas.getBoundingClientRect();
    return /** @type {[number, number]} */ ([event.clientX - box.left, event.clientY - box.top]);
  };
  const pair = () => {
    const [[ax, ay], [bx, by]] = [...fingers.values()];
    return { x: (ax + bx) / 2, y: (ay + by) / 2, apart: Math.max(10, Math.hypot(ax - bx, ay - by)) };
  };
  const hintAt = (/** @type {[number, number]} */ [x, y]) => {
    for (const hint of [...viewer.hints].reverse()) {
      const places = hint.kind === "point" || hint.kind === "line" ? hint.path : hint.rings.flat();
      for (const place of places) {
        const [hx, hy] = viewer.toStage(place[0], place[1]);
        if (Math.hypot(hx - x, hy - y) <= NEAR) return hint;
      }
    }
    return null;
  };
  const inside = (/** @type {[number, number]} */ [column, row]) => {
    const info = viewer.info;
    return info && column >= 0 && row >= 0 && column < info.width && row < info.height;
  };
  let pinch = { x: 0, y: 0, apart: 1 };

  canvas.addEventListener("pointerdown", (event) => {
    if (!viewer.info) return;
    canvas.focus({ preventScroll: true });
    viewer.crosshair = null;
    const [x, y] = at(event);
    canvas.setPointerCapture(event.pointerId);
    if (event.pointerType === "touch") {
      fingers.set(event.pointerId, [x, y]);
      if (fingers.size === 2) {
        // The first finger meant no hint.
        viewer.stroke = null;
        action = { kind: "pinch", x, y, path: [] };
        pinch = pair();
        viewer.redraw();
        return;
      }
    }
    if (event.button === 1 || event.button === 2 || tools.panning()) {
      action = { kind: "pan", x, y, path: [] };
      canvas.classList.add("sc-grabbing");
      return;
    }
    if (event.button !== 0) return;
    const hint = viewer.showHints ? hintAt([x, y]) : null;
    if (hint) {
      tools.onselect(hint.id);
      action = { kind: "move", x, y, path: [], hint };
      return;
    }
    const place = viewer.toImage(x, y);
    if (!inside(place)) {
      tools.onselect(0);
      return;
    }
    action = { kind: "hint", x, y, path: [place] };
  });

  canvas.addEventListener("pointermove", (event) => {
    const [x, y] = at(event);
    if (fingers.has(event.pointerId)) fingers.set(event.pointerId, [x, y]);
    tools.onhover(inside(viewer.toImage(x, y)) ? viewer.toImage(x, y) : null);
    if (!action) {
      canvas.classList.toggle("sc-over-hint", viewer.showHints && !!hintAt([x, y]));
      return;
    }
    if (action.kind === "pinch" && fingers.size >= 2) {
      const now = pair();
      viewer.pan(now.x - pinch.x, now.y - pinch.y);
      viewer.zoom(now.apart / pinch.apart, now.x, now.y);
      pinch = now;
    } else if (action.kind === "pan") {
      viewer.pan(x - action.x, y - action.y);
      [action.x, action.y] = [x, y];
    } else if (action.kind === "hint") {
      // All the places a fast pen went through, not only those of the frames.
      const events = typeof event.getCoalescedEvents === "function" ? event.getCoalescedEvents() : [];
      for (const own of events.length ? events : [event]) {
        const [ox, oy] = at(own);
        const [lastX, lastY] = viewer.toStage(...action.path[action.path.length - 1]);
        if (Math.hypot(ox - lastX, oy - lastY) >= (action.path.length > 1 ? 2 : STILL)) {
          action.path.push(viewer.toImage(ox, oy));
        }
      }
      if (action.path.length > 1) {
        viewer.stroke = { path: action.path, size: tools.size(), color: tools.color(event) };
        viewer.redraw();
      }
    } else if (action.kind === "move" && action.hint.kind === "point") {
      if (action.path.length || Math.hypot(x - action.x, y - action.y) >= STILL) {
        action.path = [viewer.toImage(x, y)];
        action.hint.path = action.path;
        viewer.redraw();
      }
    }
  });

  const end = (/** @type {PointerEvent} */ event) => {
    fingers.delete(event.pointerId);
    canvas.classList.remove("sc-grabbing");
    const done = action;
    if (fingers.size && done?.kind === "pinch") return;
    action = null;
    viewer.stroke = null;
    viewer.redraw();
    if (!done || event.type === "pointercancel") return;
    if (done.kind === "hint") tools.onhint(thinned(done.path, viewer.scale), event);
    else if (done.kind === "move" && done.path.length) tools.onmove(done.hint, done.path[0]);
  };
  canvas.addEventListener("pointerup", end);
  canvas.addEventListener("pointercancel", end);
  canvas.addEventListener("pointerleave", () => tools.onhover(null));
  canvas.addEventListener("contextmenu", (event) => event.preventDefault());
  canvas.addEventListener("wheel", (event) => {
    if (!viewer.info) return;
    event.preventDefault();
    const [x, y] = at(event);
    const step = event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? 400 : 1;
    if (event.shiftKey) viewer.pan(-step * (event.deltaX || event.deltaY), 0);
    // A pinch on a trackpad comes as a wheel with Control, in small steps.
    else viewer.zoom(Math.exp(-step * event.deltaY * (event.ctrlKey ? 0.01 : 0.0022)), x, y);
  }, { passive: false });
}

/**
 * A stroke without the places that a straight line between others goes through (Douglas-Peucker).
 * @param {[number, number][]} path in pixels of the image
 * @param {number} scale
 * @returns {[number, number][]}
 */
export function thinned(path, scale) {
  const tolerance = 0.4 / scale;
  if (path.length < 3) return path;
  const keep = new Uint8Array(path.length);
  keep[0] = keep[path.length - 1] = 1;
  /** @type {[number, number][]} */ const parts = [[0, path.length - 1]];
  while (parts.length) {
    const [first, last] = /** @type {[number, number]} */ (parts.pop());
    const [ax, ay] = path[first];
    const [bx, by] = path[last];
    const length = Math.hypot(bx - ax, by - ay);
    let [farthest, most] = [0, tolerance];
    for (let i = first + 1; i < last; i++) {
      // Of a stroke that returns to where it began, the line is a place.
      const off = length < 1e-6 ? Math.hypot(path[i][0] - ax, path[i][1] - ay)
        : Math.abs((bx - ax) * (ay - path[i][1]) - (ax - path[i][0]) * (by - ay)) / length;
      if (off > most) [farthest, most] = [i, off];
    }
    if (farthest) {
      keep[farthest] = 1;
      parts.push([first, farthest], [farthest, last]);
    }
  }
  const kept = path.filter((_, i) => keep[i]);
  // More than Python takes is a scribble whose details nobody needs.
  const every = Math.ceil(kept.length / 2000);
  return every > 1 ? kept.filter((_, i) => i % every === 0) : kept;
}
