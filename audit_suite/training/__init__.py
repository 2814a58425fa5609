"""Recipes that make the reference models, and the loop that follows them."""

from audit_suite.training.recipe import Recipe, load_recipe
from audit_suite.training.train import train_recipe

__all__ = ["Recipe", "load_recipe", "train_recipe"]
