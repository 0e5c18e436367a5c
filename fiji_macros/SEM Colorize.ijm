// Toolset "SEM Colorize": hints by clicking, a palette, an eraser, coloring, a variant browser. Choose it under >>.
//
//   Hint tool        click: a point hint. Drag: an area hint. Click into the palette window: takes that color.
//   Eraser           click on a hint to remove it.
//   Palette          window of named colors; its menu loads another YAML palette.
//   Gray             the next hints say: this stays gray.

var folder = getDirectory("plugins") + "SemColorize" + File.separator;
var engine = folder + "engine.ijm";
var swatches = "SEM palette";

macro "Hint Tool - C000L8083L8c8fL0838Lc8f8Cd33V4488C000O4488" {
    getCursorLoc(x, y, z, flags);
    image = getImageID();
    // A click on another window makes that the active image, but only a moment later.
    wait(150);
    if (getImageID() != image) getCursorLoc(x, y, z, flags);
    if (getTitle() == swatches) pickColor();
    else drawHint(x, y);
}

macro "Hint Tool Options" {
    showPalette();
}

macro "Hint Eraser Tool - Cf8aF048aCfffF847aC000R04faL848d" {
    getCursorLoc(x, y, z, flags);
    erase(x, y);
}

macro "Palette Action Tool - Cd33F0077C36bF9077C2a6F0977Ceb2F9977C000R0077R9077R0977R9977" {
    showPalette();
}

macro "Palette Action Tool Options" {
    choosePalette();
}

macro "Gray hint (keeps its place gray) Action Tool - C888V11eeC000O11ee" {
    setHint("keep gray", "#808080");
}

macro "Colorize SEM Action Tool - C999F008fCd33F8075C2a6F8575C36bF8a75C000R00ff" {
    run("Colorize SEM");
}

var variantCmds = newMenu("Variants Menu Tool", newArray("Next variant", "Previous variant", "All side by side", "Keep only this variant", "Show or hide hints", "-", "Save this variant..."));

macro "Variants Menu Tool - C36bF0088Cd33F4488C2a6F8888C000R0088R4488R8888" {
    command = getArgument();
    if (nImages == 0) exit("There is no image open. Color one first.");
    if (command == "Next variant") setSlice(getSliceNumber() % nSlices + 1);
    if (command == "Previous variant") setSlice((getSliceNumber() + nSlices - 2) % nSlices + 1);
    if (command == "All side by side") sideBySide();
    if (command == "Keep only this variant") keepVariant();
    if (command == "Show or hide hints") toggleHints();
    if (command == "Save this variant...") run("Save Colorized");
}

// The current hint is kept by ImageJ, so that all tools and macros know it.
function hintColor() {
    return "" + call("ij.Prefs.get", "semcolorize.hint.color", "#d1495b");
}

function hintName() {
    return "" + call("ij.Prefs.get", "semcolorize.hint.name", "hint");
}

function setHint(name, color) {
    call("ij.Prefs.set", "semcolorize.hint.color", color);
    call("ij.Prefs.set", "semcolorize.hint.name", name);
    red = parseInt(substring(color, 1, 3), 16);
    green = parseInt(substring(color, 3, 5), 16);
    blue = parseInt(substring(color, 5, 7), 16);
    setForegroundColor(red, green, blue);
    showStatus("Hints now: " + name + " (" + color + ")");
    if (isOpen(swatches)) markPalette();
}

function drawHint(left, top) {
    xs = newArray(1);
    ys = newArray(1);
    xs[0] = left;
    ys[0] = top;
    getCursorLoc(x, y, z, flags);
    far = 0;
    while (flags & 16 != 0) {
        getCursorLoc(x, y, z, flags);
        last = lengthOf(xs) - 1;
        if (x != xs[last] || y != ys[last]) {
            xs = Array.concat(xs, x);
            ys = Array.concat(ys, y);
            far = maxOf(far, maxOf(abs(x - xs[0]), abs(y - ys[0])));
            if (lengthOf(xs) > 2) makeSelection("freehand", xs, ys);
        }
        wait(10);
    }
    // A hand trembles: less than three pixels is a click.
    if (far < 3 || lengthOf(xs) < 4) makePoint(xs[0], ys[0], "large hybrid");
    addHint();
}

function addHint() {
    // Until a color is chosen it is the palette's first.
    if (call("ij.Prefs.get", "semcolorize.hint.name", "") == "") takeFirst();
    color = hintColor();
    Roi.setStrokeColor(color);
    Roi.setStrokeWidth(2);
    if (selectionType() == 10) Roi.setStrokeWidth(0);
    Roi.setName(hintName());
    if (nSlices > 1) Roi.setPosition(getSliceNumber());
    image = getImageID();
    roiManager("add");
    // The ROI Manager names what it adds itself.
    roiManager("select", roiManager("count") - 1);
    roiManager("rename", hintName());
    roiManager("deselect");
    selectImage(image);
    run("Select None");
    roiManager("Show All without labels");
    showStatus("Hint " + roiManager("count") + ": " + hintName() + " (" + color + "); then the button Colorize SEM");
}

function erase(x, y) {
    if (!isOpen("ROI Manager") || roiManager("count") == 0) exit;
    image = getImageID();
    nearest = -1;
    least = 12 / getZoom();
    for (i = 0; i < roiManager("count"); i++) {
        roiManager("select", i);
        Roi.getBounds(left, top, width, height);
        if (selectionType() == 10) distance = sqrt(pow(left - x, 2) + pow(top - y, 2));
        else if (Roi.contains(x, y)) distance = 0;
        else distance = 1e9;
        // Of several, the one drawn last: it lies on top.
        if (distance <= least) {
            least = distance;
            nearest = i;
        }
    }
    roiManager("deselect");
    if (nearest >= 0) {
        roiManager("select", nearest);
        roiManager("delete");
        showStatus("Hint removed; " + roiManager("count") + " left");
    } else showStatus("There is no hint here");
    selectImage(image);
    run("Select None");
    if (roiManager("count") > 0) roiManager("Show All without labels");
}

function paletteLines() {
    file = call("ij.Prefs.get", "semcolorize.palette", "micrograph");
    text = runMacro(engine, "palette\n" + file);
    if (startsWith(text, "ERROR=")) {
        message = runMacro(engine, "get\nERROR\n" + text);
        done = runMacro(engine, "fail\n" + message);
        exit;
    }
    return "" + text;
}

function takeFirst() {
    lines = split(String.trim(paletteLines()), "\n");
    setHint(lineName(lines[0]), lineColor(lines[0]));
}

// Of a line name=#rrggbb, in which names are spelled in ASCII.
function lineName(line) {
    return "" + runMacro(engine, "get\nx\nx=" + substring(line, 0, lastIndexOf(line, "=")));
}

function lineColor(line) {
    return substring(line, lastIndexOf(line, "=") + 1);
}

function showPalette() {
    text = paletteLines();
    text = String.trim(text);
    lines = split(text, "\n");
    if (isOpen(swatches)) {
        selectImage(swatches);
        close();
    }
    previous = 0;
    place = screenWidth - 300;
    covered = false;
    if (nImages > 0) {
        previous = getImageID();
        getLocationAndSize(px, py, pw, ph);
        // Where the image does not hide it: at its right, else at its left, else in front of it.
        if (px + pw > place) {
            covered = px < 260;
            if (!covered) place = 8;
        }
    }
    count = lengthOf(lines) + 1;
    newImage(swatches, "RGB white", 240, 34 * count, 1);
    names = "";
    current = 0;
    setFont("SansSerif", 15, "antialiased");
    for (i = 0; i < count; i++) {
        if (i < count - 1) {
            name = lineName(lines[i]);
            color = lineColor(lines[i]);
        } else {
            name = "keep gray";
            color = "#808080";
        }
        setColor(color);
        fillRect(8, 34 * i + 5, 44, 24);
        setColor("black");
        drawString(name, 62, 34 * i + 26);
        names = names + color + "=" + name + "\n";
        if (color == hintColor()) current = i;
    }
    setMetadata("Info", names);
    // Clicks are hints for the palette, not drawings: it is a picture like any other otherwise.
    setLocation(place, 160);
    // What the next hint will be is marked; after another palette was loaded that is its first color.
    rows = split(names, "\n");
    setHint(substring(rows[current], 8), substring(rows[current], 0, 7));
    if (previous != 0 && !covered) selectImage(previous);
    // Colors are taken, and hints drawn, with this tool.
    setTool("Hint Tool");
}

function markPalette() {
    previous = getImageID();
    selectImage(swatches);
    rows = split(getMetadata("Info"), "\n");
    Overlay.remove;
    color = hintColor();
    for (i = 0; i < lengthOf(rows); i++)
        if (startsWith(rows[i], color + "=")) {
            setColor("black");
            setLineWidth(2);
            Overlay.drawRect(4, 34 * i + 2, 232, 30);
            Overlay.show;
        }
    selectImage(previous);
}

function pickColor() {
    getCursorLoc(x, y, z, flags);
    rows = split(getMetadata("Info"), "\n");
    row = floor(y / 34);
    if (row >= 0 && row < lengthOf(rows)) setHint(substring(rows[row], 8), substring(rows[row], 0, 7));
}

function choosePalette() {
    Dialog.create("Palette");
    Dialog.addMessage("A YAML palette (name: \"#rrggbb\", a line each), or one that is built in:\nmicrograph, okabe-ito, tol-bright");
    Dialog.addFile("Palette", call("ij.Prefs.get", "semcolorize.palette", "micrograph"));
    Dialog.show();
    call("ij.Prefs.set", "semcolorize.palette", Dialog.getString());
    showPalette();
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
