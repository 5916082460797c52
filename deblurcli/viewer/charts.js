function startReadout(figure) {
  const svg = figure.querySelector("svg"), output = figure.querySelector(".readout");
  const dots = [...svg.querySelectorAll("circle")];
  const REACH = 24;
  svg.addEventListener("pointermove", (event) => {
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    const distance = (dot) => Math.hypot(dot.cx.baseVal.value - at.x, dot.cy.baseVal.value - at.y);
    let nearest = null, least = REACH;
    for (const dot of dots) {
      const far = distance(dot);
      if (far < least) [nearest, least] = [dot, far];
    }
    if (!nearest) return;
    for (const dot of dots) dot.classList.toggle("at", dot === nearest);
    output.value = nearest.textContent;
  });
}
