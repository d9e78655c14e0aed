// Take a file that is dropped on the page.

/** Call `take` with a file that is dropped anywhere on the panel; the area shows that it can be dropped. */
export function prepareDrop(panel, area, take) {
  const over = (on) => (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    area.classList.toggle("over", on);
  };
  panel.addEventListener("dragover", over(true));
  panel.addEventListener("dragleave", over(false));
  panel.addEventListener("drop", (event) => {
    over(false)(event);
    const [file] = event.dataTransfer?.files ?? [];
    if (file) take(file);
  });
  // A file dropped beside the area would replace the page.
  for (const name of ["dragover", "drop"]) window.addEventListener(name, (event) => event.preventDefault());
}
