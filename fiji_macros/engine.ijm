// SemColorize: what its macros share. Called with runMacro(path, "command\nargument"); not a command of its own.
//
//   new            a fresh job folder, made by Python, which also starts the worker; or ERROR=...
//   run\nFOLDER    does the job in FOLDER and returns its status: lines of key=value, texts spelled in ASCII
//   get\nKEY\nTEXT the value of a key in such lines, as text
//   live[\nFOLDER] a fresh folder for a live image, or FOLDER once more, and a worker; or ERROR=...
//   quote\nTEXT    TEXT as a JSON string, in ASCII
//   spell\nTEXT    TEXT as one line of ASCII, and unspell\nTEXT the way back
//   palette\nNAME  a palette: name=#rrggbb, a line each; or ERROR=...
//   savepalette\nFILE\nHOW\nCOLORS  writes lines name=#rrggbb to FILE; HOW: keep or replace what is there
//   fail\nTEXT     shows TEXT in a window of its own (headless: in the log)
//   show\nNAME\nTEXT  shows TEXT in the window NAME
//   clear\nFOLDER  removes a job folder

var home = getDirectory("plugins") + "SemColorize" + File.separator;
if (!File.exists(home + "engine.ijm")) home = File.getDirectory(getInfo("macro.filepath"));

argument = getArgument();
command = argument;
rest = "";
cut = indexOf(argument, "\n");
if (cut >= 0) {
    command = substring(argument, 0, cut);
    rest = substring(argument, cut + 1);
}
if (command == "new") return "" + newJob();
if (command == "live") return "" + liveFolder(rest);
if (command == "spell") return "" + spell(rest);
if (command == "unspell") return "" + unspell(rest);
if (command == "run") return "" + runJob(rest);
if (command == "quote") return "" + quote(rest);
if (command == "palette") return "" + palette(rest);
if (command == "savepalette") return "" + savePalette(rest);
if (command == "fail") return "" + fail(rest);
if (command == "show") return "" + show(substring(rest, 0, indexOf(rest, "\n")), substring(rest, indexOf(rest, "\n") + 1));
if (command == "clear") return "" + clearJob(rest);
if (command == "get") return "" + value(substring(rest, indexOf(rest, "\n") + 1), substring(rest, 0, indexOf(rest, "\n")));
return "ERROR=engine.ijm knows no command " + command;

function python() {
    file = home + "python.txt";
    if (!File.exists(file)) return "";
    lines = split(File.openAsString(file), "\n");
    return "" + unspell(String.trim(lines[0]));
}

function missing() {
    return "ERROR=" + spell("SemColorize does not know its Python: " + home + "python.txt is missing.\n" +
        "In a terminal:  semcolorize imagej install --imagej FOLDER  (the folder of this ImageJ or Fiji)");
}

function savePalette(text) {
    cut = indexOf(text, "\n");
    file = substring(text, 0, cut);
    text = substring(text, cut + 1);
    cut = indexOf(text, "\n");
    interpreter = python();
    if (interpreter == "") return "" + missing();
    setOption("WaitForCompletion", true);
    answer = exec(interpreter, "-P", "-X", "utf8", "-m", "semcolorize.imagej.client", "savepalette", spell(file),
        substring(text, 0, cut), spell(substring(text, cut + 1)));
    return "" + unspellAll(String.trim(answer));
}

// Errors stay spelled until they are shown.
function unspellAll(answer) {
    if (startsWith(answer, "ERROR=")) return answer;
    return "" + unspell(answer);
}

// What Python prints; errors come as ERROR=...
function ask(command, argument) {
    interpreter = python();
    if (interpreter == "") return "" + missing();
    setOption("WaitForCompletion", true);
    answer = exec(interpreter, "-P", "-X", "utf8", "-m", "semcolorize.imagej.client", command, argument);
    answer = String.trim(answer);
    if (startsWith(answer, "Cannot run program"))
        return "ERROR=" + spell("Python cannot be started: " + answer + "\n" +
            "It was moved or removed since SemColorize was put into this ImageJ. Install again, in a terminal:\n" +
            "    semcolorize imagej install --imagej FOLDER");
    if (answer == "")
        return "ERROR=" + spell("Python runs (" + interpreter + ") but semcolorize does not load in it.\n" +
            "In a terminal, this shows why:\n    \"" + interpreter + "\" -m semcolorize doctor");
    return answer;
}

function newJob() {
    answer = ask("new", "");
    if (startsWith(answer, "ERROR=")) return answer;
    return "" + unspell(answer) + File.separator;
}

function liveFolder(folder) {
    if (endsWith(folder, "/") || endsWith(folder, "\\")) folder = substring(folder, 0, lengthOf(folder) - 1);
    answer = ask("live", folder);
    if (startsWith(answer, "ERROR=")) return answer;
    return "" + unspell(answer) + File.separator;
}

function palette(name) {
    return "" + ask("palette", name);
}

// The client watches over the worker, this watches the client: it touches a file once a second.
function runJob(folder) {
    interpreter = python();
    if (interpreter == "") return "" + missing();
    plain = folder;
    if (endsWith(plain, "/") || endsWith(plain, "\\")) plain = substring(plain, 0, lengthOf(plain) - 1);
    setOption("WaitForCompletion", false);
    answer = exec(interpreter, "-P", "-X", "utf8", "-m", "semcolorize.imagej.client", "run", plain);
    if (startsWith(answer, "Cannot run program")) return "state=failed\nerror=" + spell(answer);
    headless = startsWith(call("java.awt.GraphicsEnvironment.isHeadless"), "true");
    window = "Coloring";
    opened = false;
    cancelled = false;
    begin = getTime();
    before = begin;
    silence = 0;
    seen = "";
    asked = begin;
    while (true) {
        status = read(folder + "status.txt");
        state = value(status, "state");
        if (state == "done" || state == "failed" || state == "cancelled") break;
        now = getTime();
        // A computer that slept is no client that is silent.
        silence += minOf(now - before, 500);
        before = now;
        touched = "" + File.lastModified(folder + "watch");
        if (touched != seen) {
            seen = touched;
            silence = 0;
        }
        if (silence > 20000) {
            status = "state=failed\nerror=" + spell("Python gave no sign of life for 20 s: it was stopped, or it did " +
                "not start.\nIn a terminal, this says what is wrong:\n    \"" + interpreter + "\" -m semcolorize doctor");
            break;
        }
        text = value(status, "text");
        if (text == "") text = "starting Python";
        showProgress(parseFloat("0" + value(status, "progress")));
        showStatus("SemColorize: " + text);
        if (now - asked > 1000) {
            // So that the client knows that ImageJ is still there; Esc ends a macro without a word.
            asked = now;
            File.saveString("", folder + "asking");
        }
        if (!headless) {
            if (!opened && now - begin > 700) {
                run("Text Window...", "name=[" + window + "] width=52 height=3");
                opened = true;
            }
            if (opened && !cancelled) {
                if (isOpen(window))
                    print("[" + window + "]", "\\Update:" + text + "\n" + round((now - begin) / 1000) +
                        " s; close this window to cancel");
                else {
                    cancelled = true;
                    File.saveString("", folder + "cancel");
                }
            }
        }
        wait(60);
    }
    showProgress(1);
    if (opened && isOpen(window)) {
        print("[" + window + "]", "\\Close");
    }
    return status;
}

function read(path) {
    if (!File.exists(path)) return "";
    return File.openAsString(path);
}

function value(status, key) {
    lines = split(status, "\n");
    for (i = 0; i < lengthOf(lines); i++)
        if (startsWith(lines[i], key + "=")) return "" + unspell(String.trim(substring(lines[i], lengthOf(key) + 1)));
    return "";
}

function unspell(text) {
    if (indexOf(text, "\\") < 0) return text;
    parts = "";
    i = 0;
    while (i < lengthOf(text)) {
        next = indexOf(text, "\\", i);
        if (next < 0 || next + 1 >= lengthOf(text)) {
            parts += substring(text, i);
            i = lengthOf(text);
        } else {
            parts += substring(text, i, next);
            letter = substring(text, next + 1, next + 2);
            if (letter == "u" && next + 6 <= lengthOf(text)) {
                parts += fromCharCode(parseInt(substring(text, next + 2, next + 6), 16));
                i = next + 6;
            } else {
                if (letter == "n") parts += "\n"; else parts += letter;
                i = next + 2;
            }
        }
    }
    return parts;
}

function code(letter) {
    hex = "000" + toHex(letter);
    return "\\u" + substring(hex, lengthOf(hex) - 4);
}

function spell(text) {
    out = "";
    for (i = 0; i < lengthOf(text); i++) {
        letter = charCodeAt(text, i);
        if (letter == 92) out += "\\\\";
        else if (letter == 10) out += "\\n";
        else if (letter < 32 || letter > 126) out = out + code(letter);
        else out += fromCharCode(letter);
    }
    return out;
}

function quote(text) {
    out = "";
    for (i = 0; i < lengthOf(text); i++) {
        letter = charCodeAt(text, i);
        if (letter < 32 || letter > 126 || letter == 34 || letter == 92) out = out + code(letter);
        else out += fromCharCode(letter);
    }
    return fromCharCode(34) + out + fromCharCode(34);
}

function fail(text) {
    call("ij.Prefs.set", "semcolorize.error", text);
    showStatus("SemColorize: nothing was made; see the window SemColorize message");
    return "" + show("SemColorize message", text);
}

function show(window, text) {
    if (startsWith(call("java.awt.GraphicsEnvironment.isHeadless"), "true")) {
        print("SemColorize: " + text);
        return "";
    }
    if (isOpen(window)) print("[" + window + "]", "\\Update:");
    else run("Text Window...", "name=[" + window + "] width=90 height=16");
    print("[" + window + "]", wrap(text) + "\n");
    // It may lie behind an image since the last time.
    selectWindow(window);
    return "";
}

// Text windows do not wrap lines.
function wrap(text) {
    lines = split(text, "\n");
    out = "";
    for (i = 0; i < lengthOf(lines); i++) {
        line = lines[i];
        while (lengthOf(line) > 88) {
            cut = lastIndexOf(substring(line, 0, 88), " ");
            if (cut < 20) cut = indexOf(line, " ", 20);
            if (cut < 0) cut = lengthOf(line) - 1;
            out = out + substring(line, 0, cut + 1) + "\n";
            line = substring(line, cut + 1);
        }
        out = out + line + "\n";
    }
    return "" + out;
}

function clearJob(folder) {
    // Deleted by name: a folder that is not a job's loses nothing.
    if (indexOf(folder, "jobs") < 0) return "";
    names = getFileList(folder);
    for (i = 0; i < lengthOf(names); i++) ok = File.delete(folder + names[i]);
    ok = File.delete(folder);
    return "";
}
