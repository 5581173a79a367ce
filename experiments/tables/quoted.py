"""Code that a page quotes, taken from the file that it is in."""

import ast
import inspect

from gan_from_scratch import losses as source


def losses() -> str:
    """Both generator losses as they stand in losses.py, without their docstrings."""
    functions = (source.generator_loss_saturating, source.generator_loss_nonsaturating)
    return "\n".join(["```python", *"\n\n\n".join(map(without_docstring, functions)).splitlines(), "```"])


def without_docstring(function) -> str:
    text = inspect.getsource(function)
    docstring = ast.parse(text).body[0].body[0]
    lines = text.splitlines()
    return "\n".join(lines[: docstring.lineno - 1] + lines[docstring.end_lineno :])


TABLES = {"losses": losses}
