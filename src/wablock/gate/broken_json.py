"""The reason why a text is not JSON, as a sentence for the details of an error."""

import json

import msgspec


def broken_json(name: str, error: Exception) -> str:
    """What is wrong with the text that is called `name`. `error`: what msgspec or the standard library raised.

    The sentence repeats nothing of the text, which may contain anything.
    """
    match error:
        case UnicodeError():
            problem = "it is not UTF-8"
        case RecursionError():
            problem = "it is nested too deeply"
        case json.JSONDecodeError():
            problem = f"{error.msg[:1].lower()}{error.msg[1:]} (character {error.pos})"
        case msgspec.ValidationError():
            problem = "a number is too large"  # the only error for a value of any type
        case msgspec.DecodeError():
            problem = (
                str(error).removeprefix("JSON is malformed: ").replace("Input data was truncated", "it ends too early")
            )
        case _:
            return f"{name} is broken JSON."
    return f"{name} is broken JSON: {problem}."


def not_an_object(name: str) -> str:
    return f"{name} is JSON, but not a JSON object."
