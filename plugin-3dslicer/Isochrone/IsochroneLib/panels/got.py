"""Reading a widget's property under PythonQt (a value) and under PySide (a method)."""


def got(value):
    """The property's value."""
    return value() if callable(value) else value
