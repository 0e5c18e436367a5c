// Plugins > SemColorize > Update Colors: the picture of every image whose hints were edited follows them.
//
// The tool set does this by itself after each click; here it is for macros, and for times when other macros were installed.

requires("1.53t");
home = getDirectory("plugins") + "SemColorize" + File.separator;
if (!File.exists(home + "live.ijm")) home = File.getDirectory(getInfo("macro.filepath"));
done = runMacro(home + "live.ijm", "update");
