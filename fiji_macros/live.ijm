// SemColorize: hints on images, and the picture that follows them. Called with runMacro(path, "command\nargument").
//
// Hints lie on the overlay of their image, known by the ROI property semcolorize.hint (a number; the ROI's name is the
// class). An image and its colored picture share them. What belongs to one image is kept in Java's system properties
// under semcolorize.KEY.ID, ID being the micrograph's: they last as long as this ImageJ. Files lie in the live image's
// folder, which Python makes (semcolorize/imagej/live.py says which).
//
//   start               makes the active image live, if it is not: finds the hints it brought along
//   add\nHOW            the selection of the active image becomes a hint; HOW: instance, gray, or nothing
//   erase\nX Y          removes the hint at a place
//   undo, redo, clear   of the active image's hints
//   list                shows them in a window
//   notes               what there is to know about the active image's picture
//   take, send          from and to the ROI Manager
//   palette, standard   the palette of the active image, and the one that new images begin with
//   rename\nOLD\nNEW    renames a class and its hints
//   classes\nTEXT       sets the palette of the active image: lines "#rrggbb OPACITY SHOWN NAME"
//   covered             1 if another image's window overlaps the active one's
//   recolor             asks for a new picture of the active image
//   update              draws what was asked for; in a thread of its own, started by the tool set

var home = getDirectory("plugins") + "SemColorize" + File.separator;
if (!File.exists(home + "engine.ijm")) home = File.getDirectory(getInfo("macro.filepath"));
var engine = home + "engine.ijm";
var MARKER = "semcolorize.marker";
var plane = 1;
var begun = getTime();

argument = getArgument();
command = argument;
rest = "";
cut = indexOf(argument, "\n");
if (cut >= 0) {
    command = substring(argument, 0, cut);
    rest = substring(argument, cut + 1);
}
if (command == "update") updateAll();
else if (command == "standard") return "" + standardClasses();
else if (command == "palette") return "" + classes(work());
else if (nImages == 0) showStatus("SemColorize: there is no image open");
else if (command == "clear") {
    leavePalette();
    clearHints();
}
else {
    if (command != "covered") leavePalette();
    lock();
    plane = getSliceNumber();
    answer = "";
    if (command == "covered") answer = covered();
    if (command == "start") started = start();
    if (command == "add") addHint(rest);
    if (command == "erase") erase(rest);
    if (command == "undo") travel("undo", "redo");
    if (command == "redo") travel("redo", "undo");
    if (command == "list") listHints();
    if (command == "notes") answer = recall("notes." + work(), "");
    if (command == "take") takeRois();
    if (command == "send") sendRois();
    if (command == "classes") setClasses(rest);
    if (command == "rename") renameClass(rest);
    if (command == "recolor") if (start()) edited(work(), true);
    unlock();
    return "" + answer;
}
return "";

// Keys and buttons mean the image that was worked on, also where the palette was clicked last.
function leavePalette() {
    if (getTitle() != "SEM palette") return;
    id = parseInt(recall("current", "0"));
    if (open_(id)) selectImage(id);
    else exit("Click on a micrograph first.");
}

// ---- one macro at a time: the picture may arrive while a hint is drawn

function lock() {
    for (i = 0; i < 1000; i++) {
        if (isFree(recall("lock", "0"))) {
            // Of several who see it free, one alone is told so here; the others only make it look a little younger.
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

function unlock() {
    ok = remember("lock", "0");
}

// Whether another image's window lies over, or under, the active one's.
function covered() {
    id = getImageID();
    getLocationAndSize(x, y, w, h);
    over = "0";
    setBatchMode(true);
    for (i = 1; i <= nImages; i++) {
        selectImage(i);
        if (getImageID() != id) {
            getLocationAndSize(ox, oy, ow, oh);
            if (ox < x + w && ox + ow > x && oy < y + h && oy + oh > y) over = "1";
        }
    }
    selectImage(id);
    setBatchMode(false);
    return over;
}

// ---- what is known of an image

function remember(key, value) {
    said = "" + call("java.lang.System.setProperty", "semcolorize." + key, "" + value);
    return said;
}

function recall(key, otherwise) {
    return "" + call("java.lang.System.getProperty", "semcolorize." + key, "" + otherwise);
}

function valueOf(status, key) {
    return "" + runMacro(engine, "get\n" + key + "\n" + status);
}

function quote(text) {
    return "" + runMacro(engine, "quote\n" + text);
}

function fail(text) {
    done = runMacro(engine, "fail\n" + text);
}

// The micrograph that the active image is, or is the colored picture of.
function work() {
    return parseInt(recall("work." + getImageID(), getImageID()));
}

function open_(id) {
    if (isNaN(id) || id == 0) return false;
    return isOpen(id);
}

// Looking at hints of other slices shows those.
function lookedAt() {
    run("Select None");
    if (nSlices > 1) setSlice(plane);
}

// A space before and after each number: so that 1 is not found in 12.
function numbers(key) {
    return split(String.trim(recall(key, "")), " ");
}

function count(key) {
    list = String.trim(recall(key, ""));
    if (list == "") return 0;
    each = split(list, " ");
    return lengthOf(each);
}

// Makes the active image live; false if that cannot be, which was told then.
function start() {
    id = work();
    folder = recall("folder." + id, "");
    if (folder != "" && File.exists(folder)) {
        if (Overlay.size != parseInt(recall("size." + id, "-1"))) scan(id);
        return true;
    }
    if (!accepted(id)) return false;
    showStatus("SemColorize: starting");
    answer = "" + runMacro(engine, "live");
    if (startsWith(answer, "ERROR=")) {
        fail(valueOf(answer, "ERROR"));
        return false;
    }
    ok = remember("folder." + id, answer);
    ok = remember("undo." + id, "");
    ok = remember("redo." + id, "");
    ok = remember("sent." + id, "");
    works = recall("works", "");
    if (indexOf(works, " " + id + " ") < 0) ok = remember("works", works + " " + id + " ");
    scan(id);
    return true;
}

// Colored images are taken for their lightness, our own results without a question.
function accepted(id) {
    color = "";
    if (bitDepth() == 24) {
        if (indexOf(getMetadata("Info"), "semcolorize provenance") >= 0) color = "own";
        else if (!is("grayscale")) color = "picture";
    } else if (!is("grayscale")) color = "table";
    ok = remember("color." + id, color);
    if ((color == "picture" || color == "table") && "" + recall("accepted." + id, "") == "") {
        what = "This is a color image.";
        if (color == "table") what = "This image is shown with a colored lookup table.";
        unlock();
        showMessageWithCancel("SemColorize", what + "\nColor it for its gray values? The image itself stays as it is.");
        lock();
        ok = remember("accepted." + id, "1");
    }
    return true;
}

// Reads the hints off the overlay: after opening, and when something else than these tools changed it.
function scan(id) {
    folder = recall("folder." + id, "");
    list = " ";
    Overlay.selectable(false);
    for (i = Overlay.size - 1; i >= 0; i--) if (Overlay.size > 0) {
        Overlay.activateSelection(i);
        if (Roi.getName == MARKER) Overlay.removeSelection(i);
    }
    for (i = 0; i < Overlay.size; i++) {
        Overlay.activateSelection(i);
        if (Roi.getProperty("semcolorize.hint") != "") {
            n = nextNumber(id);
            Roi.setProperty("semcolorize.hint", "" + n);
            name = Roi.getName;
            saveRoi(folder + "hint_" + n + ".roi");
            Roi.setName(name);
            Overlay.update(i);
            learn(id, name, "" + Roi.getStrokeColor);
            list += "" + n + " ";
        }
    }
    lookedAt();
    ok = remember("hints." + id, list);
    ok = remember("size." + id, Overlay.size);
}

function nextNumber(id) {
    n = parseInt(recall("next." + id, "0")) + 1;
    ok = remember("next." + id, n);
    return n;
}

// Where File > Open begins is the user's.
function saveRoi(path) {
    before = "" + call("ij.io.OpenDialog.getDefaultDirectory");
    saveAs("Selection", path);
    if (before != "null") ok = "" + call("ij.io.OpenDialog.setDefaultDirectory", before);
}

// ---- classes: lines "#rrggbb OPACITY SHOWN NAME"

function classes(id) {
    text = recall("classes." + id, "");
    if (text == "") {
        text = Property.get("semcolorize.classes");
        if (text == "") text = standardClasses();
        else text = "" + runMacro(engine, "unspell\n" + text);
        ok = remember("classes." + id, text);
    }
    return "" + text;
}

function standardClasses() {
    text = recall("classes", "");
    if (text != "") return text;
    answer = String.trim("" + runMacro(engine, "palette\n" + call("ij.Prefs.get", "semcolorize.palette", "micrograph")));
    if (startsWith(answer, "ERROR=")) answer = String.trim("" + runMacro(engine, "palette\nmicrograph"));
    lines = split(answer, "\n");
    for (i = 0; i < lengthOf(lines); i++) {
        cut = lastIndexOf(lines[i], "=");
        text += substring(lines[i], cut + 1) + " 100 1 " + runMacro(engine, "unspell\n" + substring(lines[i], 0, cut)) + "\n";
    }
    ok = remember("classes", text);
    return "" + text;
}

function className(line) {
    rest_ = substring(line, indexOf(line, " ") + 1);
    rest_ = substring(rest_, indexOf(rest_, " ") + 1);
    return substring(rest_, indexOf(rest_, " ") + 1);
}

function classColor(id, name) {
    lines = split(classes(id), "\n");
    for (k = 0; k < lengthOf(lines); k++) if ("" + className(lines[k]) == name) return substring(lines[k], 0, 7);
    return "";
}

// A class that the image's palette lacks.
function learn(id, name, color) {
    if (name == "" || name == "keep gray" || color == "none" || "" + classColor(id, name) != "") return;
    ok = remember("classes." + id, "" + classes(id) + hexOf(color) + " 100 1 " + name + "\n");
}

function setClasses(text) {
    if (!start()) return;
    id = work();
    ok = remember("classes." + id, text);
    Property.set("semcolorize.classes", "" + runMacro(engine, "spell\n" + text));
    // Hints show the color of their class.
    for (i = 0; i < Overlay.size; i++) {
        Overlay.activateSelection(i);
        color = classColor(id, "" + Roi.getName);
        if (Roi.getProperty("semcolorize.hint") != "" && color != "") {
            Roi.setStrokeColor(color);
            // What was drawn on the other window is only looked at in a copy.
            Overlay.update(i);
        }
    }
    lookedAt();
    edited(id, false);
}

// A class gets another name, and its hints with it: OLD and NEW in a line each.
function renameClass(names) {
    if (!start()) return;
    id = work();
    cut = indexOf(names, "\n");
    old = substring(names, 0, cut);
    name = substring(names, cut + 1);
    lines = split(classes(id), "\n");
    text = "";
    for (k = 0; k < lengthOf(lines); k++) {
        line = lines[k];
        if ("" + className(line) == old) line = substring(line, 0, lengthOf(line) - lengthOf(old)) + name;
        text += line + "\n";
    }
    list = recall("hints." + id, " ");
    for (i = 0; i < Overlay.size; i++) {
        Overlay.activateSelection(i);
        n = Roi.getProperty("semcolorize.hint");
        if (n != "" && Roi.getName == old) {
            // A file never changes under its name.
            next = nextNumber(id);
            Roi.setProperty("semcolorize.hint", "" + next);
            Roi.setName(name);
            saveRoi("" + recall("folder." + id, "") + "hint_" + next + ".roi");
            Roi.setName(name);
            Overlay.update(i);
            list = replace(list, " " + n + " ", " " + next + " ");
        }
    }
    ok = remember("hints." + id, list);
    setClasses(text);
}

// ---- hints

function currentClass(id) {
    name = recall("class", "");
    if (name == "keep gray") return name;
    if (name == "" || "" + classColor(id, name) == "") {
        lines = split(classes(id), "\n");
        name = className(lines[0]);
        ok = remember("class", name);
    }
    return name;
}

function addHint(how) {
    // The selection outlives the look for hints that the image brought along.
    kind = selectionType();
    if (kind < 0) {
        showStatus("SemColorize: there is no selection to make a hint of");
        return;
    }
    if ("" + recall("folder." + work(), "") == "" || Overlay.size != parseInt(recall("size." + work(), "-1"))) {
        if (!accepted(work())) return;
        Roi.setProperty("semcolorize.new");
        Overlay.addSelection;
        ok = start();
        last = Overlay.size - 1;
        Overlay.activateSelection(last);
        Overlay.removeSelection(last);
        if (!ok) return;
    }
    id = work();
    name = currentClass(id);
    if (indexOf(how, "gray") >= 0) name = "keep gray";
    keep(id, name, how);
    run("Select None");
    changed(id, "hint " + count("hints." + id) + ": " + name);
}

// The selection as a hint of a class.
function keep(id, name, how) {
    color = "#808080";
    if (name != "keep gray") color = classColor(id, name);
    n = nextNumber(id);
    Roi.setName(name);
    Roi.setFillColor("none");
    Roi.setStrokeColor(color);
    Roi.setProperty("semcolorize.hint", "" + n);
    if (indexOf(how, "instance") >= 0) Roi.setProperty("semcolorize.spread", "instance");
    if (nSlices > 1) Roi.setPosition(getSliceNumber());
    saveRoi("" + recall("folder." + id, "") + "hint_" + n + ".roi");
    Roi.setName(name);
    Overlay.addSelection;
    Overlay.selectable(false);
    ok = remember("before." + id, recall("hints." + id, " "));
    ok = remember("hints." + id, "" + recall("hints." + id, " ") + n + " ");
}

function erase(place) {
    if (!start()) return;
    id = work();
    at = split(place, " ");
    x = parseFloat(at[0]) + 0.5;
    y = parseFloat(at[1]) + 0.5;
    reach = 8 / getZoom();
    found = -1;
    number = "";
    // Of several, the one drawn last: it lies on top.
    for (i = 0; i < Overlay.size; i++) {
        Overlay.activateSelection(i);
        n = Roi.getProperty("semcolorize.hint");
        if (n != "") {
            near = distance(x, y);
            if (near <= reach) {
                found = i;
                number = n;
            }
        }
    }
    lookedAt();
    if (found < 0) {
        showStatus("SemColorize: there is no hint here");
        return;
    }
    Overlay.removeSelection(found);
    before = recall("hints." + id, " ");
    ok = remember("before." + id, before);
    ok = remember("hints." + id, replace(before, " " + number + " ", " "));
    changed(id, "hint removed, " + count("hints." + id) + " left");
}

// From a place to the selection, in pixels; 0 inside.
function distance(x, y) {
    kind = selectionType();
    if (kind != 10 && (kind < 5 || kind > 7) && kind < 11) {
        if (Roi.contains(floor(x), floor(y))) return 0;
        return 1e9;
    }
    getSelectionCoordinates(xs, ys);
    half = 0;
    if (kind != 10) half = Roi.getStrokeWidth / 2;
    least = 1e9;
    for (p = 0; p < lengthOf(xs); p++) {
        q = p;
        if (kind != 10 && p > 0) q = p - 1;
        dx = xs[p] - xs[q];
        dy = ys[p] - ys[q];
        long = dx * dx + dy * dy;
        t = 0;
        if (long > 0) t = minOf(1, maxOf(0, ((x - 0.5 - xs[q]) * dx + (y - 0.5 - ys[q]) * dy) / long));
        fx = xs[q] + t * dx - x + 0.5;
        fy = ys[q] + t * dy - y + 0.5;
        least = minOf(least, sqrt(fx * fx + fy * fy) - half);
    }
    return maxOf(0, least);
}

function changed(id, said) {
    ok = remember("undo." + id, "" + recall("undo." + id, "") + recall("before." + id, " ") + "|");
    ok = remember("redo." + id, "");
    ok = remember("size." + id, Overlay.size);
    showStatus("SemColorize: " + said);
    edited(id, false);
}

// One step back or forth: from the end of one history to that of the other.
function travel(from, to) {
    if (!start()) return;
    id = work();
    history = recall(from + "." + id, "");
    if (history == "") {
        showStatus("SemColorize: there is nothing to " + from);
        return;
    }
    history = substring(history, 0, lengthOf(history) - 1);
    cut = lastIndexOf(history, "|");
    state = substring(history, cut + 1);
    ok = remember(from + "." + id, substring(history, 0, cut + 1));
    ok = remember(to + "." + id, "" + recall(to + "." + id, "") + recall("hints." + id, " ") + "|");
    bringTo(id, state);
    showStatus("SemColorize: " + from + ", " + count("hints." + id) + " hints");
    edited(id, false);
}

// Brings the overlay to a state: what is not in it goes, what is missing comes from its file.
function bringTo(id, state) {
    there = " ";
    for (i = Overlay.size - 1; i >= 0; i--) {
        Overlay.activateSelection(i);
        n = Roi.getProperty("semcolorize.hint");
        if (n != "") {
            if (indexOf(state, " " + n + " ") < 0) Overlay.removeSelection(i);
            else there += n + " ";
        }
    }
    lookedAt();
    wanted = split(String.trim(state), " ");
    for (i = 0; i < lengthOf(wanted); i++)
        if (wanted[i] != "" && indexOf(there, " " + wanted[i] + " ") < 0) {
            open("" + recall("folder." + id, "") + "hint_" + wanted[i] + ".roi");
            color = classColor(id, "" + Roi.getName);
            if (color != "") Roi.setStrokeColor(color);
            Overlay.addSelection;
            run("Select None");
        }
    Overlay.selectable(false);
    ok = remember("hints." + id, state);
    ok = remember("size." + id, Overlay.size);
}

function clearHints() {
    if (!start()) return;
    id = work();
    many = count("hints." + id);
    if (many == 0) {
        showStatus("SemColorize: this image has no hints");
        return;
    }
    showMessageWithCancel("SemColorize", "Remove all " + many + " hints of " + getTitle() + "?\nUndo brings them back.");
    lock();
    plane = getSliceNumber();
    ok = remember("before." + id, recall("hints." + id, " "));
    bringTo(id, " ");
    changed(id, "no hints");
    unlock();
}

function listHints() {
    if (!start()) return;
    id = work();
    title = getTitle();
    text = "";
    for (i = 0; i < Overlay.size; i++) {
        Overlay.activateSelection(i);
        if (Roi.getProperty("semcolorize.hint") != "") {
            Roi.getBounds(x, y, w, h);
            reach = "all alike";
            if (Roi.getProperty("semcolorize.spread") == "instance") reach = "this object";
            what = "area";
            if (selectionType() == 10) what = "point";
            if (selectionType() >= 5 && selectionType() <= 7) what = "stroke";
            text += "" + Roi.getName + "\t" + what + "\t" + reach + "\t" + x + "\t" + y + "\n";
        }
    }
    lookedAt();
    window = "Hints of " + title;
    if (isOpen(window)) print("[" + window + "]", "\\Clear");
    else run("New... ", "name=[" + window + "] type=Table width=420 height=260");
    print("[" + window + "]", "\\Headings:class\tkind\tspeaks for\tx\ty");
    if (text != "") print("[" + window + "]", substring(text, 0, lengthOf(text) - 1));
}

// ROIs of the ROI Manager become hints: of the class they are named after, else of the one that has their color.
function takeRois() {
    if (!isOpen("ROI Manager") || roiManager("count") == 0) {
        fail("The ROI Manager holds no ROIs. Draw some, give them a color (Properties...) and add them (key t).");
        return;
    }
    if (!start()) return;
    id = work();
    ok = remember("start." + id, recall("hints." + id, " "));
    left = 0;
    for (r = 0; r < roiManager("count"); r++) {
        roiManager("select", r);
        name = Roi.getName;
        color = Roi.getFillColor;
        if (color == "none") color = Roi.getStrokeColor;
        if (color == "none") left++;
        else {
            code = hexOf(color);
            if ("" + classColor(id, name) == "" && name != "keep gray") name = classOf(id, code, name);
            reach = Roi.getProperty("semcolorize.spread");
            keep(id, name, reach);
        }
    }
    roiManager("deselect");
    run("Select None");
    ok = remember("before." + id, recall("start." + id, " "));
    said = "" + roiManager("count") - left + " hints from the ROI Manager";
    if (left > 0) said += "; " + left + " ROIs have no color and are none";
    changed(id, said);
}

// ImageJ calls some colors by name; others may begin with an alpha.
function hexOf(color) {
    if (startsWith(color, "#")) return "#" + toLowerCase(substring(color, lengthOf(color) - 6));
    named = newArray("black", "#000000", "blue", "#0000ff", "cyan", "#00ffff", "green", "#00ff00", "magenta", "#ff00ff",
        "orange", "#ffc800", "red", "#ff0000", "white", "#ffffff", "yellow", "#ffff00", "pink", "#ffafaf");
    for (k = 0; k < lengthOf(named); k += 2) if (named[k] == color) return named[k + 1];
    return "#808080";
}

function classOf(id, color, name) {
    lines = split(classes(id), "\n");
    for (k = 0; k < lengthOf(lines); k++) if (substring(lines[k], 0, 7) == toLowerCase(color)) return "" + className(lines[k]);
    // Names that ImageJ gave are places: 0123-0456.
    if (name == "" || matches(name, "[0-9-]+")) name = "class " + (lengthOf(lines) + 1);
    learn(id, name, color);
    return name;
}

function sendRois() {
    if (!start()) return;
    image = getImageID();
    sent = 0;
    for (i = 0; i < Overlay.size; i++) {
        Overlay.activateSelection(i);
        if (Roi.getProperty("semcolorize.hint") != "") {
            name = Roi.getName;
            roiManager("add");
            roiManager("select", roiManager("count") - 1);
            roiManager("rename", name);
            sent++;
        }
    }
    if (sent > 0) roiManager("deselect");
    selectImage(image);
    run("Select None");
    showStatus("SemColorize: " + sent + " hints sent to the ROI Manager");
}

// ---- the picture

// Something changed: asks for a picture, unless Live is off.
function edited(id, anyway) {
    ok = remember("current", getImageID());
    if (getImageID() == id) ok = remember("plane." + id, getSliceNumber());
    ok = remember("edit." + id, parseInt(recall("edit." + id, "0")) + 1);
    since = recall("released", "0");
    if (since == "0") since = d2s(begun, 0);
    ok = remember("released", "0");
    ok = remember("since." + id, since);
    if (anyway || "" + recall("live", "1") == "1") ok = remember("wanted." + id, recall("edit." + id, "0"));
    // Another tool may run already while this waits for Python: so it waits elsewhere.
    ok = "" + call("ij.IJ.setKeyUp", "16");
    ok = remember("asked", "1");
    ok = "" + call("ij.plugin.MacroInstaller.runMacroShortcut", "Update colors");
    for (i = 0; i < 20 && "" + recall("asked", "0") == "1"; i++) wait(5);
    // Without the tool set, or after other macros were installed.
    if ("" + recall("asked", "0") == "1") doCommand("Update Colors");
}

function updateAll() {
    ok = remember("asked", "0");
    now = getTime();
    if (now - parseFloat(recall("driver", "0")) < 3000) return;
    worked = true;
    while (worked) {
        ok = remember("driver", d2s(getTime(), 0));
        worked = false;
        works = split(String.trim(recall("works", "")), " ");
        for (u = 0; u < lengthOf(works); u++) if (works[u] != "") {
            id = parseInt(works[u]);
            edit = parseInt(recall("wanted." + id, "0"));
            if (edit > parseInt(recall("done." + id, "0"))) {
                worked = true;
                draw(id, edit);
                ok = remember("done." + id, edit);
            }
        }
        if (!worked) ok = remember("driver", "0");
    }
}

// One picture: asks for it, waits, and puts it into its window.
function draw(id, edit) {
    folder = recall("folder." + id, "");
    begin = getTime();
    if (!anyOpen(id)) return;
    if (needsImage(id)) saveImage(id);
    ask(id, edit);
    root = File.getParent(File.getParent(File.getParent(folder + "x")));
    roused = 0;
    if (!lives(root)) {
        rouse(folder);
        roused = getTime();
    }
    path = folder + "answer_" + edit + ".txt";
    while (true) {
        ok = remember("driver", d2s(getTime(), 0));
        if (File.exists(path)) {
            answer = File.openAsString(path);
            ok = File.delete(path);
            state = valueOf(answer, "state");
            if (state == "image") {
                saveImage(id);
                ask(id, edit);
            } else if (state == "failed") {
                fail(valueOf(answer, "error"));
                return;
            } else {
                put(id, answer, folder, begin);
                return;
            }
        }
        if (!File.exists(folder)) return;
        now = getTime();
        if (now - begin > 600) showStatus("SemColorize: coloring, " + round((now - begin) / 1000) + " s");
        if (now - begin > 2000 && now - roused > 5000 && !lives(root)) {
            problem = rouse(folder);
            roused = getTime();
            if (problem != "") {
                fail(problem);
                return;
            }
        }
        if (now - begin > 300000) {
            fail("Python gave no answer for 5 minutes. In a terminal:  semcolorize doctor");
            return;
        }
        wait(8);
    }
}

function lives(root) {
    sign = root + File.separator + "alive";
    if (!File.exists(sign)) return false;
    if (getTime() - File.lastModified(sign) < 4000) return true;
    return false;
}

function rouse(folder) {
    answer = "" + runMacro(engine, "live\n" + folder);
    if (startsWith(answer, "ERROR=")) return "" + valueOf(answer, "ERROR");
    return "";
}

function anyOpen(id) {
    if (open_(id)) return true;
    return open_(parseInt(recall("result." + id, "0")));
}

function ask(id, edit) {
    folder = recall("folder." + id, "");
    json = "{\"edit\": " + edit + ", \"hints\": [";
    list = numbers("hints." + id);
    first = true;
    for (i = 0; i < lengthOf(list); i++) if (list[i] != "") {
        if (!first) json += ", ";
        json += "\"hint_" + list[i] + ".roi\"";
        first = false;
    }
    json += "], \"classes\": [";
    lines = split(recall("classes." + id, ""), "\n");
    for (i = 0; i < lengthOf(lines); i++) if (lines[i] != "") {
        part = split(lines[i], " ");
        if (i > 0) json += ", ";
        shown = "true";
        if (part[2] == "0") shown = "false";
        json += "{\"name\": " + quote(className(lines[i])) + ", \"color\": \"" + part[0] + "\", \"opacity\": " +
            d2s(parseFloat(part[1]) / 100, 2) + ", \"shown\": " + shown + "}";
    }
    json += "]}";
    File.saveString(json, folder + "edit.tmp");
    ok = File.rename(folder + "edit.tmp", folder + "edit_" + edit + ".json");
}

// Whether the worker has not seen the plane that is shown.
function needsImage(id) {
    if ("" + recall("sent." + id, "") == "") return true;
    if (!open_(id)) return false;
    if ("" + recall("plane." + id, "") == recall("sent." + id, "")) return false;
    return true;
}

// Batch mode belongs to all macros, too.
function enterBatch() {
    lock();
    for (i = 0; i < 400 && is("Batch Mode"); i++) wait(5);
    setBatchMode(true);
}

function leaveBatch() {
    setBatchMode(false);
    unlock();
}

function saveImage(id) {
    folder = recall("folder." + id, "");
    enterBatch();
    source = id;
    if (!open_(id)) source = parseInt(recall("result." + id, "0"));
    selectImage(source);
    name = getTitle();
    plane = "\"slice\": " + getSliceNumber() + ", \"slices\": " + nSlices;
    onePlane = "title=semcolorize-live";
    if (nSlices > 1) {
        Stack.getPosition(c, z, t);
        Stack.getDimensions(w, h, channels, depths, frames);
        plane += ", \"position\": [" + c + ", " + z + ", " + t + "], \"size\": [" + channels + ", " + depths + ", " + frames + "]";
        mode = "";
        if (is("composite")) Stack.getDisplayMode(mode);
        merged = false;
        if (mode == "composite") merged = true;
        plane += ", \"hyperstack\": " + truth(Stack.isHyperstack) + ", \"merged\": " + truth(merged);
        if (Stack.isHyperstack || is("composite")) onePlane += " duplicate channels=" + c + " slices=" + z + " frames=" + t;
    }
    color = recall("color." + id, "");
    file = "";
    if (getInfo("image.filename") != "" && color == "") {
        file = getInfo("image.directory") + getInfo("image.filename");
        call("ij.Prefs.set", "semcolorize.folder", getInfo("image.directory"));
    }
    info = getMetadata("Info");
    cut = indexOf(info, "semcolorize provenance");
    kind = selectionType();
    if (kind >= 0) run("Select None");
    run("Duplicate...", onePlane);
    Overlay.remove;
    if (color == "table") run("Grays");
    if (color == "own" || source != id) if (cut >= 0) setMetadata("Info", substring(info, 0, cut));
    saveAs("Tiff", folder + "image.tif");
    close();
    if (kind >= 0) {
        selectImage(source);
        run("Restore Selection");
    }
    leaveBatch();
    ok = remember("sent." + id, recall("plane." + id, "1"));
    about = "{\"image\": \"image.tif\", \"title\": " + quote(name) + ", \"original\": " + quote(file) + ", " + plane;
    colored = false;
    if (source != id) colored = true;
    if (color == "own" || color == "picture") colored = true;
    about += ", \"allow_color\": " + truth(colored);
    about += ", \"databar\": \"" + recall("databar", "auto") + "\", \"device\": \"" + recall("device", "auto") + "\"}";
    File.saveString(about, folder + "image.tmp");
    ok = File.rename(folder + "image.tmp", folder + "image.json");
}

function truth(flag) {
    if (flag) return "true";
    return "false";
}

// The picture into its window; zoom, place and what is active stay as they are.
function put(id, answer, folder, begin) {
    picture = folder + valueOf(answer, "picture");
    marker = valueOf(answer, "next");
    bar = valueOf(answer, "bar");
    result = parseInt(recall("result." + id, "0"));
    active = parseInt(recall("current", "0"));
    if (!open_(active)) active = id;
    isNew = !open_(result);
    written = "" + runMacro(engine, "spell\n" + recall("classes." + id, ""));
    enterBatch();
    // What the user copied stays on the clipboard.
    kept = 0;
    copied = "" + call("ij.ImagePlus.getClipboard");
    if (!isNew && copied != "null") {
        run("Internal Clipboard");
        kept = getImageID();
    }
    open(picture);
    fresh = getImageID();
    info = getMetadata("Info");
    if ("" + recall("color." + id, "") == "own" && !open_(result)) {
        // The picture of a picture is itself.
        result = id;
        isNew = !open_(id);
        ok = remember("result." + id, id);
    }
    if (isNew) {
        result = fresh;
        ok = remember("result." + id, result);
        ok = remember("work." + result, id);
        title = "image";
        if (open_(id)) {
            selectImage(id);
            title = getTitle();
        }
        selectImage(fresh);
        rename(plain(title) + " colored");
    } else {
        run("Select None");
        Image.copy;
        selectImage(result);
        Image.paste(0, 0);
        setMetadata("Info", info);
        selectImage(fresh);
        close();
        if (kept != 0) {
            selectImage(kept);
            Image.copy;
            close();
        } else ok = "" + call("ij.ImagePlus.resetClipboard");
    }
    // Hints show on both; the active one has what was clicked last.
    other = result;
    if (active == result) other = id;
    selectImage(active);
    mark(id, marker, bar);
    if (Overlay.size > 0) {
        Overlay.copy;
        if (other != active && open_(other)) {
            selectImage(other);
            Overlay.paste;
            Overlay.selectable(false);
        }
    } else if (other != active && open_(other)) {
        selectImage(other);
        Overlay.remove;
    }
    selectImage(active);
    ok = remember("size." + id, Overlay.size);
    selectImage(result);
    Property.set("semcolorize.classes", written);
    if (isNew) setBatchMode("show");
    if (isNew && open_(id)) makeRoom(id);
    if (result == id && "" + recall("placed." + id, "") == "") clearOfPalette();
    ok = remember("placed." + id, "1");
    selectImage(active);
    leaveBatch();
    if (isNew && open_(id)) putBeside(result);
    if (isNew && active != result) selectImage(active);
    if (isNew) ok = remember("newest", minOf(result, parseFloat(recall("newest", "" + result))));
    ok = remember("shares." + id, valueOf(answer, "shares"));
    // Not into the Log, which would open over the images: the menu shows them.
    ok = remember("notes." + id, valueOf(answer, "notes"));
    call("ij.Prefs.set", "semcolorize.error", "");
    many = count("hints." + id);
    said = "" + many + " hints";
    if (many == 1) said = "1 hint";
    took = (getTime() - parseFloat(recall("since." + id, "" + begin))) / 1000;
    said += ", colored on " + valueOf(answer, "device") + " in " + d2s(took, 2) + " s";
    ok = remember("took", took);
    showStatus("SemColorize: " + said);
    done = runMacro(home + "palette.ijm", "refresh");
    showStatus("SemColorize: " + said);
}

function plain(title) {
    dot = lastIndexOf(title, ".");
    if (dot > 0) return substring(title, 0, dot);
    return title;
}

// Where one more hint helps most, and that the data bar is left alone. Not hints: they have no number.
function mark(id, place, bar) {
    if (Overlay.size > 0) Overlay.removeRois(MARKER);
    size = maxOf(5, round(getWidth() / 90));
    if (place != "" && "" + recall("guide", "1") == "1") {
        at = split(place, ",");
        x = parseInt(at[0]);
        y = parseInt(at[1]);
        addMark(x - size, y - size, 2 * size, "black", maxOf(3, size / 2.5));
        addMark(x - size, y - size, 2 * size, "yellow", maxOf(1.5, size / 5));
    }
    if (bar != "") {
        row = parseInt(bar);
        setFont("SansSerif", maxOf(11, getWidth() / 60), "antialiased");
        makeText("data bar: left alone", 4, maxOf(0, row - 1.5 * maxOf(11, getWidth() / 60)));
        Roi.setStrokeColor("yellow");
        nameMark();
    }
    run("Select None");
}

function addMark(x, y, side, color, width) {
    makeOval(x, y, side, side);
    Roi.setStrokeColor(color);
    Roi.setStrokeWidth(width);
    nameMark();
}

function nameMark() {
    Roi.setName(MARKER);
    Roi.setProperty(MARKER, "1");
    Overlay.addSelection;
}

// The micrograph, smaller where the screen has no room for two and the palette. In batch mode, in which nothing is activated.
function makeRoom(id) {
    room = screenWidth - parseInt(recall("palette.width", "0")) - 8;
    selectImage(id);
    getLocationAndSize(ox, oy, ow, oh);
    scale = minOf(1, minOf((room - 12) / 2 / ow, (screenHeight - oy - 40) / oh));
    if (scale < 1) {
        ow = round(ow * scale);
        oh = round(oh * scale);
    }
    if (ox + 2 * ow + 8 > room) ox = maxOf(2, room - 2 * ow - 8);
    settle(ox, oy, ow, oh);
    getLocationAndSize(ox, oy, ow, oh);
    ok = remember("beside", "" + (ox + ow + 6) + " " + oy + " " + ow + " " + oh);
}

// The result beside it, once its window is there; what is being done to it before is overtaken by its first appearance.
function putBeside(result) {
    wait(150);
    if (getImageID() != result) selectImage(result);
    at = split(recall("beside", ""), " ");
    settle(parseInt(at[0]), parseInt(at[1]), parseInt(at[2]), parseInt(at[3]));
}

// A picture that is its own micrograph hides no palette either. In batch mode.
function clearOfPalette() {
    wide = parseInt(recall("palette.width", "0"));
    room = screenWidth - wide - 8;
    getLocationAndSize(x, y, w, h);
    if (wide == 0 || x + w <= room) return;
    scale = minOf(1, (room - 4) / w);
    settle(maxOf(2, room - round(w * scale) - 2), y, round(w * scale), round(h * scale));
}

// A window takes its size a moment later, and its canvas after that.
function settle(x, y, w, h) {
    for (i = 0; i < 10; i++) {
        if (i > 0) {
            // ImageJ fits the section that is shown: one that was cut off meanwhile would stay cut off.
            run("Set... ", "zoom=50 x=" + floor(getWidth() / 2) + " y=" + floor(getHeight() / 2));
            wait(60);
            run("Original Scale");
            wait(90);
        }
        setLocation(x, y, w, h);
        wait(90);
        // The frame takes some of it, the picture the rest.
        if (abs(getZoom() * getWidth() - w) < 0.06 * w + 24) i = 10;
    }
}
