from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.module_loading import import_string


class AccountsConfig(AppConfig):
    name = "accounts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # Named, not imported: models exist only now.
        import_string("accounts.identity.checks.check_providers")
        ensure = import_string("accounts.services.service_users.ensure_after_migrate")
        post_migrate.connect(ensure, sender=self)
        import_string("accounts.receivers.connect")()
        import_string("accounts.personal_registry.discover")()
