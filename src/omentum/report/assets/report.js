// Slices that scroll and structures that come and go; the 3D view listens for "structures".
"use strict";
(() => {
  const all = (selector, place = document) => [...place.querySelectorAll(selector)];

  for (const pane of all("figure.pane[data-slices]")) {
    const slices = all("svg", pane), slider = pane.querySelector("input"), told = pane.querySelector("output");
    const show = () => {
      slices.forEach((slice, n) => { slice.toggleAttribute("hidden", n !== slider.valueAsNumber); });
      told.textContent = slices[slider.valueAsNumber].dataset.place;
      slider.setAttribute("aria-valuetext", told.textContent);
    };
    slider.addEventListener("input", show);
    slider.valueAsNumber = Number(pane.dataset.slices); // browsers remember the last reader's place
    show();
    pane.querySelector(".film").addEventListener("wheel", (event) => {
      if (!event.shiftKey && document.activeElement !== slider) return; // the page scrolls until a slice is chosen
      event.preventDefault();
      slider.valueAsNumber += Math.sign(event.deltaY || event.deltaX);
      show();
    }, { passive: false });
    pane.querySelector(".film").addEventListener("click", () => slider.focus());
  }

  const boxes = all(".legend input[data-structure]");
  const apply = () => {
    for (const box of boxes) {
      for (const path of all(`.pane path.${box.dataset.structure}`)) path.style.display = box.checked ? "" : "none";
    }
    const shown = boxes.filter((box) => box.checked).map((box) => box.dataset.structure);
    document.dispatchEvent(new CustomEvent("structures", { detail: new Set(shown) }));
  };
  boxes.forEach((box) => { box.checked = true; box.addEventListener("change", apply); });
  for (const button of all(".legend button[data-show]")) {
    button.addEventListener("click", () => {
      boxes.forEach((box) => { box.checked = button.dataset.show === "all" || box.dataset.kind === button.dataset.show; });
      apply();
    });
  }
  const fill = document.querySelector("#fill");
  if (fill) fill.addEventListener("change", () => document.body.classList.toggle("no-fill", !fill.checked));
})();
