// How confident a model is, painted here so that the threshold moves without asking the server.
// `ramp` colours confidences 0, 0.01, ... 1 (RGBA each); those below the threshold take the colour `mark`.
async function paint(root, own, reading, truth, threshold) {
  await Promise.all([unpack(reading.confidence), unpack(reading.ids), unpack(truth?.ids)]);
  if (own.doubt !== reading) return; // another image came meanwhile
  const { values, height, width } = reading.confidence;
  const ramp = Uint8Array.from(atob(root.ramp), (letter) => letter.charCodeAt(0));
  const colors = new Uint32Array(ramp.buffer.slice(0));
  const below = Math.round(threshold * 100);
  colors.fill(new Uint32Array(Uint8Array.from(root.mark).buffer)[0], 0, below);
  const picture = new ImageData(width, height);
  const pixels = new Uint32Array(picture.data.buffer);
  for (let at = 0; at < values.length; at++) pixels[at] = colors[values[at]];
  Object.assign(own.canvas, { width, height });
  own.canvas.getContext("2d").putImageData(picture, 0, 0);
  own.note.textContent = summary(reading, truth, below);
}

// Says how many of the scored pixels are below the threshold, and how many of the errors are among them.
function summary({ ids, confidence }, truth, below) {
  let [marked, wrong, caught, scored] = [0, 0, 0, 0];
  const { values, height, width } = confidence;
  for (let row = 0; row < height; row++) {
    const over = Math.floor(((row + 0.5) / height) * ids.height) * ids.width;
    for (let column = 0; column < width; column++) {
      const at = over + Math.floor(((column + 0.5) / width) * ids.width);
      const true_ = truth?.ids ? truth.ids.values[at] : ids.values[at];
      if (true_ === VOID) continue;
      const missed = ids.values[at] !== true_;
      const unsure = values[row * width + column] < below;
      scored++;
      marked += unsure;
      wrong += missed;
      caught += unsure && missed;
    }
  }
  const percent = (part, whole) => `${Math.round((100 * part) / Math.max(1, whole))} %`;
  const pixels = `${percent(marked, scored)} of pixels are below ${(below / 100).toFixed(2)}`;
  return pixels + (wrong ? `; they hold ${percent(caught, wrong)} of the errors` : "");
}
