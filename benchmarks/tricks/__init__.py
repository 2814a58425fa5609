"""Attempts to open the gate, by class; one module for each class."""
