"""Addresses of teams: who acts for an organisation."""

from django.urls import path

from accounts.views import team

urlpatterns = [
    path("organisations/", team.teams, name="teams"),
    path("organisations/join/<str:token>/", team.join, name="team_join"),
    path("organisations/<uuid:public_id>/team/", team.team, name="team"),
    path("organisations/<uuid:public_id>/team/<int:membership_id>/", team.member, name="team_member"),
    path(
        "organisations/<uuid:public_id>/team/invitations/<uuid:invitation_id>/withdraw/",
        team.withdraw,
        name="team_withdraw",
    ),
]
