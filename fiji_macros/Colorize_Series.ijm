// Plugins > SemColorize > Colorize Series: all open images, or a folder's, as one series: the same structure gets the
// same color in all of them. Hints are the overlays of the images (draw a ROI, press b); some may have none.
//
// From a macro:  run("Colorize Series", "images=open variants=1");  or  "images=folder folder=[/data/tilts]".
// Keys: images folder variants seed fill spread data device. The originals are never changed.

requires("1.53t");
var engine = getDirectory("plugins") + "SemColorize" + File.separator + "engine.ijm";
// Not asked first: in a Fiji without a display it is the file of the macro that calls this one.
if (!File.exists(engine)) engine = File.getDirectory(getInfo("macro.filepath")) + "engine.ijm";
call("ij.Prefs.set", "semcolorize.error", "");

var folder = "";
var views = newArray(0);
var titles = newArray(0);
folder = runMacro(engine, "new");
if (startsWith(folder, "ERROR=")) {
    stop(get(folder, "ERROR"));
    exit();
}
Dialog.create("Colorize Series");
Dialog.addMessage("Several views of one specimen, with hints on some of them: the ROIs on their overlays (key b).", 13, "black");
Dialog.addChoice("Images", newArray("open", "folder"), "open");
explain("all images that are open (" + nImages + "), or those of a folder");
Dialog.addDirectory("Folder", "");
Dialog.addNumber("Variants", 1, 0, 5, "");
explain("proposals to choose from, one slice each");
Dialog.addNumber("Seed", 0, 0, 5, "");
explain("another number gives other proposals");
Dialog.addChoice("Fill", newArray("default", "gray", "auto"), "default");
explain("what no hint reaches: gray (default) = stays gray, auto = the model colors it");
Dialog.addChoice("Spread", newArray("alike", "instance"), "alike");
explain("alike = all that looks like a hinted object, instance = that object only");
Dialog.addString("Data bar", "auto", 6);
explain("the instrument's bar stays gray: auto, none, or its height in rows");
Dialog.addChoice("Device", newArray("auto", "cpu", "cuda"), "auto");
explain("auto = the graphics card where there is one");
Dialog.show();
source = Dialog.getChoice();
where = Dialog.getString();
variants = Dialog.getNumber();
seed = Dialog.getNumber();
fillMode = Dialog.getChoice();
spread = Dialog.getChoice();
bar = Dialog.getString();
device = Dialog.getChoice();

quiet = is("Batch Mode");
if (source == "folder") {
    if (where != "" && !endsWith(where, "/") && !endsWith(where, "\\")) where += File.separator;
    names = newArray(0);
    if (File.isDirectory(where)) names = getFileList(where);
    if (!quiet) setBatchMode(true);
    for (i = 0; i < lengthOf(names); i++) {
        lower = toLowerCase(names[i]);
        if (endsWith(lower, ".tif") || endsWith(lower, ".tiff") || endsWith(lower, ".png") || endsWith(lower, ".jpg")) {
            open(where + names[i]);
            saveView();
            close();
        }
    }
    if (!quiet) setBatchMode(false);
} else {
    ids = newArray(nImages);
    for (i = 0; i < nImages; i++) {
        selectImage(i + 1);
        ids[i] = getImageID();
    }
    if (!quiet) setBatchMode(true);
    for (i = 0; i < lengthOf(ids); i++) {
        selectImage(ids[i]);
        if (getTitle() != "SEM palette") saveView();
    }
    if (!quiet) setBatchMode(false);
}
lack = "";
if (lengthOf(titles) == 0) lack = "There are no images: open those of the series, or give their folder.";
if (isNaN(variants) || variants < 1 || variants != round(variants)) lack = "Variants is " + variants + "; a whole number from 1 on is needed.";
if (isNaN(seed) || seed < 0 || seed != round(seed)) lack = "Seed is " + seed + "; a whole number from 0 on is needed.";
if (lack != "") {
    done = runMacro(engine, "clear\n" + folder);
    stop(lack);
    exit();
}
job = "{\"kind\": \"series\", \"variants\": " + d2s(variants, 0) + ", \"seed\": " + d2s(seed, 0) + ", \"fill\": \"" + fillMode;
job += "\", \"spread\": \"" + spread + "\", \"databar\": " + quote(bar) + ", \"device\": \"" + device + "\", \"views\": [";
for (i = 0; i < lengthOf(titles); i++) {
    if (i > 0) job += ", ";
    job += "{" + views[i] + ", \"title\": " + quote(titles[i]) + "}";
}
File.saveString(job + "]}", folder + "job.json");
status = runMacro(engine, "run\n" + folder);
state = get(status, "state");
if (state == "done") {
    said = "" + get(status, "text") + " in " + get(status, "seconds") + " s";
    notes = get(status, "notes");
    if (notes != "") print("SemColorize, series:\n" + notes);
    for (i = 0; i < lengthOf(titles); i++) {
        open(folder + "result_" + (i + 1) + ".tif");
        rename(plain(titles[i]) + " colored");
    }
    done = runMacro(engine, "clear\n" + folder);
    showStatus("SemColorize: " + said);
} else if (state == "cancelled") {
    showStatus("SemColorize: cancelled; nothing was made");
    call("ij.Prefs.set", "semcolorize.error", "cancelled");
    done = runMacro(engine, "clear\n" + folder);
} else {
    text = get(status, "error");
    if (text == "") text = get(status, "ERROR");
    stop(text);
}

// Saves the active image and its overlay under the next number.
function explain(text) {
    Dialog.addToSameRow();
    Dialog.addMessage(text, 11, "#606060");
}

function saveView() {
    number = lengthOf(titles) + 1;
    file = "image_" + number + ".tif";
    titles = Array.concat(titles, getTitle());
    hints = "";
    image = getImageID();
    kind = selectionType();
    plane = "\"slice\": " + getSliceNumber() + ", \"slices\": " + nSlices;
    onePlane = "title=semcolorize-view";
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
    if (kind >= 0) run("Select None");
    marked = Overlay.size > 0;
    if (marked) {
        hints = file;
        Overlay.copy;
    }
    run("Duplicate...", onePlane);
    Overlay.remove;
    if (marked) Overlay.paste;
    saveAs("Tiff", folder + file);
    close();
    selectImage(image);
    if (kind >= 0) run("Restore Selection");
    views = Array.concat(views, "\"image\": \"" + file + "\", \"hints\": \"" + hints + "\", " + plane);
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

function plain(title) {
    dot = lastIndexOf(title, ".");
    if (dot > 0) return substring(title, 0, dot);
    return title;
}

function truth(flag) {
    if (flag) return "true";
    return "false";
}
