"""Reading a widget's property under PythonQt (a value) and under PySide (a method)."""


def got(value):
    """The property's value."""
    return value() if callable(value) else value


def is_checked(button) -> bool:
    """A check box's or a checkable button's state."""
    return bool(got(button.checked) if hasattr(button, "checked") else button.isChecked())
