from typing import Any

confusables_data: dict[str, list[dict[str, Any]]]
