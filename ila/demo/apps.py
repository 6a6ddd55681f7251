from django.apps import AppConfig


class DemoConfig(AppConfig):
    name = "ila.demo"
    label = "demo"
