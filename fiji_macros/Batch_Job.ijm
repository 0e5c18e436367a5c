// Plugins > SemColorize > Batch Job: runs a YAML job (semcolorize batch) and shows its report.
//
// From a macro:  run("Batch Job", "job=[/folder/job.yaml]");   keys try (says what it would do) and retry (failed files).

requires("1.53t");
var engine = getDirectory("plugins") + "SemColorize" + File.separator + "engine.ijm";
// Not asked first: in a Fiji without a display it is the file of the macro that calls this one.
if (!File.exists(engine)) engine = File.getDirectory(getInfo("macro.filepath")) + "engine.ijm";
call("ij.Prefs.set", "semcolorize.error", "");

folder = runMacro(engine, "new");
if (startsWith(folder, "ERROR=")) {
    stop(get(folder, "ERROR"));
    exit();
}
Dialog.create("Batch Job");
Dialog.addMessage("Colors all images of a folder as a YAML file says.", 13, "black");
Dialog.addFile("Job", getDirectory("home") + "job.yaml");
Dialog.addCheckbox("Try: only say what would be done", false);
Dialog.addCheckbox("Retry files that failed before", false);
Dialog.show();
file = Dialog.getString();
trying = Dialog.getCheckbox();
again = Dialog.getCheckbox();

job = "{\"kind\": \"batch\", \"file\": " + quote(file) + ", \"dry_run\": " + truth(trying) + ", \"retry_failed\": " + truth(again) + "}";
File.saveString(job, folder + "job.json");
status = runMacro(engine, "run\n" + folder);
state = get(status, "state");
if (state == "done") {
    report = get(status, "notes");
    showStatus("SemColorize: " + get(status, "text"));
    done = runMacro(engine, "clear\n" + folder);
    done = runMacro(engine, "show\nReport of the batch\n" + report);
} else if (state == "cancelled") {
    showStatus("SemColorize: the batch was stopped; what is done is kept, run it again to go on");
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
