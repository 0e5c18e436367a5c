// What the keys do; the same list is shown by the help.

/**
 * @param {import("./app.js").App} app
 * @param {boolean} page whether the window is ours alone, and not a part of a notebook
 * @returns {() => void} stops listening
 */
export function listenToKeys(app, page) {
  const target = page ? document : app.root;
  const typing = (/** @type {any} */ element) =>
    element instanceof HTMLElement && element.matches("input:not([type=range]):not([type=checkbox]):not([type=color]), select, textarea");
  const inDialog = (/** @type {any} */ element) => element instanceof HTMLElement && element.closest("dialog");

  const down = (/** @type {any} */ event) => {
    // A notebook has keys of its own, which nobody means in here.
    if (!page) event.stopPropagation();
    if (typing(event.target) || inDialog(event.target)) return;
    const done = act(app, event);
    if (done) event.preventDefault();
  };
  const up = (/** @type {any} */ event) => {
    if (!page) event.stopPropagation();
    if (event.key === " ") app.holdHand(false);
    if (event.key === "o" || event.key === "O") app.showOriginal(false);
  };
  target.addEventListener("keydown", down);
  target.addEventListener("keyup", up);
  return () => {
    target.removeEventListener("keydown", down);
    target.removeEventListener("keyup", up);
  };
}

/**
 * @param {import("./app.js").App} app
 * @param {KeyboardEvent} event
 * @returns {boolean} whether it was a key of ours
 */
function act(app, event) {
  const { key } = event;
  const { viewer } = app;
  if (event.ctrlKey || event.metaKey) {
    const letter = key.toLowerCase();
    if (letter === "z" && !event.shiftKey) app.send({ type: "undo" });
    else if ((letter === "z" && event.shiftKey) || letter === "y") app.send({ type: "redo" });
    else if (letter === "o") app.choose();
    else if (letter === "s") app.save();
    else return false;
    return true;
  }
  if (event.altKey && key !== "Enter") return false;
  const onImage = event.target === viewer.canvas;
  const onControl = event.target instanceof HTMLElement && event.target.matches("button, input, a, [role=slider]");
  const arrows = /** @type {Record<string, [number, number]>} */ ({
    ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1],
  });
  if (key in arrows && onImage) app.moveCrosshair(arrows[key][0], arrows[key][1], event.shiftKey);
  else if (key === "Enter" && onImage) app.hintAtCrosshair(event);
  else if (key === " " && !onControl) app.holdHand(true);
  else if (/^[0-9]$/.test(key)) app.pickNumber(Number(key));
  else if (key === "Delete" || key === "Backspace") app.removeSelected();
  else if (key === "Escape") app.select(0);
  else if (key === "f") viewer.fit();
  else if (key === "+" || key === "=") viewer.zoom(1.25);
  else if (key === "-" || key === "−") viewer.zoom(0.8);
  else if (key === "*") viewer.actual();
  else if (key === "[") app.setSize(Math.max(1, Math.min(app.size - 2, Math.floor(app.size / 1.15 / 2) * 2 + 1)));
  else if (key === "]") app.setSize(Math.min(401, Math.max(app.size + 2, Math.ceil((app.size * 1.15) / 2) * 2 + 1)));
  else if (key === "b") app.toggleSplit();
  else if (key === "o") app.showOriginal(true);
  else if (key === "m") app.toggleHints();
  else if (key === "n") app.goToTarget();
  else if (key === "u") app.toggleUncertainty();
  else if (key === "h") app.toggleHand();
  else if (key === "PageDown") app.send({ type: "open-next", step: 1 });
  else if (key === "PageUp") app.send({ type: "open-next", step: -1 });
  else if (key === "?") app.help();
  else return false;
  return true;
}
