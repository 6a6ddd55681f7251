from django.apps import AppConfig
from django.utils.module_loading import import_string


class FraudConfig(AppConfig):
    name = "fraud"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # Named, not imported: models exist only now.
        import_string("funding.services.gates.use")(import_string("fraud.gates.FraudGate")())
        import_string("funding.audit.further.add")(self.name, import_string("fraud.audit.FURTHER"))
        import_string("funding.selectors.agency_home.add_work")(
            self.name, import_string("fraud.deadlines.WORK")
        )
        import_string("catalogue.screening.use")(import_string("fraud.screening.words.to_look_at"))
