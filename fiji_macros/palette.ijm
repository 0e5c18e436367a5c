// SemColorize: the palette, a window of classes. Called with runMacro(path, "command\nargument").
//
//   open              shows it, in the place that is kept free for it
//   refresh           draws it again, if it is open: of the image worked on last
//   click\nX Y        does what was clicked
//
// A row has an eye (shows or hides the class), its color and name (click: hints are of this class from now on), its share of
// the area, and a bar for its opacity. Below: a new class, colors for the chosen one, and buttons.

var home = getDirectory("plugins") + "SemColorize" + File.separator;
if (!File.exists(home + "engine.ijm")) home = File.getDirectory(getInfo("macro.filepath"));
var engine = home + "engine.ijm";
var live = home + "live.ijm";
var WINDOW = "SEM palette";
var WIDE = 250;
var ROW = 28;
var HUES = 24;
var TONES = 6;

argument = getArgument();
command = argument;
rest = "";
cut = indexOf(argument, "\n");
if (cut >= 0) {
    command = substring(argument, 0, cut);
    rest = substring(argument, cut + 1);
}
if (command == "open") openPalette();
if (command == "refresh") refresh();
if (command == "click") click(rest);
return "";

function remember(key, value) {
    said = "" + call("java.lang.System.setProperty", "semcolorize." + key, "" + value);
    return said;
}

function recall(key, otherwise) {
    return "" + call("java.lang.System.getProperty", "semcolorize." + key, "" + otherwise);
}

// The image that was worked on last, if it is still open; else any micrograph.
function image() {
    id = parseInt(recall("current", "0"));
    if (!isNaN(id)) if (id != 0) if (isOpen(id)) return id;
    return 0;
}

function lines(id) {
    key = recall("work." + id, id);
    text = recall("classes." + key, "");
    if (text == "") text = recall("classes", "");
    return split(text, "\n");
}

function nameOf(line) {
    line = substring(line, indexOf(line, " ") + 1);
    line = substring(line, indexOf(line, " ") + 1);
    return substring(line, indexOf(line, " ") + 1);
}

function tall(count) {
    return ROW * (count + 2) + 12 * TONES + 108;
}

function openPalette() {
    before = 0;
    if (nImages > 0) {
        before = getImageID();
        if (getTitle() == WINDOW) before = image();
        else if (!known(before)) {
            // It may bring its own palette along.
            ok = remember("current", before);
            text = "" + runMacro(live, "palette");
        }
    }
    if ("" + recall("classes", "") == "" && before == 0) text = "" + runMacro(live, "standard");
    x = screenWidth - WIDE - 14;
    y = 120;
    if (isOpen(WINDOW)) {
        selectImage(WINDOW);
        getLocationAndSize(x, y, w, h);
        close();
    }
    rows = lines(before);
    if ("" + recall("class", "") == "") ok = remember("class", nameOf(rows[0]));
    newImage(WINDOW, "RGB white", WIDE, tall(lengthOf(rows)), 1);
    setLocation(x, y);
    draw(rows, before);
    wait(100);
    // The line above it was drawn before the window had its place.
    setMetadata("Label", "classes");
    setOption("Changes", false);
    ok = remember("palette.width", WIDE + 16);
    if (before != 0) aside(before, x);
    setTool("Hint Tool");
}

function known(id) {
    if ("" + recall("folder." + recall("work." + id, id), "") == "") return false;
    return true;
}

// What lies under the palette, or beyond the screen, moves or shrinks, so that all is seen.
function aside(id, x) {
    selectImage(id);
    getLocationAndSize(ox, oy, ow, oh);
    below = screenHeight - oy - 10;
    if (ow > x - 8 || oh > below) {
        scale = minOf((x - 10) / ow, below / oh);
        setLocation(2, oy, round(ow * scale), round(oh * scale));
        wait(80);
        setLocation(2, oy, round(ow * scale), round(oh * scale));
    } else if (ox + ow > x - 4) setLocation(x - 6 - ow, oy);
}

// As in live.ijm.
function lock() {
    for (i = 0; i < 1000; i++) {
        if (isFree(recall("lock", "0"))) {
            before = remember("lock", d2s(getTime(), 0));
            if (isFree(before)) return;
        }
        wait(4);
    }
}

function isFree(since) {
    if (since == "null" || since == "0") return true;
    if (getTime() - parseFloat(since) > 4000) return true;
    return false;
}

function refresh() {
    if (!isOpen(WINDOW)) return;
    id = image();
    rows = lines(id);
    lock();
    for (i = 0; i < 400 && is("Batch Mode"); i++) wait(5);
    setBatchMode(true);
    selectImage(WINDOW);
    fits = getHeight() == tall(lengthOf(rows));
    if (fits) {
        draw(rows, id);
        setOption("Changes", false);
    }
    setBatchMode(false);
    ok = remember("lock", "0");
    if (!fits) {
        active = getImageID();
        openPalette();
        if (active != getImageID() && isOpen(active)) selectImage(active);
    }
}

// ---- drawing

function draw(rows, id) {
    key = recall("work." + id, id);
    current = recall("class", "");
    shares = split(recall("shares." + key, ""), "\n");
    setColor("white");
    fillRect(0, 0, getWidth(), getHeight());
    setLineWidth(1);
    for (i = 0; i <= lengthOf(rows); i++) {
        y = ROW * i;
        color = "#808080";
        name = "keep gray";
        opacity = 100;
        shown = "1";
        if (i < lengthOf(rows)) {
            part = split(rows[i], " ");
            color = part[0];
            opacity = parseFloat(part[1]);
            shown = part[2];
            name = nameOf(rows[i]);
        }
        if (name == current) {
            setColor("#dbe9fb");
            fillRect(0, y, WIDE, ROW);
        }
        setColor(color);
        fillRect(30, y + 4, 34, ROW - 8);
        if (name == current) {
            setColor("black");
            drawRect(29, y + 3, 36, ROW - 6);
        }
        if (i < lengthOf(rows)) {
            eye(4, y + ROW / 2, parseInt(shown));
            setColor("#b0b0b0");
            drawRect(202, y + 10, 42, 8);
            setColor("#707070");
            fillRect(203, y + 11, round(opacity * 0.4), 6);
        }
        setFont("SansSerif", 13, "antialiased");
        setColor("black");
        if (shown == "0") setColor("#909090");
        drawString(shortened(name, 94), 70, y + ROW - 8);
        for (k = 0; k < lengthOf(shares); k++)
            if (startsWith(shares[k], name + "=")) {
                setFont("SansSerif", 11, "antialiased");
                setColor("#606060");
                setJustification("right");
                drawString(substring(shares[k], lengthOf(name) + 1) + " %", 199, y + ROW - 8);
                setJustification("left");
            }
    }
    y = ROW * (lengthOf(rows) + 1);
    setFont("SansSerif", 13, "antialiased");
    setColor("#2060a0");
    drawString("+ new class", 30, y + ROW - 8);
    setColor("#606060");
    setFont("SansSerif", 11, "antialiased");
    drawString("its color:", 186, y + ROW - 8);
    y += ROW;
    for (t = 0; t < TONES; t++) for (h = 0; h < HUES; h++) {
        color = tone(h, t);
        setColor(color);
        fillRect(5 + 10 * h, y + 12 * t, 10, 12);
    }
    y += 12 * TONES + 6;
    words = newArray("Rename", "Remove", "Open", "Save");
    for (i = 0; i < 4; i++) button(5 + 61 * i, y, 57, words[i]);
    tick(8, y + 30, "Live", parseInt(recall("live", "1")));
    tick(78, y + 30, "Show next best click", parseInt(recall("guide", "1")));
    setColor("#606060");
    setFont("SansSerif", 11, "antialiased");
    drawString("click: point   drag: stroke", 8, y + 66);
    drawString("shift: only this object   alt: stays gray", 8, y + 82);
    updateDisplay();
}

function shortened(name, room) {
    if (getStringWidth(name) <= room) return name;
    while (lengthOf(name) > 1 && getStringWidth(name + "..") > room) name = substring(name, 0, lengthOf(name) - 1);
    return name + "..";
}

function eye(x, y, shown) {
    setColor("#404040");
    if (!shown) setColor("#c0c0c0");
    drawOval(x, y - 5, 20, 11);
    fillOval(x + 7, y - 2, 6, 6);
    if (!shown) {
        setColor("#a03030");
        drawLine(x + 1, y + 7, x + 19, y - 7);
    }
}

function button(x, y, w, word) {
    setColor("#eeeeee");
    fillRect(x, y, w, 22);
    setColor("#a0a0a0");
    drawRect(x, y, w, 22);
    setColor("black");
    setFont("SansSerif", 12, "antialiased");
    drawString(word, x + (w - getStringWidth(word)) / 2, y + 18);
}

function tick(x, y, word, on) {
    setColor("#808080");
    drawRect(x, y, 13, 13);
    setColor("#2060a0");
    if (on) fillRect(x + 3, y + 3, 7, 7);
    setColor("black");
    setFont("SansSerif", 12, "antialiased");
    drawString(word, x + 18, y + 14);
}

// Hues along, tones down: from pale over full to dark.
function tone(h, t) {
    strong = newArray(0.35, 0.55, 0.75, 0.95, 0.95, 0.55);
    bright = newArray(0.97, 0.93, 0.88, 0.80, 0.58, 0.62);
    return "" + hsb(h / HUES, strong[t], bright[t]);
}

function hsb(hue, saturation, brightness) {
    sector = floor(6 * hue);
    f = 6 * hue - sector;
    p = brightness * (1 - saturation);
    q = brightness * (1 - saturation * f);
    u = brightness * (1 - saturation * (1 - f));
    if (sector == 0) return "" + rgb(brightness, u, p);
    if (sector == 1) return "" + rgb(q, brightness, p);
    if (sector == 2) return "" + rgb(p, brightness, u);
    if (sector == 3) return "" + rgb(p, q, brightness);
    if (sector == 4) return "" + rgb(u, p, brightness);
    return "" + rgb(brightness, p, q);
}

function rgb(r, g, b) {
    return "#" + two(r) + two(g) + two(b);
}

function two(value) {
    text = "0" + toHex(round(255 * value));
    return substring(text, lengthOf(text) - 2);
}

// ---- clicks

function click(place) {
    at = split(place, " ");
    x = parseInt(at[0]);
    y = parseInt(at[1]);
    id = image();
    rows = lines(id);
    count = lengthOf(rows);
    row = floor(y / ROW);
    if (row < count && x < 28) setPart(id, rows, row, 2, "toggle");
    else if (row < count && x >= 198) setPart(id, rows, row, 1, followed(x));
    else if (row < count) choose(nameOf(rows[row]), substring(rows[row], 0, 7));
    else if (row == count) choose("keep gray", "#808080");
    else if (row == count + 1) newClass(id, rows);
    else {
        y -= ROW * (count + 2);
        if (y < 12 * TONES) {
            chosen = indexOfClass(rows);
            if (chosen >= 0 && x >= 5 && x < 5 + 10 * HUES)
                setPart(id, rows, chosen, 0, tone(floor((x - 5) / 10), floor(y / 12)));
            else showStatus("SemColorize: choose a class first; gray has no color");
        } else if (y < 12 * TONES + 30) {
            which = floor((x - 5) / 61);
            if (which == 0) renamed(id, rows);
            if (which == 1) removed(id, rows);
            if (which == 2) opened(id);
            if (which == 3) saved(id, rows);
        } else if (y < 12 * TONES + 54) {
            if (x < 70) ok = remember("live", 1 - parseInt(recall("live", "1")));
            else ok = remember("guide", 1 - parseInt(recall("guide", "1")));
            refresh();
            if (id != 0 && "" + recall("live", "1") == "1") done = runMacro(live, "recolor");
        }
    }
}

// The opacity that the mouse is let go at, in percent.
function followed(x) {
    getCursorLoc(mx, my, mz, flags);
    while (flags & 16 != 0) {
        x = mx;
        wait(10);
        getCursorLoc(mx, my, mz, flags);
    }
    return "" + minOf(100, maxOf(0, 5 * round((x - 203) / 0.4 / 5)));
}

function indexOfClass(rows) {
    name = recall("class", "");
    for (i = 0; i < lengthOf(rows); i++) if ("" + nameOf(rows[i]) == name) return i;
    return -1;
}

function choose(name, color) {
    ok = remember("class", name);
    setForegroundColor(parseInt(substring(color, 1, 3), 16), parseInt(substring(color, 3, 5), 16), parseInt(substring(color, 5, 7), 16));
    refresh();
    setTool("Hint Tool");
    showStatus("SemColorize: hints are now " + name);
}

function setPart(id, rows, row, part, value) {
    parts = split(rows[row], " ");
    if (value == "toggle") value = "" + (1 - parseInt(parts[part]));
    parts[part] = value;
    name = nameOf(rows[row]);
    rows[row] = parts[0] + " " + parts[1] + " " + parts[2] + " " + name;
    if (part == 0) {
        ok = remember("class", name);
        setForegroundColor(parseInt(substring(value, 1, 3), 16), parseInt(substring(value, 3, 5), 16), parseInt(substring(value, 5, 7), 16));
    }
    setRows(id, rows);
}

function setRows(id, rows) {
    text = "";
    for (i = 0; i < lengthOf(rows); i++) text += rows[i] + "\n";
    if (id == 0) {
        ok = remember("classes", text);
        refresh();
        return;
    }
    selectImage(id);
    done = runMacro(live, "classes\n" + text);
    refresh();
}

// Names are lines: what would break one is left out.
function asked(question, suggestion, rows) {
    name = String.trim(getString(question, suggestion));
    name = replace(name, "[\n\r\t]", " ");
    if (lengthOf(name) > 60) name = substring(name, 0, 60);
    taken = false;
    if (name == "keep gray") taken = true;
    for (i = 0; i < lengthOf(rows); i++) if ("" + nameOf(rows[i]) == name) taken = true;
    if (taken && name != suggestion) {
        showMessage("SemColorize", "There is a class named " + name + " already.");
        return "";
    }
    return name;
}

function newClass(id, rows) {
    name = asked("Name of the new class", "class " + (lengthOf(rows) + 1), rows);
    if (name == "") return;
    // The hue that is farthest along from those in use, by golden steps.
    h = floor((lengthOf(rows) * 0.618034 % 1) * HUES);
    color = tone(h, 3);
    rows = Array.concat(rows, "" + color + " 100 1 " + name);
    ok = remember("class", name);
    setRows(id, rows);
}

function renamed(id, rows) {
    row = indexOfClass(rows);
    if (row < 0) {
        showStatus("SemColorize: choose a class first");
        return;
    }
    old = nameOf(rows[row]);
    name = asked("New name of " + old, old, rows);
    if (name == "" || name == old) return;
    ok = remember("class", name);
    if (id != 0) {
        selectImage(id);
        done = runMacro(live, "rename\n" + old + "\n" + name);
        refresh();
    } else {
        rows[row] = replace(rows[row], old, name);
        setRows(id, rows);
    }
}

function removed(id, rows) {
    row = indexOfClass(rows);
    if (row < 0 || lengthOf(rows) < 2) {
        showStatus("SemColorize: choose a class first; one is always left");
        return;
    }
    if (isUsed(id, nameOf(rows[row]))) {
        showMessage("SemColorize", "There are hints of this class. Erase them first, or rename the class.");
        return;
    }
    rows = Array.deleteIndex(rows, row);
    ok = remember("class", nameOf(rows[0]));
    setRows(id, rows);
}

function isUsed(id, name) {
    if (id == 0) return false;
    selectImage(id);
    used = false;
    for (i = 0; i < Overlay.size; i++) {
        Overlay.activateSelection(i);
        if (Roi.getName == name && Roi.getProperty("semcolorize.hint") != "") used = true;
    }
    run("Select None");
    return used;
}

function opened(id) {
    Dialog.create("Open palette");
    Dialog.addMessage("A file of semcolorize (.yaml), GIMP (.gpl), ImageJ (.lut) or Adobe (.aco, .ase),\nor a built-in palette: micrograph, okabe-ito, tol-bright");
    Dialog.addFile("Palette", call("ij.Prefs.get", "semcolorize.palette", "micrograph"));
    Dialog.show();
    file = Dialog.getString();
    answer = String.trim("" + runMacro(engine, "palette\n" + file));
    if (startsWith(answer, "ERROR=")) {
        done = runMacro(engine, "fail\n" + runMacro(engine, "get\nERROR\n" + answer));
        return;
    }
    call("ij.Prefs.set", "semcolorize.palette", file);
    found = split(answer, "\n");
    rows = newArray(0);
    for (k = 0; k < lengthOf(found); k++) {
        cut = lastIndexOf(found[k], "=");
        name = "" + runMacro(engine, "unspell\n" + substring(found[k], 0, cut));
        rows = Array.concat(rows, substring(found[k], cut + 1) + " 100 1 " + name);
    }
    // Classes that have hints stay.
    old = lines(id);
    for (k = 0; k < lengthOf(old); k++) {
        there = false;
        for (i = 0; i < lengthOf(rows); i++) if ("" + nameOf(rows[i]) == nameOf(old[k])) there = true;
        if (!there) if (isUsed(id, nameOf(old[k]))) rows = Array.concat(rows, old[k]);
    }
    ok = remember("class", nameOf(rows[0]));
    setRows(id, rows);
}

function saved(id, rows) {
    Dialog.create("Save palette");
    Dialog.addMessage("The ending says the kind: .yaml (semcolorize), .gpl (GIMP, Inkscape) or .lut (ImageJ).");
    Dialog.addFile("Save as", getDirectory("home") + "palette.yaml");
    Dialog.addCheckbox("Replace an existing file", false);
    Dialog.show();
    file = Dialog.getString();
    how = "keep";
    if (Dialog.getCheckbox()) how = "replace";
    text = "";
    for (k = 0; k < lengthOf(rows); k++) text += "" + nameOf(rows[k]) + "=" + substring(rows[k], 0, 7) + "\n";
    answer = "" + runMacro(engine, "savepalette\n" + file + "\n" + how + "\n" + text);
    if (startsWith(answer, "ERROR=")) done = runMacro(engine, "fail\n" + runMacro(engine, "get\nERROR\n" + answer));
    else showStatus("SemColorize: saved " + answer);
}
