// What is drawn over the image: hints, the place where one more would help, the scale bar.

/** @typedef {import("./viewer.js").Viewer} Viewer */

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Viewer} viewer
 */
export function drawHints(context, viewer) {
  context.save();
  context.lineCap = "round";
  context.lineJoin = "round";
  for (const hint of viewer.hints) {
    const own = viewer.classes.get(hint.of);
    if (!own) continue;
    const chosen = hint.id === viewer.selected;
    if (hint.kind === "point") {
      drawPatch(context, viewer, hint);
      drawPoint(context, viewer.toStage(hint.path[0][0], hint.path[0][1]), own, hint, chosen);
    } else if (hint.kind === "line") drawLine(context, viewer, hint.path, hint.size, own.color, chosen, hint.spread);
    else drawArea(context, viewer, hint, own.color, chosen);
  }
  if (viewer.stroke) drawLine(context, viewer, viewer.stroke.path, viewer.stroke.size, viewer.stroke.color, true, null);
  if (viewer.crosshair) drawCrosshair(context, viewer.toStage(...viewer.crosshair));
  context.restore();
}

/**
 * A disk with the number of its class, so that it is told apart without its color; a square speaks for one object.
 * @param {CanvasRenderingContext2D} context
 * @param {[number, number]} place
 * @param {any} own
 * @param {any} hint
 * @param {boolean} chosen
 */
function drawPoint(context, [x, y], own, hint, chosen) {
  const radius = chosen ? 9 : 7.5;
  context.beginPath();
  if (hint.spread === "instance") context.roundRect(x - radius, y - radius, 2 * radius, 2 * radius, 2);
  else context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fillStyle = own.color;
  context.globalAlpha = own.visible ? 1 : 0.45;
  context.fill();
  context.lineWidth = chosen ? 5 : 3.5;
  context.strokeStyle = "rgba(0,0,0,.75)";
  context.stroke();
  context.lineWidth = chosen ? 3 : 1.75;
  context.strokeStyle = "#fff";
  context.stroke();
  context.globalAlpha = 1;
  context.fillStyle = ink(own.color);
  context.font = "600 10px system-ui, sans-serif";
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillText(own.gray ? "–" : String(own.number), x, y + 0.5);
}

/**
 * The pixels that a click covers, where they are larger than its mark.
 * @param {CanvasRenderingContext2D} context
 * @param {Viewer} viewer
 * @param {any} hint
 */
function drawPatch(context, viewer, hint) {
  const side = hint.size * viewer.scale;
  if (side < 26) return;
  const [x, y] = viewer.toStage(hint.path[0][0] - hint.size / 2, hint.path[0][1] - hint.size / 2);
  context.lineWidth = 3;
  context.strokeStyle = "rgba(0,0,0,.5)";
  context.strokeRect(x, y, side, side);
  context.lineWidth = 1;
  context.strokeStyle = "#fff";
  context.strokeRect(x, y, side, side);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Viewer} viewer
 * @param {[number, number][]} path
 * @param {number} size
 * @param {string} color
 * @param {boolean} chosen
 * @param {string|null} spread
 */
function drawLine(context, viewer, path, size, color, chosen, spread) {
  context.beginPath();
  path.forEach(([x, y], i) => {
    const at = viewer.toStage(x, y);
    if (i) context.lineTo(...at);
    else context.moveTo(...at);
  });
  const width = Math.max(2.5, size * viewer.scale);
  context.lineWidth = width + (chosen ? 5 : 3);
  context.strokeStyle = "rgba(0,0,0,.55)";
  context.stroke();
  context.lineWidth = width + (chosen ? 3 : 1.5);
  context.strokeStyle = "rgba(255,255,255,.9)";
  if (spread === "instance") context.setLineDash([8, 6]);
  context.stroke();
  context.setLineDash([]);
  context.lineWidth = width;
  context.strokeStyle = color;
  context.stroke();
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Viewer} viewer
 * @param {any} hint
 * @param {string} color
 * @param {boolean} chosen
 */
function drawArea(context, viewer, hint, color, chosen) {
  context.beginPath();
  for (const ring of hint.rings) {
    const corners = ring.map((/** @type {[number, number]} */ corner) => viewer.toStage(...corner));
    if (hint.kind === "oval") {
      const [left, top] = corners[0];
      const [right, bottom] = corners[2];
      context.ellipse((left + right) / 2, (top + bottom) / 2, (right - left) / 2, (bottom - top) / 2, 0, 0, 2 * Math.PI);
    } else {
      corners.forEach((/** @type {[number, number]} */ at, /** @type {number} */ i) =>
        i ? context.lineTo(...at) : context.moveTo(...at));
      context.closePath();
    }
  }
  context.lineWidth = chosen ? 5 : 4;
  context.strokeStyle = "rgba(0,0,0,.6)";
  context.stroke();
  context.lineWidth = chosen ? 3 : 2;
  context.strokeStyle = color;
  context.stroke();
}

/** @param {CanvasRenderingContext2D} context @param {[number, number]} place */
function drawCrosshair(context, [x, y]) {
  for (const [width, color] of /** @type {[number, string][]} */ ([[4, "rgba(0,0,0,.7)"], [1.5, "#fff"]])) {
    context.lineWidth = width;
    context.strokeStyle = color;
    context.beginPath();
    for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
      context.moveTo(x + 4 * dx, y + 4 * dy);
      context.lineTo(x + 14 * dx, y + 14 * dy);
    }
    context.stroke();
  }
}

/**
 * Where one more hint would help most: a ring that no hint looks like.
 * @param {CanvasRenderingContext2D} context
 * @param {number} x
 * @param {number} y
 */
export function drawTarget(context, x, y) {
  context.save();
  for (const [width, color] of /** @type {[number, string][]} */ ([[4.5, "rgba(0,0,0,.7)"], [2, "#fff"]])) {
    context.lineWidth = width;
    context.strokeStyle = color;
    context.setLineDash([5, 4.4]);
    context.beginPath();
    context.arc(x, y, 15, 0, 2 * Math.PI);
    context.stroke();
    context.setLineDash([]);
    context.beginPath();
    context.moveTo(x - 5, y);
    context.lineTo(x + 5, y);
    context.moveTo(x, y - 5);
    context.lineTo(x, y + 5);
    context.stroke();
  }
  context.restore();
}

/**
 * Where the instrument's data bar begins, which stays as it is.
 * @param {CanvasRenderingContext2D} context
 * @param {Viewer} viewer
 * @param {import("./viewer.js").ViewInfo} info
 */
export function drawDataBar(context, viewer, info) {
  if (info.bar === null) return;
  const y = viewer.y + info.bar * viewer.scale;
  context.save();
  context.strokeStyle = "rgba(255,255,255,.65)";
  context.setLineDash([6, 4]);
  context.beginPath();
  context.moveTo(viewer.x, y);
  context.lineTo(viewer.x + info.width * viewer.scale, y);
  context.stroke();
  context.restore();
}

/**
 * A bar of a round length, for what is seen now.
 * @param {CanvasRenderingContext2D} context
 * @param {Viewer} viewer
 * @param {number} nanometers a pixel
 */
export function drawScaleBar(context, viewer, nanometers) {
  const longest = (150 / viewer.scale) * nanometers;
  const power = 10 ** Math.floor(Math.log10(longest));
  const length = [5, 2, 1].map((step) => step * power).find((step) => step <= longest) || power;
  const [factor, unit] = /** @type {[number, string]} */ (
    [[1e6, "mm"], [1e3, "µm"], [1, "nm"]].find(([f]) => length >= Number(f)) || [1, "nm"]);
  const label = `${Number((length / factor).toPrecision(3))} ${unit}`;
  const width = (length / nanometers) * viewer.scale;
  const [x, y] = [16, viewer.height - 18];
  context.save();
  context.font = "600 12px system-ui, sans-serif";
  const text = context.measureText(label).width;
  context.fillStyle = "rgba(20,20,22,.72)";
  context.beginPath();
  context.roundRect(x - 8, y - 22, Math.max(width, text) + 16, 32, 6);
  context.fill();
  context.fillStyle = "#fff";
  context.fillRect(x, y, width, 3);
  context.textAlign = "left";
  context.fillText(label, x, y - 6);
  context.restore();
}

/** Black or white, whichever is read on a color. @param {string} color */
export function ink(color) {
  const [r, g, b] = [1, 3, 5].map((i) => (parseInt(color.slice(i, i + 2), 16) / 255) ** 2.2);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.18 ? "#000" : "#fff";
}
