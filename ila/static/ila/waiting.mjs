// Comfort only: the page also looks again by itself without this file (a refresh inside <noscript>).
// Asks for the page again and puts its new state in place of the old one, without a jump.

const STATE = '#waiting'
const TOLD = '#told'

function pause (seconds) {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000))
}

async function look () {
  const answer = await fetch(window.location.href, { credentials: 'same-origin' })
  const page = new DOMParser().parseFromString(await answer.text(), 'text/html')
  const there = page.querySelector(STATE)
  // Signed out meanwhile, or sent on: let the browser go there.
  if (!answer.ok || answer.redirected || !there) return window.location.reload()
  const here = document.querySelector(STATE)
  here.replaceChildren(...there.childNodes)
  here.dataset.refresh = there.dataset.refresh ?? ''
  document.title = page.title
  // What a screen reader is told of: only when the words change.
  const told = document.querySelector(TOLD)
  const news = page.querySelector(TOLD).textContent
  if (told.textContent !== news) told.textContent = news
}

for (;;) {
  const seconds = Number(document.querySelector(STATE).dataset.refresh)
  if (!seconds) break
  // Not all devices in the same moment.
  await pause(seconds + Math.random() * Math.min(seconds / 10, 3))
  try {
    await look()
  } catch {
    // Without a network: try again after the same time.
  }
}
