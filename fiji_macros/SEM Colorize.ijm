// Toolset "SEM Colorize": click, see, correct. Choose it under >>.
//
//   Hint tool        click: a point. Drag: a stroke. Shift: only this object. Alt: stays gray. On the micrograph or on its
//                    colored picture. In the palette window: chooses, hides, fades, recolors a class.
//   Eraser           click on a hint to remove it.
//   Palette          opens the palette window; its menu opens another palette.
//   Undo, Redo       of the active image's hints; keys z and Z.
//   Colorize         colors now; right-click: the dialog with all options.
//   Menu             what is needed less often.

var folder = getDirectory("plugins") + "SemColorize" + File.separator;
var engine = folder + "engine.ijm";
var live = folder + "live.ijm";
var palette = folder + "palette.ijm";
var PALETTE = "SEM palette";

macro "Hint Tool - C000L8083L8c8fL0838Lc8f8Cd33V4488C000O4488" {
    draw();
}

macro "Hint Tool Options" {
    Dialog.create("Hints");
    Dialog.addNumber("Width of strokes", strokeWidth(), 0, 5, "pixels of the screen");
    Dialog.addCheckbox("Live: color after every click", parseInt(recall("live", "1")));
    Dialog.addCheckbox("Show where the next click helps most", parseInt(recall("guide", "1")));
    Dialog.show();
    width = Dialog.getNumber();
    if (width >= 1 && width <= 200) call("ij.Prefs.set", "semcolorize.width", "" + width);
    ok = remember("live", Dialog.getCheckbox());
    ok = remember("guide", Dialog.getCheckbox());
    done = runMacro(palette, "refresh");
}

macro "Hint Eraser Tool - Cf8aF048aCfffF847aC000R04faL848d" {
    image = pressed();
    if (image == 0) exit;
    if (getTitle() == PALETTE) clickPalette();
    else {
        getCursorLoc(x, y, z, flags);
        done = runMacro(live, "erase\n" + x + " " + y);
    }
}

macro "Palette Action Tool - Cd33F0077C36bF9077C2a6F0977Ceb2F9977C000R0077R9077R0977R9977" {
    done = runMacro(palette, "open");
}

macro "Undo hint Action Tool - C00aL26a6La6c8Lc8caLcaacLac6cL2663L2669" {
    done = runMacro(live, "undo");
}

macro "Redo hint Action Tool - C00aLd656L5638L383aL3a5cL5c9cLd693Ld699" {
    done = runMacro(live, "redo");
}

macro "Colorize SEM Action Tool - C999F008fCd33F8075C2a6F8575C36bF8a75C000R00ff" {
    done = runMacro(live, "recolor");
}

macro "Colorize SEM Action Tool Options" {
    run("Colorize SEM");
}

macro "Undo hint [z]" {
    done = runMacro(live, "undo");
}

macro "Redo hint [Z]" {
    done = runMacro(live, "redo");
}

macro "Selection becomes a hint [h]" {
    done = runMacro(live, "add\n");
}

macro "Click on the palette" {
    followPalette();
}

// The picture is made beside the tools, so that the next click need not wait for it.
macro "Update colors" {
    done = runMacro(live, "update");
}

var commands = newMenu("More Menu Tool", newArray("Selection becomes a hint", "List of hints", "Remove all hints...",
    "Show or hide hints", "Live on or off", "-", "Take hints from ROI Manager", "Send hints to ROI Manager", "-",
    "Notes on the picture", "Colorize with options...", "Next variant", "All variants side by side", "Keep only this variant", "-", "Save colorized..."));

macro "More Menu Tool - C000D37D38D47D48D77D78D87D88Db7Db8Dc7Dc8" {
    command = getArgument();
    if (command == "Live on or off") {
        ok = remember("live", 1 - parseInt(recall("live", "1")));
        done = runMacro(palette, "refresh");
        exit;
    }
    if (nImages == 0) exit("There is no image open. Open a micrograph first (File > Open).");
    if (command == "Selection becomes a hint") done = runMacro(live, "add\n");
    if (command == "List of hints") done = runMacro(live, "list");
    if (command == "Remove all hints...") done = runMacro(live, "clear");
    if (command == "Show or hide hints") toggleHints();
    if (command == "Notes on the picture") {
        notes = "" + runMacro(live, "notes");
        if (notes == "") notes = "There is nothing to note.";
        done = runMacro(engine, "show\nNotes on the picture\n" + notes);
    }
    if (command == "Take hints from ROI Manager") done = runMacro(live, "take");
    if (command == "Send hints to ROI Manager") done = runMacro(live, "send");
    if (command == "Colorize with options...") run("Colorize SEM");
    if (command == "Next variant") setSlice(getSliceNumber() % nSlices + 1);
    if (command == "All variants side by side") sideBySide();
    if (command == "Keep only this variant") keepVariant();
    if (command == "Save colorized...") run("Save Colorized");
}

function remember(key, value) {
    said = "" + call("java.lang.System.setProperty", "semcolorize." + key, "" + value);
    return said;
}

function recall(key, otherwise) {
    return "" + call("java.lang.System.getProperty", "semcolorize." + key, "" + otherwise);
}

// On the screen, so that it is the same at every zoom.
function strokeWidth() {
    return parseFloat(call("ij.Prefs.get", "semcolorize.width", "5"));
}

// The image that was pressed on; 0 where the press was meant to bring a window to the front.
function pressed() {
    before = getImageID();
    raised = cameUp(before);
    begin = getTime();
    while (getTime() - begin < 90 && getImageID() == before) wait(10);
    if (getTitle() == PALETTE) return getImageID();
    if (raised || getImageID() != before) if (onlyRaised()) return 0;
    settleFront();
    return getImageID();
}

// A press on a window that lies behind makes that the active image. Some systems do so before the tool hears of the press,
// others a moment after: then it is another image than the one worked on last. One that was opened since is none of these.
function cameUp(id) {
    front = parseFloat(recall("front", "" + id));
    newest = parseFloat(recall("newest", "" + id));
    if (id == front || id < newest || getTitle() == PALETTE) return false;
    return true;
}

// Whether the press brought a window to the front that another one overlapped; nobody points at what is hidden.
function onlyRaised() {
    answer = "" + runMacro(live, "covered");
    settleFront();
    if (answer != "1") return false;
    showStatus("SemColorize: this image is in front now; click again for a hint");
    return true;
}

// Later images have lower numbers.
function settleFront() {
    id = getImageID();
    ok = remember("front", id);
    ok = remember("newest", minOf(id, parseFloat(recall("newest", "" + id))));
}

function clickPalette() {
    getCursorLoc(x, y, z, flags);
    ok = remember("clicked", "" + x + " " + y);
    // Beside the tool, which does not hear of the next press before it ended.
    ok = "" + call("ij.plugin.MacroInstaller.runMacroShortcut", "Click on the palette");
    for (i = 0; i < 20 && "" + recall("clicked", "") != ""; i++) wait(5);
    if ("" + recall("clicked", "") != "") followPalette();
}

function followPalette() {
    at = recall("clicked", "");
    ok = remember("clicked", "");
    done = runMacro(palette, "click\n" + at);
    settleFront();
}

function draw() {
    before = getImageID();
    raised = cameUp(before);
    begin = getTime();
    getCursorLoc(x, y, z, flags);
    // The middle button scrolls in other programs; here it does nothing.
    if (flags & 8 != 0 && flags & 16 == 0 && !isKeyDown("alt")) exit;
    single = flags & 1 != 0 || isKeyDown("shift");
    gray = flags & 8 != 0 || isKeyDown("alt");
    xs = newArray(1);
    ys = newArray(1);
    xs[0] = x;
    ys[0] = y;
    far = 0;
    switched = false;
    color = colorNow(gray);
    while (!switched && (flags & 16 != 0 || getTime() - begin < 90)) {
        if (getImageID() != before) switched = true;
        else {
            getCursorLoc(x, y, z, flags);
            last = lengthOf(xs) - 1;
            if (flags & 16 != 0 && (x != xs[last] || y != ys[last])) {
                xs = Array.concat(xs, x);
                ys = Array.concat(ys, y);
                far = maxOf(far, maxOf(abs(x - xs[0]), abs(y - ys[0])));
                if (far * getZoom() >= 4) preview(xs, ys, color);
            }
            wait(5);
        }
    }
    if (switched) {
        if (getTitle() == PALETTE) {
            clickPalette();
            exit;
        }
        if (onlyRaised()) exit;
        color = colorNow(gray);
        getCursorLoc(x, y, z, flags);
        single = single || flags & 1 != 0;
        gray = gray || flags & 8 != 0;
        xs = newArray(1);
        ys = newArray(1);
        xs[0] = x;
        ys[0] = y;
        far = 0;
        while (flags & 16 != 0) {
            last = lengthOf(xs) - 1;
            if (x != xs[last] || y != ys[last]) {
                xs = Array.concat(xs, x);
                ys = Array.concat(ys, y);
                far = maxOf(far, maxOf(abs(x - xs[0]), abs(y - ys[0])));
                if (far * getZoom() >= 4) preview(xs, ys, color);
            }
            wait(5);
            getCursorLoc(x, y, z, flags);
        }
    }
    if (getTitle() == PALETTE) {
        clickPalette();
        exit;
    }
    if (raised && !switched) if (onlyRaised()) exit;
    settleFront();
    ok = remember("released", d2s(getTime(), 0));
    how = "";
    if (single) how += "instance ";
    if (gray) how += "gray ";
    // A hand trembles: what is shorter than four pixels of the screen is a click.
    if (far * getZoom() < 4) makePoint(xs[0], ys[0], "large hybrid");
    else preview(xs, ys, color);
    done = runMacro(live, "add\n" + how);
}

function preview(xs, ys, color) {
    makeSelection("freeline", xs, ys);
    Roi.setStrokeWidth(maxOf(1, round(strokeWidth() / getZoom())));
    Roi.setStrokeColor(color);
}

function colorNow(gray) {
    name = recall("class", "");
    if (gray || name == "keep gray") return "#808080";
    id = recall("work." + getImageID(), getImageID());
    lines = split(recall("classes." + id, recall("classes", "")), "\n");
    for (k = 0; k < lengthOf(lines); k++) if (endsWith(lines[k], " " + name)) return substring(lines[k], 0, 7);
    return "yellow";
}

function sideBySide() {
    name = getTitle();
    if (nSlices == 1) {
        // There is nothing to put beside it.
        run("Duplicate...", "title=[Variants of " + name + "]");
        return;
    }
    columns = minOf(nSlices, 3);
    rows = Math.ceil(nSlices / columns);
    scale = minOf(1, 480 / getWidth());
    size = maxOf(12, round(getWidth() / 26));
    run("Make Montage...", "columns=" + columns + " rows=" + rows + " scale=" + scale + " border=4 font=" + round(size * scale + 4) + " label");
    rename("Variants of " + name);
}

function keepVariant() {
    name = getTitle();
    variant = getSliceNumber();
    label = getInfo("slice.label");
    info = getMetadata("Info");
    run("Select None");
    run("Duplicate...", "title=[" + name + " " + variant + "]");
    setMetadata("Info", info);
    setMetadata("Label", label);
}

function toggleHints() {
    if (Overlay.hidden) Overlay.show; else Overlay.hide;
}
