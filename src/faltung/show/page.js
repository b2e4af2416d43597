"use strict";
// The picture of a step is: definitions, and what stands still, with a slot between for each thing that moves.
(async () => {
  const at = (id) => document.getElementById(id);
  const [picture, slider, words, controls] = ["picture", "slider", "words", "controls"].map(at);
  const scene = await unpack(at("data").textContent.trim());
  const wide = matchMedia("(min-width: 700px)");
  const last = scene.words.length - 1;
  let step = scene.first, shown = [], slots = [], timer = 0;

  async function unpack(text) {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    const scene = await new Response(stream).json();
    for (const layer of scene.layers) {
      let before = "";
      // Each piece is told by what it shares with the one before: so many letters, new ones, so many at the end.
      layer.pieces = layer.pieces.map(([head, middle, tail]) =>
        before = before.slice(0, head) + middle + (tail ? before.slice(-tail) : ""));
    }
    return scene;
  }

  function layer() {
    return scene.layers[wide.matches ? 0 : 1];
  }

  function layOut() {
    const { width, height, definitions, still } = layer();
    picture.setAttribute("viewBox", `0 0 ${width} ${height}`);
    picture.style.aspectRatio = `${width} / ${height}`;
    picture.innerHTML = `<defs>${definitions}</defs>` + still.join('<g class="slot"></g>');
    slots = [...picture.querySelectorAll(".slot")];
    shown = [];
    draw();
  }

  function draw() {
    const { pieces, steps } = layer();
    steps[step].forEach((piece, slot) => {
      if (shown[slot] !== piece) slots[slot].innerHTML = pieces[piece];
      shown[slot] = piece;
    });
    const place = `${step + 1} of ${last + 1}`;
    words.textContent = scene.words[step];
    at("count").textContent = place;
    slider.value = step;
    slider.setAttribute("aria-valuetext", place);
    at("back").setAttribute("aria-disabled", step === 0);
    at("on").setAttribute("aria-disabled", step === last);
  }

  function go(to) {
    step = Math.min(Math.max(to, 0), last);
    draw();
  }

  function pause() {
    clearTimeout(timer);
    timer = 0;
    told();
  }

  function play() {
    if (step === last) go(0);
    const next = () => {
      timer = setTimeout(() => {
        go(step + 1);
        if (step === last) pause(); else next();
      }, 1000 / scene.rate / at("speed").value);
    };
    next();
    told();
  }

  function told() {
    controls.classList.toggle("playing", timer !== 0);
    at("play").lastElementChild.textContent = timer ? "Pause" : "Play";
    // Nobody can listen as fast as it plays; what is told is the step where it stops.
    words.setAttribute("aria-live", timer ? "off" : "polite");
  }

  const acts = {
    " ": () => timer ? pause() : play(),
    ArrowLeft: () => { pause(); go(step - 1); },
    ArrowRight: () => { pause(); go(step + 1); },
    Home: () => { pause(); go(0); },
    End: () => { pause(); go(last); },
  };
  at("play").onclick = acts[" "];
  at("back").onclick = acts.ArrowLeft;
  at("on").onclick = acts.ArrowRight;
  slider.oninput = () => { pause(); go(+slider.value); };

  document.addEventListener("keydown", (event) => {
    const act = acts[event.key];
    const name = event.target.tagName;
    if (!act || last === 0 || event.ctrlKey || event.metaKey || event.altKey || name === "SELECT") return;
    // A button is pressed by the space bar itself.
    if (name === "BUTTON" && event.key === " ") return;
    event.preventDefault();
    act();
  });

  const root = document.documentElement;
  const prefersDark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => root.dataset.theme ? root.dataset.theme === "dark" : prefersDark.matches;
  const showTheme = () => at("theme").setAttribute("aria-pressed", isDark());
  at("theme").onclick = () => { root.dataset.theme = isDark() ? "light" : "dark"; showTheme(); };
  prefersDark.addEventListener("change", showTheme);

  slider.max = last;
  document.body.classList.toggle("single", last === 0);
  at("count").style.minWidth = `${2 * String(last + 1).length + 4}ch`;
  wide.addEventListener("change", layOut);
  showTheme();
  layOut();
})();
