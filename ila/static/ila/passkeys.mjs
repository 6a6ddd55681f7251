// Passkeys: asks the browser for one and sends what it answers with the form.
// The form says what is wanted (data-passkey: get or create) and where the server's question is: in the page
// (data-passkey-options: id of its JSON) or at an address (data-passkey-fetch). Words come from the page, in its language.
const converter = globalThis.webauthnJSON

function say (form, kind) {
  const words = (name) => form.querySelector(`[data-passkey-word="${name}"]`)
  const place = form.querySelector('[data-passkey-said]')
  place.textContent = (words(kind) ?? words('other')).content.textContent
  place.hidden = false
}

async function question (form) {
  if (form.dataset.passkeyOptions) {
    return JSON.parse(document.getElementById(form.dataset.passkeyOptions).textContent)
  }
  const answer = await fetch(form.dataset.passkeyFetch, { headers: { Accept: 'application/json' } })
  if (!answer.ok) throw new Error(`status ${answer.status}`)
  return (await answer.json()).request_options
}

async function answer (form) {
  const options = await question(form)
  if (form.dataset.passkey === 'get') return converter.get(options)
  // Every passkey here is enough to sign in with: the device keeps it whole, and asks its owner who they are.
  options.publicKey.authenticatorSelection = {
    ...options.publicKey.authenticatorSelection,
    residentKey: 'required',
    requireResidentKey: true,
    userVerification: 'required'
  }
  return converter.create(options)
}

for (const form of document.querySelectorAll('form[data-passkey]')) {
  if (!converter?.supported()) {
    say(form, 'missing')
    continue
  }
  form.querySelector('[data-passkey-button]').hidden = false
  form.addEventListener('submit', async (event) => {
    event.preventDefault()
    try {
      form.elements.credential.value = JSON.stringify(await answer(form))
      // Not requestSubmit(): this listener would stop it again.
      form.submit()
    } catch (error) {
      say(form, error.name)
    }
  })
}
