// Set up SemColorize: drag this file onto Fiji or ImageJ, and press Run in the window that opens.
//
// It finds Python 3.11 or newer, makes a private environment for it, installs semcolorize (from a wheel that lies beside this
// file, else from the registry), puts the macros into this ImageJ, and tries them out. Run it again to update or to remove
// everything. Nothing needs a terminal, and nothing outside your own folder and this ImageJ is touched.
//
// From another macro: runMacro(path, "install"), "update" or "remove"; semcolorize.error then says how it ended.

requires("1.53t");
call("ij.Prefs.set", "semcolorize.error", "");
argument = getArgument();
// "candidates SYSTEM HOME" tells where Python is looked for; the tests ask for other systems than theirs.
if (startsWith(argument, "candidates ")) {
    words = split(argument, " ");
    return "" + candidates(words[1], words[2]);
}
imagej = getDirectory("imagej");
if (imagej == "") imagej = File.getParent(getDirectory("plugins")) + File.separator;
// Plain ImageJ may have its plugins elsewhere.
plugins = getDirectory("plugins");
if (plugins != "" && !File.isDirectory(imagej + "plugins")) imagej = File.getParent(plugins) + File.separator;
home = "" + call("java.lang.System.getenv", "SEMCOLORIZE_HOME");
if (home == "null" || home == "") home = getDirectory("home") + ".semcolorize";
action = argument;
python = "";
if (action == "") {
    there = File.exists(home + File.separator + "env" + File.separator + "semcolorize-environment.txt");
    what = newArray("Install");
    if (there) what = newArray("Update", "Remove");
    Dialog.create("Set up SemColorize");
    Dialog.addMessage("Colors micrographs from a few clicks.", 13, "black");
    Dialog.addChoice("What", what, what[0]);
    Dialog.addMessage("It goes into this ImageJ:  " + imagej + "\nand into a folder of your own:  " + home +
        "\nIt takes a few minutes and about 1 GB. Python 3.11 or newer is looked for; give a path to choose another:");
    Dialog.addFile("Python", "");
    Dialog.show();
    action = toLowerCase(Dialog.getChoice());
    python = Dialog.getString();
}
tried = "";
if (python == "") {
    system = "linux";
    if (startsWith(getInfo("os.name"), "Windows")) system = "windows";
    if (startsWith(getInfo("os.name"), "Mac")) system = "mac";
    list = split(candidates(system, getDirectory("home")), "\n");
    for (i = 0; i < lengthOf(list) && python == ""; i++) {
        showStatus("Looking for Python: " + list[i]);
        python = version(list[i]);
    }
} else python = version(python);
while (python == "" && argument == "") {
    Dialog.create("Python is needed");
    Dialog.addMessage("Python 3.11 or newer was not found." + tried + "\n \nGet it from python.org (Windows: the installer's first page, " +
        "tick \"Add python.exe to PATH\";\nDebian and Ubuntu: sudo apt install python3-venv), then press OK; or say where it is:");
    Dialog.addFile("Python", "");
    Dialog.show();
    given = Dialog.getString();
    list = split(candidates(system, getDirectory("home")), "\n");
    if (given != "") list = newArray(given);
    for (i = 0; i < lengthOf(list) && python == ""; i++) python = version(list[i]);
}
if (python == "") {
    call("ij.Prefs.set", "semcolorize.error", "Python 3.11 or newer was not found." + tried);
    exit("Python 3.11 or newer was not found." + tried);
}
File.makeDirectory(home);
sep = File.separator;
ok = File.delete(home + sep + "setup.txt");
File.saveString(script(), home + sep + "setup.py");
source = "";
here = getInfo("macro.filepath");
if (here != "" && here != "null") source = File.getDirectory(here);
setOption("WaitForCompletion", false);
answer = exec(python, "-I", home + sep + "setup.py", action, spell(imagej), spell(home), spell(source));
if (startsWith(answer, "Cannot run program")) exit(answer);
headless = startsWith(call("java.awt.GraphicsEnvironment.isHeadless"), "true");
// The Log, because ImageJ draws it itself: a text window of Java's that is written to often may fail.
if (!headless) {
    print("\\Clear");
    print("Set up SemColorize");
    print(" ");
    print(" ");
}
begin = getTime();
seen = "";
heard = begin;
state = "";
while (state != "done" && state != "failed") {
    wait(200);
    status = "";
    if (File.exists(home + sep + "setup.txt")) status = File.openAsString(home + sep + "setup.txt");
    state = value(status, "state");
    if (status != seen) {
        seen = status;
        heard = getTime();
    }
    if (getTime() - heard > 1200000 || (status == "" && getTime() - heard > 60000)) {
        state = "failed";
        status = "error=Python gave no sign of life; see " + spell(home + sep + "setup.log") + "\n";
    }
    showProgress(parseFloat("0" + value(status, "progress")));
    text = value(status, "text");
    showStatus("Set up SemColorize: " + replace(text, "\n", ": "));
    if (!headless) {
        cut = indexOf(text + "\n", "\n");
        print("\\Update0:Set up SemColorize, " + round((getTime() - begin) / 1000) + " s");
        print("\\Update1:" + substring(text, 0, cut));
        if (cut < lengthOf(text)) print("\\Update2:" + substring(text, cut + 1));
    }
}
showProgress(1);
if (state == "failed") {
    error = value(status, "error");
    call("ij.Prefs.set", "semcolorize.error", error);
    say("SemColorize was not set up.\n \n" + error + "\n \nAll that was printed is in " + home + sep + "setup.log");
    exit();
}
if (action == "remove") {
    say("SemColorize was removed. Its entries in the menus go when ImageJ is started again.");
    exit();
}
// Fiji says that it has to be started again, and waits for an answer.
if (indexOf(getVersion(), "/") < 0) run("Refresh Menus");
tools = getDirectory("macros") + "toolsets" + sep + "SEM Colorize.ijm";
if (!headless && argument == "" && File.exists(tools)) run("Install...", "install=[" + tools + "]");
say("SemColorize is set up, in " + round((getTime() - begin) / 1000) + " s.");
say(" ");
say("Open a micrograph, press the palette button (the third");
say("of SemColorize's in the tool bar), and click.");
say("After a new start of ImageJ or Fiji the commands are in");
say("the menu Plugins, and the tools under >>: SEM Colorize.");
say("To update or remove it, run this file again.");

function say(text) {
    print(text);
}

// Where Python may be, a command a line, its words divided by |; what is on the PATH first.
function candidates(system, home) {
    list = "";
    if (system == "windows") {
        list = "py|-3\npython\npython3\n";
        for (minor = 14; minor >= 11; minor--) {
            list += home + "AppData\\Local\\Programs\\Python\\Python3" + minor + "\\python.exe\n";
            list += "C:\\Program Files\\Python3" + minor + "\\python.exe\n";
            list += "C:\\Python3" + minor + "\\python.exe\n";
        }
        names = newArray("miniforge3", "miniconda3", "anaconda3");
        for (k = 0; k < 3; k++) {
            list += home + names[k] + "\\python.exe\n";
            list += "C:\\ProgramData\\" + names[k] + "\\python.exe\n";
        }
    } else {
        for (minor = 14; minor >= 11; minor--) list += "python3." + minor + "\n";
        if (system == "mac") {
            // A program started by the Finder knows little of the PATH, and /usr/bin/python3 asks to install Xcode.
            for (minor = 14; minor >= 11; minor--) {
                list += "/opt/homebrew/bin/python3." + minor + "\n";
                list += "/usr/local/bin/python3." + minor + "\n";
                list += "/Library/Frameworks/Python.framework/Versions/3." + minor + "/bin/python3\n";
            }
        } else list += "python3\n/usr/bin/python3\n/usr/local/bin/python3\n";
        names = newArray("miniforge3", "miniconda3", "anaconda3");
        for (k = 0; k < 3; k++) list += home + names[k] + "/bin/python\n";
        if (system == "mac") list += "python3\n";
    }
    return list;
}

// The interpreter itself, if a command is Python 3.11 or newer; what else was found is remembered.
function version(command) {
    if (indexOf(command, "/") >= 0 || indexOf(command, "\\") >= 0) if (!File.exists(command)) return "";
    code = "import sys; print('found', sys.version_info[0], sys.version_info[1], sys.executable)";
    setOption("WaitForCompletion", true);
    cut = indexOf(command, "|");
    if (cut > 0) answer = exec(substring(command, 0, cut), substring(command, cut + 1), "-c", code);
    else answer = exec(command, "-c", code);
    answer = String.trim(answer);
    if (!startsWith(answer, "found ")) return "";
    words = split(answer, " ");
    if (parseInt(words[1]) != 3 || parseInt(words[2]) < 11) return "";
    return substring(answer, 8 + lengthOf(words[1]) + lengthOf(words[2]));
}

function value(status, key) {
    lines = split(status, "\n");
    for (k = 0; k < lengthOf(lines); k++)
        if (startsWith(lines[k], key + "=")) return "" + unspell(String.trim(substring(lines[k], lengthOf(key) + 1)));
    return "";
}

function unspell(text) {
    parts = "";
    at = 0;
    while (at < lengthOf(text)) {
        next = indexOf(text, "\\", at);
        if (next < 0 || next + 1 >= lengthOf(text)) {
            parts += substring(text, at);
            at = lengthOf(text);
        } else {
            parts += substring(text, at, next);
            letter = substring(text, next + 1, next + 2);
            if (letter == "u" && next + 6 <= lengthOf(text)) {
                parts += fromCharCode(parseInt(substring(text, next + 2, next + 6), 16));
                at = next + 6;
            } else {
                if (letter == "n") parts += "\n"; else parts += letter;
                at = next + 2;
            }
        }
    }
    return parts;
}

function spell(text) {
    out = "";
    for (k = 0; k < lengthOf(text); k++) {
        letter = charCodeAt(text, k);
        if (letter == 92) out += "\\\\";
        else if (letter == 10) out += "\\n";
        else if (letter < 32 || letter > 126) {
            hex = "000" + toHex(letter);
            out = out + "\\u" + substring(hex, lengthOf(hex) - 4);
        } else out += fromCharCode(letter);
    }
    return out;
}

// ---- the script, from semcolorize/imagej/bootstrap.py; written by semcolorize.imagej.setup_macro
function script() {
    t = "";
    t += "\"\"\"What ``Set up SemColorize.ijm`` runs before semcolorize is there: a private environment, the package, the macros.\n";
    t += "\n";
    t += "Nothing but Python itself is imported: the macro carries this file in it (`semcolorize.imagej.setup_macro`) and starts\n";
    t += "it with whatever Python 3.11 or newer it found. It prints nothing; all it has to say goes into a status file, as lines\n";
    t += "of key=value spelled in ASCII, which ImageJ reads whatever the system's encoding is.\n";
    t += "\n";
    t += "::\n";
    t += "\n";
    t += "    python setup.py install|update|remove IMAGEJ HOME SOURCE     (the last three spelled)\n";
    t += "\n";
    t += "IMAGEJ is the folder of ImageJ or Fiji, HOME the private folder (``~/.semcolorize``), and SOURCE a folder in which a\n";
    t += "wheel may lie; without one the package comes from the registry.\n";
    t += "\"\"\"\n";
    t += "\n";
    t += "from __future__ import annotations\n";
    t += "\n";
    t += "import contextlib\n";
    t += "import os\n";
    t += "import re\n";
    t += "import shutil\n";
    t += "import subprocess\n";
    t += "import sys\n";
    t += "import time\n";
    t += "from collections.abc import Sequence\n";
    t += "from pathlib import Path\n";
    t += "from typing import Any\n";
    t += "\n";
    t += "OLDEST = (3, 11)\n";
    t += "TORCH = \"torch>=2.6,<2.14\"\n";
    t += "CPU_INDEX = \"https://download.pytorch.org/whl/cpu\"\n";
    t += "SIGN = \"semcolorize-environment.txt\"\n";
    t += "TAIL = 25\n";
    t += "\n";
    t += "\n";
    t += "class SetupFailed(Exception):\n";
    t += "    \"\"\"Something went wrong; the message is for the user.\"\"\"\n";
    t += "\n";
    t += "\n";
    t += "def spell(text: str) -> str:\n";
    t += "    \"\"\"Write any text as one ASCII line.\"\"\"\n";
    t += "    text = text.replace(\"\\\\\", \"\\\\\\\\\").replace(\"\\n\", \"\\\\n\")\n";
    t += "    units = text.encode(\"utf-16-be\", \"surrogatepass\")\n";
    t += "    codes = [int.from_bytes(units[i : i + 2], \"big\") for i in range(0, len(units), 2)]\n";
    t += "    return \"\".join(chr(code) if 32 <= code < 127 else f\"\\\\u{code:04x}\" for code in codes)\n";
    t += "\n";
    t += "\n";
    t += "def unspell(line: str) -> str:\n";
    t += "    \"\"\"Read what `spell` wrote.\"\"\"\n";
    t += "\n";
    t += "    def letter(match: re.Match[str]) -> str:\n";
    t += "        code = match[1]\n";
    t += "        return chr(int(code[1:], 16)) if len(code) == 5 else {\"n\": \"\\n\"}.get(code, code)\n";
    t += "\n";
    t += "    text = re.sub(r\"\\\\(u[0-9a-f]{4}|.)\", letter, line)\n";
    t += "    return text.encode(\"utf-16\", \"surrogatepass\").decode(\"utf-16\", \"surrogatepass\")\n";
    t += "\n";
    t += "\n";
    t += "def environment_python(environment: Path, system: str) -> Path:\n";
    t += "    \"\"\"Where the interpreter of an environment lies, on a system as `sys.platform` names it.\"\"\"\n";
    t += "    return environment / (\"Scripts/python.exe\" if system == \"win32\" else \"bin/python\")\n";
    t += "\n";
    t += "\n";
    t += "def find_wheel(source: str) -> Path | None:\n";
    t += "    \"\"\"The newest wheel of semcolorize in a folder, if there is any.\"\"\"\n";
    t += "    if not source or not Path(source).is_dir():\n";
    t += "        return None\n";
    t += "    wheels = sorted(Path(source).glob(\"semcolorize-*.whl\"), key=lambda path: path.stat().st_mtime)\n";
    t += "    return wheels[-1] if wheels else None\n";
    t += "\n";
    t += "\n";
    t += "def steps(\n";
    t += "    action: str, *, python: Path, imagej: str, wheel: Path | None, system: str, gpu: bool\n";
    t += ") -> list[tuple[str, list[str], bool]]:\n";
    t += "    \"\"\"What is run, in order.\n";
    t += "\n";
    t += "    Parameters\n";
    t += "    ----------\n";
    t += "    action : {\"install\", \"update\", \"remove\"}\n";
    t += "    python : Path\n";
    t += "        Of the environment.\n";
    t += "    imagej : str\n";
    t += "    wheel : Path or None\n";
    t += "    system : str\n";
    t += "        As `sys.platform` names it.\n";
    t += "    gpu : bool\n";
    t += "        Whether there is an NVIDIA card.\n";
    t += "\n";
    t += "    Returns\n";
    t += "    -------\n";
    t += "    list of (str, list of str, bool)\n";
    t += "        What it is, the command's words, and whether its failure is one of the whole.\n";
    t += "    \"\"\"\n";
    t += "    program = [str(python), \"-X\", \"utf8\", \"-m\"]\n";
    t += "    macros = [*program, \"semcolorize\", \"imagej\", \"install\", \"--imagej\", imagej]\n";
    t += "    stop = (\"ending the worker\", [*program, \"semcolorize.imagej.client\", \"stop\"], False)\n";
    t += "    if action == \"remove\":\n";
    t += "        return [stop, (\"taking the macros out of ImageJ\", [*macros, \"--uninstall\"], False)]\n";
    t += "    pip = [*program, \"pip\", \"install\", \"--disable-pip-version-check\", \"--no-input\", \"--progress-bar\", \"off\"]\n";
    t += "    planned = [stop] if action == \"update\" else []\n";
    t += "    if system == \"linux\" and not gpu:\n";
    t += "        # Elsewhere the registry's own build is for the CPU; here it would bring gigabytes of CUDA.\n";
    t += "        small = [*pip, \"--timeout\", \"20\", \"--retries\", \"1\", \"--index-url\", CPU_INDEX, TORCH]\n";
    t += "        planned.append((\"installing PyTorch for the CPU\", small, False))\n";
    t += "    package = [*pip, \"--upgrade\", \"semcolorize\"]\n";
    t += "    if wheel is not None:\n";
    t += "        package = [*pip, \"--force-reinstall\", \"--no-deps\", str(wheel)]\n";
    t += "        planned.append((\"installing what semcolorize needs\", [*pip, str(wheel)], True))\n";
    t += "    planned.append((\"installing semcolorize\", package, True))\n";
    t += "    planned.append((\"putting the macros into ImageJ\", macros, True))\n";
    t += "    planned.append((\"trying it out\", [*program, \"semcolorize.imagej.trial\"], True))\n";
    t += "    return planned\n";
    t += "\n";
    t += "\n";
    t += "class Told:\n";
    t += "    \"\"\"The status file.\"\"\"\n";
    t += "\n";
    t += "    def __init__(self, path: Path) -> None:\n";
    t += "        self._path, self._started = path, time.monotonic()\n";
    t += "        self.log: list[str] = []\n";
    t += "\n";
    t += "    def tell(self, state: str, progress: float, text: str, error: str = \"\") -> None:\n";
    t += "        \"\"\"Replace the file as a whole.\"\"\"\n";
    t += "        values = {\n";
    t += "            \"state\": state, \"progress\": f\"{progress:.3f}\", \"text\": text, \"error\": error,\n";
    t += "            \"seconds\": f\"{time.monotonic() - self._started:.0f}\",\n";
    t += "        }  # fmt: skip\n";
    t += "        waiting = self._path.with_suffix(\".part\")\n";
    t += "        waiting.write_text(\"\".join(f\"{key}={spell(value)}\\n\" for key, value in values.items()), encoding=\"ascii\")\n";
    t += "        for _ in range(40):\n";
    t += "            with contextlib.suppress(PermissionError):\n";
    t += "                # Windows does not replace a file while a macro reads it; that takes no time.\n";
    t += "                waiting.replace(self._path)\n";
    t += "                return\n";
    t += "            time.sleep(0.05)\n";
    t += "\n";
    t += "\n";
    t += "def run(what: str, words: Sequence[str], told: Told, progress: float) -> None:\n";
    t += "    \"\"\"Run one step, telling its last line all the time; SetupFailed with the end of what it printed.\"\"\"\n";
    t += "    apart: dict[str, Any] = {\"creationflags\": 0x08000000} if os.name == \"nt\" else {}\n";
    t += "    told.log.append(f\"> {' '.join(words)}\")\n";
    t += "    told.tell(\"running\", progress, what)\n";
    t += "    environment = {key: value for key, value in os.environ.items() if key not in (\"PYTHONPATH\", \"PYTHONHOME\")}\n";
    t += "    try:\n";
    t += "        process = subprocess.Popen(\n";
    t += "            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,\n";
    t += "            encoding=\"utf-8\", errors=\"replace\", env=environment | {\"PYTHONIOENCODING\": \"utf-8\"}, **apart,\n";
    t += "        )  # fmt: skip\n";
    t += "    except OSError as error:\n";
    t += "        raise SetupFailed(f\"{what}: {words[0]} cannot be started: {error}.\") from None\n";
    t += "    lines: list[str] = []\n";
    t += "    for line in process.stdout or ():\n";
    t += "        if line.strip():\n";
    t += "            lines.append(line.rstrip())\n";
    t += "            told.tell(\"running\", progress, f\"{what}\\n{line.strip()[:110]}\")\n";
    t += "    code = process.wait()\n";
    t += "    told.log += lines\n";
    t += "    if code:\n";
    t += "        end = \"\\n\".join(lines[-TAIL:]) or \"(it printed nothing)\"\n";
    t += "        raise SetupFailed(f\"{what} failed (exit code {code}):\\n\\n{end}\")\n";
    t += "\n";
    t += "\n";
    t += "def make_environment(environment: Path, told: Told) -> Path:\n";
    t += "    \"\"\"Create the environment, unless it is there.\"\"\"\n";
    t += "    python = environment_python(environment, sys.platform)\n";
    t += "    if not python.exists():\n";
    t += "        words = [sys.executable, \"-m\", \"venv\", str(environment)]\n";
    t += "        try:\n";
    t += "            run(\"making a private environment\", words, told, 0.02)\n";
    t += "        except SetupFailed as error:\n";
    t += "            advice = \"\"\n";
    t += "            if sys.platform == \"linux\" and (\"ensurepip\" in str(error) or \"No module named venv\" in str(error)):\n";
    t += "                advice = \"\\n\\nOn Debian and Ubuntu, in a terminal:  sudo apt install python3-venv\"\n";
    t += "            raise SetupFailed(f\"{error}{advice}\") from None\n";
    t += "    (environment / SIGN).write_text(\"Made by Set up SemColorize.ijm, which removes it, too.\\n\", encoding=\"ascii\")\n";
    t += "    return python\n";
    t += "\n";
    t += "\n";
    t += "def work(action: str, imagej: str, home: str, source: str, told: Told) -> str:\n";
    t += "    \"\"\"Do all of it; returns the last words.\"\"\"\n";
    t += "    if sys.version_info < OLDEST:\n";
    t += "        raise SetupFailed(f\"{sys.executable} is Python {sys.version.split()[0]}; 3.11 or newer is needed.\")\n";
    t += "    environment = Path(home) / \"env\"\n";
    t += "    python = environment_python(environment, sys.platform)\n";
    t += "    if action == \"remove\" and not python.exists():\n";
    t += "        raise SetupFailed(f\"There is nothing to remove: no environment in {environment}.\")\n";
    t += "    if action != \"remove\":\n";
    t += "        # Said before anything is downloaded: the macros are copied last.\n";
    t += "        target = Path(imagej) / \"plugins\"\n";
    t += "        if not target.is_dir() or not os.access(target, os.W_OK):\n";
    t += "            raise SetupFailed(\n";
    t += "                f\"Nobody may write into {target} with your account. Move the folder of ImageJ or Fiji to a place of\"\n";
    t += "                \" your own (your home or the desktop) and run this again, or ask whoever looks after this computer.\"\n";
    t += "            )\n";
    t += "        action = \"update\" if python.exists() else \"install\"\n";
    t += "        python = make_environment(environment, told)\n";
    t += "    gpu = shutil.which(\"nvidia-smi\") is not None\n";
    t += "    planned = steps(action, python=python, imagej=imagej, wheel=find_wheel(source), system=sys.platform, gpu=gpu)\n";
    t += "    for number, (what, words, needed) in enumerate(planned):\n";
    t += "        try:\n";
    t += "            run(what, words, told, 0.05 + 0.93 * number / len(planned))\n";
    t += "        except SetupFailed as error:\n";
    t += "            if needed:\n";
    t += "                raise\n";
    t += "            told.log.append(f\"(went on without it: {error})\")\n";
    t += "    if action == \"remove\":\n";
    t += "        if (environment / SIGN).exists():\n";
    t += "            shutil.rmtree(environment, ignore_errors=True)\n";
    t += "        return \"SemColorize was removed.\"\n";
    t += "    return \"SemColorize is set up.\"\n";
    t += "\n";
    t += "\n";
    t += "def main(argv: Sequence[str]) -> int:\n";
    t += "    \"\"\"Run as a script; the exit code is 0 if all went well.\"\"\"\n";
    t += "    action, imagej, home, source = argv[0], *(unspell(word) for word in argv[1:4])\n";
    t += "    Path(home).mkdir(mode=0o700, parents=True, exist_ok=True)\n";
    t += "    told = Told(Path(home) / \"setup.txt\")\n";
    t += "    try:\n";
    t += "        text, state, error = work(action, imagej, home, source, told), \"done\", \"\"\n";
    t += "    except SetupFailed as failed:\n";
    t += "        text, state, error = \"SemColorize was not set up.\", \"failed\", str(failed)\n";
    t += "    except Exception as failed:\n";
    t += "        text, state, error = \"SemColorize was not set up.\", \"failed\", f\"{type(failed).__name__}: {failed}\"\n";
    t += "    (Path(home) / \"setup.log\").write_text(\"\\n\".join([*told.log, error, \"\"]), encoding=\"utf-8\", errors=\"replace\")\n";
    t += "    told.tell(state, 1.0, text, error)\n";
    t += "    return 0 if state == \"done\" else 1\n";
    t += "\n";
    t += "\n";
    t += "if __name__ == \"__main__\":\n";
    t += "    sys.exit(main(sys.argv[1:]))\n";
    return t;
}
// ---- end of the script
