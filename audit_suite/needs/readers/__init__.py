"""Estimates from readers' answers, beside the model's scores of the same images."""
