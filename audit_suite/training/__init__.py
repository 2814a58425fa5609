"""Recipes that train models: the reference models, and the masking study of the paper."""

from audit_suite.training.recipe import Recipe, StudyRecipe, load_recipe
from audit_suite.training.reference import train_reference
from audit_suite.training.study import train_study

__all__ = ["Recipe", "StudyRecipe", "load_recipe", "train_reference", "train_study"]
