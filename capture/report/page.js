"use strict";
// Draws the charts, in the colours of the theme. What they show stands in the element `charts`.
(() => {
  const root = document.documentElement;
  const charts = JSON.parse(document.getElementById("charts").textContent);
  const prefersDark = matchMedia("(prefers-color-scheme: dark)");
  const button = document.getElementById("theme");
  let chosen = null;

  const theme = () => chosen || (prefersDark.matches ? "dark" : "light");

  // Colours are named in the data, and have their values in the style sheet.
  function coloured(value, styles) {
    if (Array.isArray(value)) return value.map((one) => coloured(one, styles));
    if (value === null || typeof value !== "object") return value;
    if (typeof value.ink === "string") return styles.getPropertyValue("--" + value.ink).trim();
    return Object.fromEntries(
      Object.entries(value).map(([name, one]) => [name, coloured(one, styles)])
    );
  }

  function numbers(held) {
    const bytes = Uint8Array.from(atob(held.bdata), (sign) => sign.charCodeAt(0));
    return held.dtype === "u1" ? bytes : new Int32Array(bytes.buffer);
  }

  // Words that many points share are sent once, with a code per point.
  function spelled(trace) {
    if (!trace.words) return trace;
    const { words, ...rest } = trace;
    return { ...rest, text: Array.from(numbers(words.codes), (code) => words.of[code]) };
  }

  // Names that begin with a number stay different when they are cut; an entity is not cut in two.
  function shortened(name) {
    if (typeof name !== "string" || name.length <= 24 || !/^\d+\. /.test(name)) return name;
    return name.slice(0, 23).replace(/&[^;]*$/, "") + "\u2026";
  }

  // Where there is little room, what takes most of it is left out.
  function narrowed(trace, order) {
    if (trace.type === "waterfall") return { ...trace, textposition: "none" };
    if (!Array.isArray(trace.y)) return trace;
    if (!Array.isArray(trace.y[0])) return { ...trace, y: trace.y.map(shortened) };
    return { ...trace, y: trace.y[1].map((name) => name + "\u00a0".repeat(order)) };
  }

  function axis(styles, given) {
    return {
      gridcolor: styles.getPropertyValue("--grid").trim(),
      zerolinecolor: styles.getPropertyValue("--faint").trim(),
      zeroline: false,
      automargin: true,
      ticklabelstandoff: given.type === "category" ? 6 : 0,
      ...given,
      ...(given.title ? { title: { standoff: 10, ...given.title } } : {}),
    };
  }

  function layoutOf(given, styles, narrow) {
    const ink = (name) => styles.getPropertyValue("--" + name).trim();
    const layout = {
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      margin: { l: 54, r: 16, t: 30, b: 44 },
      legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", traceorder: "normal",
        itemsizing: "constant" },
      ...given,
      font: { color: ink("text"), family: getComputedStyle(document.body).fontFamily, size: 12 },
      hoverlabel: {
        bgcolor: ink("card"), bordercolor: ink("faint"),
        font: { color: ink("ink"), size: 12 }, align: "left",
      },
      modebar: { bgcolor: "rgba(0,0,0,0)", color: ink("faint"), activecolor: ink("ink") },
      uirevision: "keep",
      autosize: true,
    };
    if (narrow) {
      layout.margin = { ...layout.margin, l: 40, r: 8 };
      layout.dragmode = false; // a finger on a chart scrolls the page
      if (layout.yaxis && layout.yaxis.type === "multicategory") {
        layout.yaxis = { ...layout.yaxis, type: "category" };
      }
    }
    for (const name of Object.keys(layout)) {
      if (/^[xy]axis\d*$/.test(name)) layout[name] = axis(styles, layout[name]);
    }
    return layout;
  }

  async function draw(identity) {
    const place = document.getElementById(identity);
    if (!place.offsetParent) return; // not shown now; drawn when it is chosen
    const styles = getComputedStyle(root);
    const narrow = place.clientWidth < 480;
    const figure = coloured(charts[identity], styles);
    const layout = layoutOf(figure.layout, styles, narrow);
    const settings = { responsive: true, displaylogo: false, displayModeBar: !narrow };
    settings.modeBarButtonsToRemove = ["lasso2d", "select2d", "autoScale2d"];
    let data = figure.data.map(spelled);
    if (narrow) data = data.map(narrowed);
    await Plotly.react(place, data, layout, settings);
    place.dataset.drawn = theme();
  }

  async function drawAll() {
    delete root.dataset.drawn;
    for (const identity of Object.keys(charts)) {
      await draw(identity);
      await new Promise((next) => setTimeout(next)); // the page stays usable meanwhile
    }
    root.dataset.drawn = theme();
  }

  function dress() {
    root.dataset.theme = theme();
    const other = theme() === "dark" ? "Light" : "Dark";
    button.textContent = other + " theme";
    button.setAttribute("aria-pressed", String(theme() === "dark"));
  }

  button.addEventListener("click", () => {
    chosen = theme() === "dark" ? "light" : "dark";
    dress();
    drawAll();
  });
  prefersDark.addEventListener("change", () => {
    dress();
    drawAll();
  });

  const choice = document.getElementById("timeline");
  if (choice) {
    choice.addEventListener("change", () => {
      document.querySelectorAll(".timeline").forEach((one, place) => {
        one.hidden = String(place) !== choice.value;
      });
      document.querySelectorAll(".timeline:not([hidden]) .chart").forEach((one) => draw(one.id));
    });
  }

  dress();
  drawAll();
})();
