// What Python tells, and what the window makes of it.

/**
 * @param {import("./app.js").App} app
 * @param {any} header
 * @param {Uint8Array[]} buffers
 */
export function receive(app, header, buffers) {
  switch (header.type) {
    case "welcome":
      app.viewer.forget();
      app.palettes = header.palettes;
      app.partBytes = header.partBytes;
      app.mostBytes = header.mostBytes;
      app.start.setRecent(header.recent, buffers);
      app.root.classList.toggle("sc-no-uploads", !header.uploads);
      app.update();
      break;
    case "state":
      app.setState(header);
      break;
    case "opened":
      if (!app.sizeChosen) app.size = header.hintSize;
      app.viewer.open(header, buffers[0]).then(() => {
        app.picture = app.pictures.get(header.view) || null;
        app.update();
      }, () => app.toast("The image cannot be shown by this browser.", "error"));
      break;
    case "closed":
      app.viewer.clear();
      app.picture = null;
      app.update();
      break;
    case "picture":
      app.pictures.set(header.view, header);
      app.viewer.setPicture(header, buffers[0]).then(() => {
        if (header.view === app.state.active) {
          app.picture = header;
          app.tellPicture(header);
          app.update();
        }
      });
      break;
    case "tile":
      app.viewer.setTile(header, buffers[0]);
      break;
    case "uncertainty":
      if (header.view === app.state.active && app.state.uncertainty) app.viewer.setVeil(buffers[0]);
      break;
    case "gallery":
      app.panels.result.fillGallery(buffers);
      app.update();
      break;
    case "reference":
      app.panels.result.setReference(header.name, buffers[0]);
      break;
    case "folder":
      app.strip.setFolder(header.files);
      break;
    case "thumbnail":
      app.strip.setThumbnail(header, buffers[0]);
      break;
    case "received":
      app.uploads.received(header.id);
      break;
    case "file":
      app.receiveFile(header, buffers[0]);
      if (header.part === header.parts - 1) app.toast(`Saved: ${header.name}`);
      break;
    case "progress":
      app.progress(header.text, header.share);
      break;
    case "notice":
      app.toast(header.text);
      break;
    case "error":
      app.toast(header.text, "error");
      break;
  }
}
