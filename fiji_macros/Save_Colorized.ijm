// Plugins > SemColorize > Save Colorized: the variant that is shown, as TIFF, PNG, legend and provenance.
//
// From a macro:  run("Save Colorized", "save=[/folder/name.tif]");   key replace allows to replace files.

requires("1.53t");
var engine = getDirectory("plugins") + "SemColorize" + File.separator + "engine.ijm";
// Not asked first: in a Fiji without a display it is the file of the macro that calls this one.
if (!File.exists(engine)) engine = File.getDirectory(getInfo("macro.filepath")) + "engine.ijm";
call("ij.Prefs.set", "semcolorize.error", "");

if (nImages == 0) {
    stop("There is no image open. Color one first: Plugins > SemColorize > Colorize SEM.");
    exit();
}
if (bitDepth() != 24) {
    stop("The active image, " + getTitle() + ", is not a result of Colorize SEM: it is not RGB. Click on the window of the result.");
    exit();
}
folder = runMacro(engine, "new");
if (startsWith(folder, "ERROR=")) {
    stop(get(folder, "ERROR"));
    exit();
}
variant = getSliceNumber();
name = getTitle();
suggestion = call("ij.Prefs.get", "semcolorize.folder", getDirectory("home"));
Dialog.create("Save Colorized");
Dialog.addMessage("Saves variant " + variant + " of " + nSlices + ", the one that is shown:\n" +
    "TIFF for ImageJ, PNG for slides, the legend, and how it was made (JSON).", 13, "black");
Dialog.addFile("Save as", suggestion + name + " " + variant + ".tif");
Dialog.addCheckbox("Replace existing files", false);
Dialog.show();
target = Dialog.getString();
replacing = Dialog.getCheckbox();

label = getInfo("slice.label");
// What the tools draw for the eye is not part of the picture.
if (Overlay.size > 0) Overlay.removeRois("semcolorize.marker");
overlays = Overlay.size;
kind = selectionType();
original = getImageID();
quiet = is("Batch Mode");
if (!quiet) setBatchMode(true);
info = getMetadata("Info");
getVoxelSize(width, height, depth, unit);
if (kind >= 0) run("Select None");
if (overlays > 0) Overlay.copy;
run("Duplicate...", "title=semcolorize-variant");
Overlay.remove;
if (overlays > 0) Overlay.paste;
setMetadata("Info", info);
setMetadata("Label", label);
setVoxelSize(width, height, depth, unit);
saveAs("Tiff", folder + "image.tif");
close();
selectImage(original);
if (kind >= 0) run("Restore Selection");
if (!quiet) setBatchMode(false);

job = "{\"kind\": \"save\", \"image\": \"image.tif\", \"label\": " + quote(label) + ", \"target\": " + quote(target);
job += ", \"overwrite\": " + truth(replacing) + "}";
File.saveString(job, folder + "job.json");
status = runMacro(engine, "run\n" + folder);
state = get(status, "state");
if (state == "done") {
    showStatus("SemColorize: " + get(status, "text"));
    print("SemColorize wrote:\n" + get(status, "files"));
    done = runMacro(engine, "clear\n" + folder);
} else if (state == "cancelled") {
    showStatus("SemColorize: cancelled");
    call("ij.Prefs.set", "semcolorize.error", "cancelled");
    done = runMacro(engine, "clear\n" + folder);
} else {
    text = get(status, "error");
    if (text == "") text = get(status, "ERROR");
    stop(text);
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
