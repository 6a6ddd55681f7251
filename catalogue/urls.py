"""Addresses of the public catalogue, of awards, and of what verifiers read."""

from django.urls import include, path

from catalogue.views import awards, entries, verification

urlpatterns = [
    path("", include("catalogue.exchange_urls")),
    path("", include("catalogue.provider_urls")),
    path("", include("catalogue.search_urls")),
    path("catalogue/<int:pk>/", entries.entry, name="entry"),
    path("portfolio/", awards.portfolio, name="portfolio"),
    path("portfolio/share/", awards.share, name="portfolio_share"),
    path("portfolio/share/<uuid:public_id>/end/", awards.share_end, name="portfolio_share_end"),
    path("shared/<str:token>/", verification.shared, name="shared_portfolio"),
    path("awards/", awards.issued, name="awards"),
    path("awards/<uuid:public_id>/", awards.detail, name="award"),
    path("awards/<uuid:public_id>/credential.jwt", awards.token, name="award_token"),
    path("awards/<uuid:public_id>/credential.json", awards.document, name="award_document"),
    path("awards/<uuid:public_id>/badge.png", awards.badge_png, name="award_badge_png"),
    path("awards/<uuid:public_id>/badge.svg", awards.badge_svg, name="award_badge_svg"),
    path("awards/<uuid:public_id>/certificate.pdf", awards.certificate, name="award_certificate"),
    path("awards/<uuid:public_id>/revoke/", awards.revoke, name="award_revoke"),
    path("verify/", verification.verify, name="verify"),
    path("verify/<uuid:public_id>/", verification.verify_award, name="verify_award"),
    path(".well-known/jwks.json", verification.jwks, name="award_jwks"),
    path("credentials/keys/<str:name>/", verification.key, name="award_key"),
    path("credentials/issuers/<int:pk>/", verification.issuer, name="award_issuer"),
    path("credentials/status/<int:pk>/<int:number>/", verification.status_list, name="award_status"),
    path("credentials/terms/", verification.term_list, name="award_terms"),
]
