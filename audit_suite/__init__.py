"""A pytest-style audit harness for medical-image models."""
