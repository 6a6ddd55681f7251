"""Addresses of signing in: only what this platform offers, under the names that the library knows them by."""

from allauth.account import views as allauth
from allauth.mfa.recovery_codes import views as codes
from allauth.mfa.totp import views as apps
from allauth.mfa.webauthn import views as passkeys
from django.urls import path, re_path

from accounts.views import identity, identity_claims, security

urlpatterns = [
    # The library's name of the overview of factors; ours is of the whole sign-in.
    path("", security.overview, name="mfa_index"),
    path("login/", security.SignInView.as_view(), name="account_login"),
    path("logout/", allauth.logout, name="account_logout"),
    path("signup/", allauth.signup, name="account_signup"),
    path("inactive/", allauth.account_inactive, name="account_inactive"),
    path("reauthenticate/", allauth.reauthenticate, name="account_reauthenticate"),
    path("email/", allauth.email, name="account_email"),
    path("confirm-email/", allauth.email_verification_sent, name="account_email_verification_sent"),
    re_path(r"^confirm-email/(?P<key>[-:\w]+)/$", allauth.confirm_email, name="account_confirm_email"),
    path("password/change/", allauth.password_change, name="account_change_password"),
    path("password/set/", allauth.password_set, name="account_set_password"),
    path("password/reset/", allauth.password_reset, name="account_reset_password"),
    path("password/reset/done/", allauth.password_reset_done, name="account_reset_password_done"),
    re_path(
        r"^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        allauth.password_reset_from_key,
        name="account_reset_password_from_key",
    ),
    path(
        "password/reset/key/done/",
        allauth.password_reset_from_key_done,
        name="account_reset_password_from_key_done",
    ),
    path("second-factor/", security.second_factor, name="second_factor"),
    path("second-factor/use/", security.UseFactorView.as_view(), name="mfa_authenticate"),
    path("second-factor/again/", security.UseFactorAgainView.as_view(), name="mfa_reauthenticate"),
    path("app/add/", security.ActivateAppView.as_view(), name="mfa_activate_totp"),
    path("app/remove/", apps.deactivate_totp, name="mfa_deactivate_totp"),
    path("passkeys/", passkeys.list_webauthn, name="mfa_list_webauthn"),
    path("passkeys/add/", security.AddPasskeyView.as_view(), name="mfa_add_webauthn"),
    path("passkeys/login/", passkeys.login_webauthn, name="mfa_login_webauthn"),
    path("passkeys/again/", security.UsePasskeyAgainView.as_view(), name="mfa_reauthenticate_webauthn"),
    path("passkeys/<int:pk>/edit/", passkeys.edit_webauthn, name="mfa_edit_webauthn"),
    path("passkeys/<int:pk>/remove/", security.RemovePasskeyView.as_view(), name="mfa_remove_webauthn"),
    path("recovery-codes/", codes.view_recovery_codes, name="mfa_view_recovery_codes"),
    path("recovery-codes/new/", codes.generate_recovery_codes, name="mfa_generate_recovery_codes"),
    path("recovery-codes/file/", codes.download_recovery_codes, name="mfa_download_recovery_codes"),
    path("sessions/", security.sessions, name="usersessions_list"),
    path("e-identity/", identity.confirm_identity, name="confirm_identity"),
    path("e-identity/sign-in/", identity.choose, name="identity_choose"),
    path("e-identity/address/", identity.address, name="identity_address"),
    path("e-identity/code/", identity.code, name="identity_code"),
    path("e-identity/account/", identity.account, name="identity_account"),
    path("e-identity/account/answer/", identity_claims.answer, name="identity_answer"),
    path("e-identity/signed-out/", identity.left, name="identity_left"),
    path("e-identity/signed-out/everywhere/", identity.leave, name="identity_leave"),
    path("e-identity/with/<slug:provider>/", identity.begin, name="identity_begin"),
    path("e-identity/with/<slug:provider>/back/", identity.callback, name="identity_callback"),
    path("e-identity/claims/", identity_claims.queue, name="identity_claims"),
    path("e-identity/claims/<uuid:public_id>/", identity_claims.claim, name="identity_claim"),
    path("e-identity/claims/<uuid:public_id>/<slug:act>/", identity_claims.act, name="identity_claim_act"),
]
