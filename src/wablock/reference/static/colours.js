// Before the first paint: the page's colours, light or dark, and what only scripts can use.
"use strict";

document.documentElement.classList.add("js");
try {
  document.documentElement.dataset.colours = localStorage.getItem("wablock.colours") || "";
} catch {
  // The browser stores nothing for this page: the system's colours are used.
}
