// Plugins > SemColorize > Colorize SEM: colors the active image from colored ROIs.
//
// From a macro:  run("Colorize SEM", "variants=3 fill=gray legend");   (in batch mode: with the ROIs on the overlay)
// Keys: hints variants seed fill spread steps data device color legend. The original is never changed.

requires("1.53t");
// Global variables are set before anything else runs: an image need not be open yet.
var original = 0;
var result = 0;
var engine = getDirectory("plugins") + "SemColorize" + File.separator + "engine.ijm";
// Not asked first: in a Fiji without a display it is the file of the macro that calls this one.
if (!File.exists(engine)) engine = File.getDirectory(getInfo("macro.filepath")) + "engine.ijm";
call("ij.Prefs.set", "semcolorize.error", "");

if (nImages == 0) {
    stop("There is no image open. Open a micrograph (File > Open), put colored ROIs on it, and run this again.");
    exit();
}
original = getImageID();
name = getTitle();
slice = getSliceNumber();
plane = "\"slice\": " + getSliceNumber() + ", \"slices\": " + nSlices;
onePlane = "title=semcolorize-input";
if (nSlices > 1) {
    Stack.getPosition(c, z, t);
    Stack.getDimensions(w, h, channels, depths, frames);
    plane += ", \"position\": [" + c + ", " + z + ", " + t + "], \"size\": [" + channels + ", " + depths + ", " + frames + "]";
    mode = "";
    if (is("composite")) Stack.getDisplayMode(mode);
    merged = false;
    if (mode == "composite") merged = true;
    plane += ", \"hyperstack\": " + truth(Stack.isHyperstack) + ", \"merged\": " + truth(merged);
    // A composite would be duplicated with all its channels.
    if (Stack.isHyperstack || is("composite")) onePlane += " duplicate channels=" + c + " slices=" + z + " frames=" + t;
}
kind = selectionType();
marks = 0;
headless = startsWith(call("java.awt.GraphicsEnvironment.isHeadless"), "true");
// Counting opens the ROI Manager, which nobody asked for; a headless Fiji has none.
if (!headless) if (isOpen("ROI Manager") || is("Batch Mode")) marks = roiManager("count");
drawn = Overlay.size;

// The job folder first: it finds out whether Python works, and the worker starts while the dialog is read.
folder = runMacro(engine, "new");
if (startsWith(folder, "ERROR=")) {
    stop(get(folder, "ERROR"));
    exit();
}

nothing = "none: the model chooses colors, if any";
// The ROI Manager is shared by all images: what it holds may belong to another one.
if (drawn > 0) found = "" + drawn + " on the image";
else if (kind >= 0) found = "the selection";
else found = nothing;
if (marks > 0 && drawn == 0) found += "; the ROI Manager holds " + marks + ", choose it if they belong to this image";

Dialog.create("Colorize SEM");
Dialog.addMessage("Hints found: " + found, 13, "black");
Dialog.addChoice("Hints", newArray("found", "ROI Manager", "overlay", "selection", "none"), "found");
explain("found = those on the image, else the selection");
Dialog.addNumber("Variants", 1, 0, 5, "");
explain("more than one: proposals that differ, a slice each (fill: auto)");
Dialog.addNumber("Seed", 0, 0, 5, "");
explain("another number gives other proposals");
Dialog.addChoice("Fill", newArray("default", "gray", "auto"), "default");
if (startsWith(found, nothing)) explain("auto (default) = the model colors it, gray = it stays gray");
else explain("what no hint reaches: gray (default) = stays gray, auto = the model colors it");
Dialog.addChoice("Spread", newArray("alike", "instance"), "alike");
explain("alike = all that looks like a hinted object, instance = that object only");
Dialog.addNumber("Steps", 0, 0, 5, "");
explain("0 = as many as the model recommends");
Dialog.addString("Data bar", "auto", 6);
explain("the instrument's bar stays gray: auto, none, or its height in rows");
Dialog.addChoice("Device", newArray("auto", "cpu", "cuda"), "auto");
explain("auto = the graphics card where there is one");
Dialog.addCheckbox("Color image: accepted, its lightness is used", false);
Dialog.addCheckbox("Legend in a window", true);
Dialog.addHelp("<html><h3>Colorize SEM</h3><p>Draw ROIs, give them a color (Edit &gt; Selection &gt; Properties) and " +
    "add them to the image's overlay (key b),<br>or use the toolset SEM Colorize. A gray ROI keeps its place gray.</p>" +
    "<p>Only color is added: the lightness of every pixel stays as measured.</p></html>");
Dialog.show();
choice = Dialog.getChoice();
source = choice;
variants = Dialog.getNumber();
seed = Dialog.getNumber();
fillMode = Dialog.getChoice();
spread = Dialog.getChoice();
steps = Dialog.getNumber();
bar = Dialog.getString();
device = Dialog.getChoice();
colorToo = Dialog.getCheckbox();
legend = Dialog.getCheckbox();

if (source == "found") {
    if (drawn > 0) source = "overlay";
    else if (kind >= 0) source = "selection";
    else source = "none";
}
lack = "";
if (source == "ROI Manager" && marks == 0) lack = "The ROI Manager holds no ROIs: draw one, give it a color and press t.";
if (source == "overlay" && drawn == 0) lack = "The image has no overlay: draw a ROI and press b, or use the ROI Manager.";
if (source == "selection" && kind < 0) lack = "There is no selection on the image: draw one, or use the ROI Manager.";
if (source == "none" && choice != "none" && is("Batch Mode"))
    lack = "No hints were found. In batch mode macros do not share a ROI Manager: put the ROIs on the overlay\n" +
        "(run(\"Add Selection...\")), or say hints=none to let the model choose.";
if (isNaN(variants) || variants < 1 || variants != round(variants)) lack = "Variants is " + variants + "; a whole number from 1 on is needed.";
if (isNaN(seed) || seed < 0 || seed != round(seed)) lack = "Seed is " + seed + "; a whole number from 0 on is needed.";
if (isNaN(steps) || steps < 0 || steps != round(steps)) lack = "Steps is " + steps + "; a whole number from 0 on is needed.";
if (lack != "") {
    stop(lack);
    done = runMacro(engine, "clear\n" + folder);
    exit();
}

hints = "";
if (source == "ROI Manager") {
    roiManager("deselect");
    hints = "hints.zip";
    roiManager("save", folder + hints);
}
if (source == "selection") {
    // A selection without a color means the foreground color.
    color = foreground();
    if (Roi.getStrokeColor == "none" && Roi.getFillColor == "none") Roi.setStrokeColor(color);
    hints = "hints.roi";
    saveAs("Selection", folder + hints);
}
if (source == "overlay") hints = "image.tif";
file = "";
if (getInfo("image.filename") != "") {
    file = getInfo("image.directory") + getInfo("image.filename");
    // Where Save Colorized will suggest to save.
    call("ij.Prefs.set", "semcolorize.folder", getInfo("image.directory"));
}

// No macro is run inside batch mode: ImageJ would leave it and close what is hidden.
quiet = is("Batch Mode");
if (!quiet) setBatchMode(true);
if (kind >= 0) run("Select None");
if (source == "overlay") Overlay.copy;
run("Duplicate...", onePlane);
Overlay.remove;
if (colorToo && bitDepth() != 24 && !is("grayscale")) run("Grays");
if (source == "overlay") Overlay.paste;
saveAs("Tiff", folder + "image.tif");
close();
selectImage(original);
if (kind >= 0) run("Restore Selection");
if (!quiet) setBatchMode(false);

job = "{\"kind\": \"colorize\", \"image\": \"image.tif\", \"hints\": \"" + hints + "\", \"title\": " + quote(name);
job += ", \"original\": " + quote(file) + ", " + plane + ", \"variants\": " + d2s(variants, 0);
job += ", \"seed\": " + d2s(seed, 0) + ", \"fill\": \"" + fillMode + "\", \"spread\": \"" + spread + "\", \"steps\": " + d2s(steps, 0);
job += ", \"databar\": " + quote(bar) + ", \"device\": \"" + device + "\", \"allow_color\": " + truth(colorToo) + "}";
File.saveString(job, folder + "job.json");

status = runMacro(engine, "run\n" + folder);
state = get(status, "state");
if (state == "done") {
    said = "" + get(status, "text") + " in " + get(status, "seconds") + " s";
    notes = get(status, "notes");
    call("ij.Prefs.set", "semcolorize.notes", notes);
    if (notes != "") print("SemColorize, " + name + ":\n" + notes);
    if (legend) {
        open(folder + "result_legend.png");
        rename("Legend of " + plain(name));
        if (!quiet) {
            // At half its size it finds a place beside the result; it is wide enough for its title.
            room = 2 * minOf(7 * (lengthOf(getTitle()) + 7) + 90, screenWidth / 3);
            if (getWidth() < room) {
                paper = getValue("color.background");
                setBackgroundColor(255, 255, 255);
                run("Canvas Size...", "width=" + room + " height=" + getHeight() + " position=Center-Left");
                setBackgroundColor((paper >> 16) & 255, (paper >> 8) & 255, paper & 255);
                setOption("Changes", false);
            }
            run("Set... ", "zoom=50");
            setLocation(maxOf(screenWidth - getWidth() / 2 - 20, 0), maxOf(screenHeight - getHeight() / 2 - 160, 0));
        }
        key = getImageID();
    }
    open(folder + "result.tif");
    result = getImageID();
    // Its scale is the window's or, where ImageJ knows only that of a print (inches), the instrument's.
    rename(plain(name) + " colored");
    if (!quiet) beside();
    done = runMacro(engine, "clear\n" + folder);
    // The legend stays in view, the result stays the active image.
    if (legend && !quiet) selectImage(key);
    selectImage(result);
    showStatus("SemColorize: " + said);
    // Fiji writes over it as soon as the command ends.
    if (indexOf(getVersion(), "/") > 0) print("SemColorize, " + name + ": " + said);
} else if (state == "cancelled") {
    showStatus("SemColorize: cancelled; nothing was made");
    call("ij.Prefs.set", "semcolorize.error", "cancelled");
    done = runMacro(engine, "clear\n" + folder);
} else {
    text = get(status, "error");
    if (text == "") text = get(status, "ERROR");
    stop(text);
}

function explain(text) {
    Dialog.addToSameRow();
    Dialog.addMessage(text, 11, "#606060");
}

// The result to the right of the original, where the screen has room for it.
function beside() {
    // It may have been closed meanwhile.
    if (!isOpen(original)) return;
    getLocationAndSize(rx, ry, rw, rh);
    selectImage(original);
    getLocationAndSize(ox, oy, ow, oh);
    selectImage(result);
    if (ox + ow + rw + 8 <= screenWidth) setLocation(ox + ow + 8, oy);
}

function get(status, key) {
    return "" + runMacro(engine, "get\n" + key + "\n" + status);
}

function quote(text) {
    return "" + runMacro(engine, "quote\n" + text);
}

function stop(text) {
    done = runMacro(engine, "fail\n" + text);
}

function truth(flag) {
    if (flag) return "true";
    return "false";
}

function plain(title) {
    dot = lastIndexOf(title, ".");
    if (dot > 0) return substring(title, 0, dot);
    return title;
}

function foreground() {
    return "#" + hex2(getValue("rgb.foreground") >> 16) + hex2(getValue("rgb.foreground") >> 8) + hex2(getValue("rgb.foreground"));
}

function hex2(value) {
    text = "0" + toHex(value & 255);
    return substring(text, lengthOf(text) - 2);
}
