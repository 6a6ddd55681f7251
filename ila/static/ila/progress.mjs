// Tells how far long work is, and shows its result when it is done. Without it, the page has a link for that.
const panel = document.querySelector("[data-progress]");
const wait = 1500;

async function look() {
  let told;
  try {
    const answer = await fetch(panel.dataset.progress, { headers: { Accept: "application/json" } });
    if (!answer.ok) return;
    told = await answer.json();
  } catch {
    // The network may come back.
    setTimeout(look, 4 * wait);
    return;
  }
  if (!told.under_way) {
    location.reload();
    return;
  }
  const count = panel.querySelector("[data-progress-count]");
  // In words where the page has them, else as a number of what it counts.
  const text = told.says ?? (told.done ? `${told.done} ${panel.dataset.entries}` : "");
  // Written only when it changed: a screen reader says it each time.
  if (count.textContent !== text) count.textContent = text;
  setTimeout(look, wait);
}

if (panel) setTimeout(look, wait);
