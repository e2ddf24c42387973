"""The extras of the package: how to install one."""


def how_to_install(extra: str) -> str:
    """The end of a message that something needs this extra. No package index has wablock."""
    return f"in a clone of wablock, pip install '.[{extra}]'; with a wheel, pip install 'WHEEL[{extra}]'"
