from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.module_loading import import_string


class FundingConfig(AppConfig):
    name = "funding"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # Named, not imported: models exist only now.
        import_string("catalogue.costs.use")(import_string("funding.selectors.costs.wallet_of"))
        post_migrate.connect(import_string("funding.services.seals.open_epoch_after_migrate"), sender=self)
