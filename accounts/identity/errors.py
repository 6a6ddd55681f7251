"""What can go wrong between us and a provider, as one word each; `words.py` has the sentence that a person reads."""


class IdentityError(Exception):
    """An e-identity was not proved. Nothing was changed.

    code: what the person is told by. detail: for the log, never with anything of the person's.
    """

    def __init__(self, code: str, *, detail: str = "") -> None:
        self.code = code
        self.detail = detail
        super().__init__(f"{code}: {detail}" if detail else code)
