"""Mails that one may do without. Everything else is told whether one likes it or not: money, consent, safety."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction

from accounts.models import MutedTopic, User

# Which kinds of mails belong to a topic that can be switched off.
TOPICS: dict[str, frozenset[str]] = {
    "suggestions": frozenset({"training_suggested"}),
    "surveys": frozenset({"survey_end", "survey_outcome"}),
}
_TOPIC_OF = {template: topic for topic, templates in TOPICS.items() for template in templates}


def is_muted(user: User, template: str) -> bool:
    """Whether a person does not want mails of this kind; asks the database only about kinds that can be muted."""
    topic = _TOPIC_OF.get(template)
    return topic is not None and MutedTopic.objects.filter(user_id=user.pk, topic=topic).exists()


def muted_topics(user: User) -> set[str]:
    """What a person has switched off."""
    return set(MutedTopic.objects.filter(user_id=user.pk).values_list("topic", flat=True))


@transaction.atomic
def choose_topics(*, actor: User, wanted: Iterable[str]) -> None:
    """Keep the mails of these topics and switch off the others. Unknown topics change nothing."""
    muted = set(TOPICS) - set(wanted)
    MutedTopic.objects.filter(user=actor).exclude(topic__in=muted).delete()
    MutedTopic.objects.bulk_create(
        [MutedTopic(user=actor, topic=topic) for topic in sorted(muted)], ignore_conflicts=True
    )
