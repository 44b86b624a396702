"""The panel's sections."""
