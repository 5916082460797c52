function startPictures(viewer) {
  const stage = startStage(viewer);
  const picks = [...viewer.querySelectorAll("[data-picked]")];

  function pick(button) {
    for (const each of picks) each.setAttribute("aria-pressed", each === button);
    for (const each of viewer.querySelectorAll("[data-picture]")) {
      each.hidden = each.dataset.picture !== button.dataset.picked;
    }
    stage.changed({ blurry: "blurry input", restored: button.dataset.method });
  }

  for (const button of picks) button.addEventListener("click", () => pick(button));
  pick(picks[0]);
}

for (const viewer of document.querySelectorAll(".viewer")) startPictures(viewer);
for (const output of document.querySelectorAll(".readout")) startReadout(output.closest("figure"));
