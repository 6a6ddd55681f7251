// Comfort only: every page works without this file.
import { Button, ErrorSummary, PasswordInput, ServiceNavigation, SkipLink, createAll, isSupported } from '../vendor/govuk-frontend-6.6.0/govuk-frontend.min.js'

document.body.classList.add('js-enabled')
// The framework's components look for this class on the body before they start.
if ('noModule' in HTMLScriptElement.prototype) document.body.classList.add('govuk-frontend-supported')

if (isSupported()) {
  // The words that a component writes come from the page, in its language.
  const words = document.body.dataset
  createAll(ServiceNavigation)
  createAll(SkipLink)
  createAll(ErrorSummary)
  createAll(Button, { preventDoubleClick: true })
  createAll(PasswordInput, {
    i18n: {
      showPassword: words.showPassword,
      hidePassword: words.hidePassword,
      showPasswordAriaLabel: words.showPasswordLabel,
      hidePasswordAriaLabel: words.hidePasswordLabel,
      passwordShownAnnouncement: words.passwordShown,
      passwordHiddenAnnouncement: words.passwordHidden
    }
  })
}

// A print button is of use only where there is a script to print with.
for (const button of document.querySelectorAll('[data-print]')) {
  button.hidden = false
  button.addEventListener('click', () => window.print())
}

// A choice in a list takes effect at once; the button beside it serves everybody else.
for (const select of document.querySelectorAll('select[data-submit]')) {
  select.form.querySelector('[data-submit-button]')?.setAttribute('hidden', '')
  select.addEventListener('change', () => select.form.requestSubmit())
}
