from django.apps import AppConfig
from django.db.backends.signals import connection_created

from ila.core.db import startup


class CoreConfig(AppConfig):
    name = "ila.core"
    label = "core"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        connection_created.connect(startup.check_new_connection, dispatch_uid="ila.core.db.startup")
